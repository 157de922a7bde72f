"""The index: finds what an event may match without asking each one. Nothing here remembers an event.

What is filed is a rule, or whatever else has tests. One that pins a field to a list of exact values
(`code = "KEY_MUTE"`, `ID_SERIAL_SHORT = "A50285BI"`) is filed under them, by the field whose values are rarest over
all; an event looks up its own value of the few fields that anything is filed by. So the cost of an event does not grow
with rules that pin other values.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Generic, NamedTuple, TypeVar

import msgspec

from bridge.mapping.match import number_of
from bridge.model.checks import Checks, passes
from bridge.model.events import Field, Fields
from bridge.sources.source import Source

T = TypeVar("T")


class Candidate(NamedTuple, Generic[T]):
    """What may match: its place in the order that they were given in, and the tests that are left to ask."""

    place: int
    one: T
    checks: Checks

    def matches(self, fields: Fields) -> bool:
        """Whether the tests that are left hold."""
        return passes(self.checks, fields)


class _Drawer(msgspec.Struct, Generic[T], frozen=True):
    """What is filed by the field `name`: under texts, and under numbers that the text of an event may spell."""

    name: str
    any_case: bool
    texts: dict[Field, list[Candidate[T]]] = msgspec.field(default_factory=dict)
    numbers: dict[int, list[Candidate[T]]] = msgspec.field(default_factory=dict)

    def file(self, candidate: Candidate[T], values: Collection[Field]) -> None:
        for value in values:
            if isinstance(value, int):
                self.numbers.setdefault(value, []).append(candidate)
                continue
            number = number_of(value)
            if number in values:  # the number's own place holds for every text that spells it: once is enough
                continue
            self.texts.setdefault(value, []).append(candidate)
            if number is not None and str(number) == value:  # the integer 5 is the text "5" too
                self.texts.setdefault(number, []).append(candidate)

    def look_up(self, value: Field | None) -> Sequence[Candidate[T]]:
        if self.any_case and isinstance(value, str):
            value = value.lower()
        found = self.texts.get(value, ()) if value is not None else ()
        if not self.numbers or (number := number_of(value)) is None:
            return found
        spelt = self.numbers.get(number, ())
        return sorted((*found, *spelt), key=_place) if found and spelt else found or spelt


class Index(Generic[T]):
    """Those of one source, each with its place and its tests, filed."""

    __slots__ = ("_drawers", "_open")

    def __init__(self, source: Source, placed: Sequence[tuple[int, T, Checks]]) -> None:
        self._open: list[Candidate[T]] = []
        drawers: dict[str, _Drawer[T]] = {}
        frequency = Counter((name, value) for _, _, checks in placed for name, pins in _pins(checks) for value in pins)
        for place, one, checks in placed:
            pins = _pins(checks)
            if not pins:
                self._open.append(Candidate(place, one, checks))
                continue
            name, values = min(pins, key=lambda pin: (sum(frequency[pin[0], value] for value in pin[1]), pin[0]))
            left = tuple((each, test) for each, test in checks if each != name)
            drawer = drawers.setdefault(name, _Drawer(name, source.is_hexadecimal(name)))
            drawer.file(Candidate(place, one, left), values)
        self._drawers = tuple(drawers.values())

    def candidates(self, fields: Fields) -> Sequence[Candidate[T]]:
        """Those that may match an event of these fields, by their places."""
        if len(self._drawers) == 1 and not self._open:  # the usual case, one field pinned by all
            drawer = self._drawers[0]
            return drawer.look_up(fields.get(drawer.name))
        found = list(self._open)
        for drawer in self._drawers:
            found += drawer.look_up(fields.get(drawer.name))
        found.sort(key=_place)
        return found


def _place(candidate: Candidate[T]) -> int:
    return candidate.place


def _pins(checks: Checks) -> list[tuple[str, frozenset[Field]]]:
    pins = ((name, test.exact()) for name, test in checks)
    return [(name, values) for name, values in pins if values is not None]

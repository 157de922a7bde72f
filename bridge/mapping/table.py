"""The rule table: finds the rules that an event may match without asking each one. Nothing here remembers an event.

A rule that pins a field to a list of exact values (`code = "KEY_MUTE"`, `ID_SERIAL_SHORT = "A50285BI"`) is filed
under them, by the field whose values are rarest over all rules; an event looks up its own value of the few fields that
rules are filed by. So the cost of an event does not grow with rules that pin other values.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from bridge.mapping.interest import Interest
from bridge.mapping.match import Test, number_of
from bridge.mapping.rules import Rule
from bridge.model.events import Field, Fields
from bridge.model.triggers import NamedTrigger
from bridge.sources import SOURCES
from bridge.sources.source import Source

Checks = tuple[tuple[str, Test], ...]


class Candidate(NamedTuple):
    """A rule that may match: its place in the order in which rules raise, and the tests that are left to ask."""

    place: int
    rule: Rule
    checks: Checks

    def matches(self, fields: Fields) -> bool:
        """Whether the tests that are left hold."""
        for name, test in self.checks:  # noqa: SIM110  # twice as fast as all() for a rule's one or two tests
            if not test(fields.get(name)):
                return False
        return True


@dataclass(frozen=True, slots=True)
class _Drawer:
    """The rules filed by the field `name`: under texts, and under numbers that the text of an event may spell."""

    name: str
    any_case: bool
    texts: dict[Field, list[Candidate]] = field(default_factory=dict)
    numbers: dict[int, list[Candidate]] = field(default_factory=dict)

    def file(self, candidate: Candidate, values: Collection[Field]) -> None:
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

    def look_up(self, value: Field | None) -> Sequence[Candidate]:
        if self.any_case and isinstance(value, str):
            value = value.lower()
        found = self.texts.get(value, ()) if value is not None else ()
        if not self.numbers or (number := number_of(value)) is None:
            return found
        return sorted((*found, *self.numbers.get(number, ())), key=_place)


class _SourceTable:
    """The rules of one source, filed."""

    __slots__ = ("_drawers", "_open", "rules")

    def __init__(self, source: Source, placed: Sequence[tuple[int, Rule]]) -> None:
        self.rules = tuple(rule for _, rule in placed)
        self._open: list[Candidate] = []
        drawers: dict[str, _Drawer] = {}
        frequency = Counter((name, value) for rule in self.rules for name, values in _pins(rule) for value in values)
        for place, rule in placed:
            pins = _pins(rule)
            if not pins:
                self._open.append(Candidate(place, rule, rule.match))
                continue
            name, values = min(pins, key=lambda pin: (sum(frequency[pin[0], value] for value in pin[1]), pin[0]))
            checks = tuple((each, test) for each, test in rule.match if each != name)
            drawer = drawers.setdefault(name, _Drawer(name, source.is_hexadecimal(name)))
            drawer.file(Candidate(place, rule, checks), values)
        self._drawers = tuple(drawers.values())

    def candidates(self, fields: Fields) -> Sequence[Candidate]:
        if len(self._drawers) == 1 and not self._open:  # the usual case, one field pinned by all
            drawer = self._drawers[0]
            return drawer.look_up(fields.get(drawer.name))
        found = list(self._open)
        for drawer in self._drawers:
            found += drawer.look_up(fields.get(drawer.name))
        found.sort(key=_place)
        return found


def _place(candidate: Candidate) -> int:
    return candidate.place


def _pins(rule: Rule) -> list[tuple[str, frozenset[Field]]]:
    pins = ((name, test.exact()) for name, test in rule.match)
    return [(name, values) for name, values in pins if values is not None]


class RuleTable:
    """All rules, in the order in which they raise, and the names that their files give to triggers."""

    def __init__(self, rules: Sequence[Rule] = (), names: Mapping[str, NamedTrigger] | None = None) -> None:
        self.rules = tuple(rules)
        self.names: Mapping[str, NamedTrigger] = MappingProxyType(dict(names or {}))
        placed = list(enumerate(self.rules))
        self._by_source = {
            name: _SourceTable(source, [(place, rule) for place, rule in placed if rule.source is source])
            for name, source in SOURCES.items()
        }
        self.candidates = {name: table.candidates for name, table in self._by_source.items()}
        """For each source, the function from fields to the rules that may match, in order."""

    def interest(self, source: str) -> Interest:
        """What the rules ask of one source's monitor; nothing where the name is no source, but a recording's."""
        return Interest(source, self._by_source[source].rules if source in self._by_source else ())

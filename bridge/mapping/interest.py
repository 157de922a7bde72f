"""What the rules of one source ask for, so that a monitor opens and lets pass nothing else. No event is matched."""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Protocol

import msgspec

from bridge.model.checks import Checks
from bridge.model.events import Field, Fields

if TYPE_CHECKING:
    from bridge.mapping.ports import InputOptions, SerialPort


class Asker(Protocol):
    """A rule, a level that rules or tasks wait for, or a device watcher."""

    def __hash__(self) -> int:
        """Of the object: two that ask for the same are two."""

    @property
    def match(self) -> Checks:
        """The tests of the events that it wants to be told of."""

    def asked_fields(self) -> frozenset[str]:
        """Every field that it wants such events to have."""


class Interest(msgspec.Struct, frozen=True):
    """All that asks for events of the source named `source`, seen by its monitor."""

    source: str
    askers: tuple[Asker, ...]
    ports: "tuple[SerialPort, ...]" = ()
    """Of the source `serial`, the declared ports that may be asked for."""
    inputs: "tuple[InputOptions, ...]" = ()
    """Of the source `evdev`, the options of input devices; `text` only if somebody asks for what is typed."""
    typed: "Interest | None" = None
    """Of the source `evdev`, what asks for events of `serial`, which the keys of input devices can be lines of."""

    def asks(self) -> bool:
        """Whether anything asks for events of this source."""
        return bool(self.askers) or any(each.text is not None for each in self.inputs)

    def may_ask(self, name: str, value: Field) -> bool:
        """Whether some rule may match an event of which a field has this value."""
        return self.possible({name: value}, {name})

    @property
    def attributes(self) -> frozenset[str]:
        """The sysfs attributes of the device itself that rules name, as `attr.NAME`."""
        return frozenset(name for name in self._asked() if name.startswith("attr."))

    @property
    def inherited(self) -> frozenset[str]:
        """The fields `@NAME` and `@attr.NAME` that rules name."""
        return frozenset(name for name in self._asked() if name.startswith("@"))

    def _asked(self) -> Iterable[str]:
        return frozenset().union(*(asker.asked_fields() for asker in self.askers))

    def pinned(self, field: str) -> frozenset[str] | None:
        """The exact values of a field that the rules ask for; None where some rule leaves it open."""
        values: set[str] = set()
        for asker in self.askers:
            listed = [test.exact() for name, test in asker.match if name == field]
            if not listed or listed[0] is None:
                return None
            values.update(str(value) for value in listed[0])
        return frozenset(values)

    def possible(self, fields: Fields, known: Collection[str]) -> bool:
        """Whether some rule may match an event of which the fields in `known` are these.

        A known field that `fields` does not have counts as absent.
        """
        return any(_may_match(asker, fields, known) for asker in self.askers)

    def narrowed(self, fields: Fields, known: Collection[str]) -> "Interest":
        """The interest of those rules that may match such an event: what a device is asked for, once it is known."""
        askers = tuple(each for each in self.askers if _may_match(each, fields, known))
        return msgspec.structs.replace(self, askers=askers)


def _may_match(asker: Asker, fields: Fields, known: Collection[str]) -> bool:
    return all(test(fields.get(name)) for name, test in asker.match if name in known)

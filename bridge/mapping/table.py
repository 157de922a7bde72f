"""The rule table: all rules and conditions of one set of files, filed by source. Nothing here remembers an event."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from bridge.mapping.conditions import Condition, OnDevice
from bridge.mapping.index import Index
from bridge.mapping.interest import Asker, Interest
from bridge.mapping.rules import Rule
from bridge.model.conditions import Named
from bridge.model.triggers import NamedTrigger
from bridge.sources import SOURCES

if TYPE_CHECKING:
    from bridge.mapping.ports import InputOptions, SerialPort


class Devices(msgspec.Struct, frozen=True):
    """What the files say of devices: the serial ports to open, options of input devices."""

    ports: "tuple[SerialPort, ...]" = ()
    inputs: "tuple[InputOptions, ...]" = ()


NO_DEVICES = Devices()


class RuleTable:
    """All rules, in the order in which they raise, the conditions, and what files say of triggers and devices."""

    def __init__(
        self,
        rules: Sequence[Rule] = (),
        names: Mapping[str, NamedTrigger] | None = None,
        conditions: Sequence[Condition] = (),
        devices: Devices = NO_DEVICES,
    ) -> None:
        self.rules = tuple(rules)
        self.conditions = tuple(conditions)
        self.devices = devices
        self.names: Mapping[str, NamedTrigger] = MappingProxyType(dict(names or {}))
        self.places = {rule: place for place, rule in enumerate(self.rules)}
        """For each rule, its place in the order in which rules raise."""
        placed: dict[str, list[Rule]] = {name: [] for name in SOURCES}
        for rule in self.rules:
            placed[rule.source.name].append(rule)
        self._of_source = placed
        self.candidates = {
            name: Index(SOURCES[name], [(self.places[rule], rule, rule.match) for rule in rules]).candidates
            for name, rules in placed.items()
        }
        """For each source, the function from fields to the rules that may match, in order."""

    def rules_of(self, source: str) -> Sequence[Rule]:
        """The rules of a source, in order; none where the name is no source, but a recording's."""
        return self._of_source.get(source, ())

    def guarding(self, source: str) -> tuple[Condition | OnDevice, ...]:
        """The levels of this source that guards of any rule look at: each condition and each inline test once."""
        named = {guard.name for rule in self.rules for guard in rule.guards if isinstance(guard, Named)}
        conditions = [each for each in self.conditions if each.name in named and each.source.name == source]
        inline = [guard for rule in self.rules_of(source) for guard in rule.guards if isinstance(guard, OnDevice)]
        return (*conditions, *dict.fromkeys(inline))

    def interest(self, source: str) -> Interest:
        """What rules and conditions ask of one source's monitor."""
        asking: list[Asker] = [*self.rules_of(source), *self.guarding(source)]
        return Interest(source, tuple(asking))

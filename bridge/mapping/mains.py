"""Whether the machine has mains power, as events tell. Nothing here reads sysfs or starts anything.

The monitor of the power supplies says it for the machine as a whole (`PowerStateChange`), and what it said last counts.
Recordings may have the events of each power supply instead, as udev tells them: these are judged as it judges them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from bridge.mapping.conditions import Condition
from bridge.mapping.match import Is, number_of
from bridge.model.conditions import MAINS
from bridge.model.events import Fields
from bridge.sources.power import CHANGE, Supply, power_of, supply_of
from bridge.sources.system import SYSTEM

POWER_SUPPLY = "power_supply"
"""The subsystem."""
POWER = Condition(MAINS, SYSTEM, (("name", Is(CHANGE)),))
"""The events that are asked for where somebody waits for the mains."""
_PREFIX = "POWER_SUPPLY_"


@dataclass(slots=True)
class Mains:
    """What the latest event of the machine tells, and the latest of each power supply."""

    _said: bool | None = None
    _supplies: dict[str, Supply] = field(default_factory=dict)
    """By devpath, of those that count."""

    @property
    def holds(self) -> bool | None:
        """Whether there is mains power; None where nothing tells."""
        return self._said if self._said is not None else power_of(self._supplies.values()).mains

    def hear_machine(self, fields: Fields) -> bool:
        """An event of the machine; whether it is about power."""
        if fields.get("name") != CHANGE:
            return False
        mains = number_of(fields.get("mains"))
        self._said = None if mains is None else mains != 0
        return True

    def hear(self, fields: Fields) -> None:
        """An event of a power supply, which is the latest of it."""
        devpath, supply = str(fields.get("devpath")), supply_of(dict(_attributes(fields)))
        if supply is None:
            self._supplies.pop(devpath, None)
        else:
            self._supplies[devpath] = supply

    def gone(self, devpath: str) -> bool:
        """A device went; whether it was a supply that counted."""
        return self._supplies.pop(devpath, None) is not None


def _attributes(fields: Fields) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        if name.startswith(_PREFIX):
            yield name.removeprefix(_PREFIX).lower(), str(value)

"""Whether the machine has mains power, as its power supplies tell. Nothing here reads sysfs or starts anything.

The meaning is that of ConditionACPower (systemd.unit(5)); the names are the kernel's, Documentation/ABI/testing/
sysfs-class-power, in power_supply events of udev. Supplies of other devices (a mouse has a battery) do not count.
"""

from dataclasses import dataclass, field
from enum import Enum

from bridge.mapping.conditions import Condition
from bridge.mapping.match import Is, number_of
from bridge.model.conditions import MAINS
from bridge.model.events import Fields
from bridge.sources.udev import UDEV

POWER_SUPPLY = "power_supply"
"""The subsystem."""
SUPPLIES = Condition(MAINS, UDEV, (("subsystem", Is(POWER_SUPPLY)),))
"""The events that are asked for where somebody waits for the mains."""


class _Tells(Enum):
    ONLINE = "a supply is online"
    OFFLINE = "a supply is not online"
    DISCHARGING = "a battery of the machine is discharging"


@dataclass(slots=True)
class Mains:
    """What the latest event of each power supply tells."""

    _told: dict[str, _Tells] = field(default_factory=dict)
    """By devpath, of those that tell anything."""

    @property
    def holds(self) -> bool | None:
        """Whether there is mains power; None where no supply tells.

        A supply that is online says so whatever others tell; a battery that discharges says no where no supply tells.
        """
        told = set(self._told.values())
        return _Tells.ONLINE in told if told else None

    def hear(self, fields: Fields) -> None:
        """An event of a power supply, which is the latest of it."""
        devpath, tells = str(fields.get("devpath")), _tells(fields)
        if tells is None:
            self._told.pop(devpath, None)
        else:
            self._told[devpath] = tells

    def gone(self, devpath: str) -> bool:
        """A device went; whether it was a supply that counted."""
        return self._told.pop(devpath, None) is not None


def _tells(fields: Fields) -> _Tells | None:
    if fields.get("POWER_SUPPLY_SCOPE") == "Device":
        return None
    type_ = str(fields.get("POWER_SUPPLY_TYPE", ""))
    if type_ == "Battery":
        return _Tells.DISCHARGING if fields.get("POWER_SUPPLY_STATUS") == "Discharging" else None
    online = number_of(fields.get("POWER_SUPPLY_ONLINE"))  # 1 is with a fixed voltage, 2 with one that was agreed on
    if online is None or not (type_ == "Mains" or type_.startswith("USB")):
        return None
    return _Tells.ONLINE if online else _Tells.OFFLINE

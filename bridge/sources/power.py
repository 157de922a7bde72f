"""What the power supplies of the machine tell together: mains, and all batteries as one. Nothing here reads sysfs.

Names and words are the kernel's (Documentation/ABI/testing/sysfs-class-power); what mains power is, is what
ConditionACPower makes of it (systemd.unit(5)). A supply of another device, such as a mouse's battery, does not count.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from bridge.model.events import Field

CHANGE = "PowerStateChange"
"""The name of the event that tells of power."""
OF_A_DEVICE = "Device"
"""The scope of a supply that does not feed the machine."""
ATTRIBUTES = (
    "type", "present", "online", "status", "capacity",
    "energy_now", "energy_full", "charge_now", "charge_full",
)  # fmt: skip
"""What is asked of a supply, besides its `scope`."""
BATTERY = "Battery"
DISCHARGING, CHARGING, FULL, IDLE = "Discharging", "Charging", "Full", "Not charging"
_OUTSIDE = ("Mains", "Wireless", "BrickID", "USB")
"""How the types of supplies begin that power comes into the machine by; all others tell nothing."""


class Supply(msgspec.Struct, frozen=True, kw_only=True):
    """One supply of the machine; `capacity` is in percent, and None where nothing tells what a battery holds."""

    type: str
    is_online: bool | None = None
    status: str | None = None
    capacity: float | None = None
    energy_full: int | None = None
    charge_full: int | None = None

    def __str__(self) -> str:
        """As people read it.

        >>> str(Supply(type="Mains", is_online=False)), str(Supply(type="Battery", status="Full", capacity=99.6))
        ('Mains, offline', 'Battery, 100 %, Full')
        """
        online = {True: "online", False: "offline", None: None}[self.is_online]
        capacity = None if self.capacity is None else f"{self.capacity:.0f} %"
        return ", ".join(filter(None, (self.type, online, capacity, self.status)))


class Power(msgspec.Struct, frozen=True):
    """What the supplies tell together; None is what none of them tells.

    `capacity` and `status` are those of all batteries, in percent and in the kernel's words.
    """

    mains: bool | None = None
    capacity: int | None = None
    status: str | None = None

    def __str__(self) -> str:
        """For people; nothing, where nothing is told.

        >>> str(Power(mains=False, capacity=12, status="Discharging")), str(Power())
        ('on battery, 12 %, Discharging', '')
        """
        mains = None if self.mains is None else "on mains" if self.mains else "on battery"
        capacity = None if self.capacity is None else f"{self.capacity} %"
        return ", ".join(each for each in (mains, capacity, self.status) if each is not None)

    @property
    def details(self) -> dict[str, Field]:
        """As an event has it.

        >>> Power(mains=True, capacity=80, status="Charging").details
        {'mains': 1, 'capacity': 80, 'status': 'Charging'}
        """
        told = {"mains": None if self.mains is None else int(self.mains), "capacity": self.capacity}
        return {name: value for name, value in {**told, "status": self.status}.items() if value is not None}

    def or_else(self, other: "Power") -> "Power":
        """What is told here or else by another; capacity and status are of the same batteries.

        >>> Power(mains=True).or_else(Power(mains=False, capacity=90, status="Discharging"))
        Power(mains=True, capacity=90, status='Discharging')
        """
        mains = other.mains if self.mains is None else self.mains
        batteries = other if self.capacity is None and self.status is None else self
        return Power(mains, batteries.capacity, batteries.status)


def supply_of(attributes: Mapping[str, str]) -> Supply | None:
    """A supply by its attributes in sysfs; None for one that does not count, or is not there.

    >>> supply_of({"type": "Mains", "online": "1"}).is_online
    True
    >>> supply_of({"type": "Battery", "scope": "Device", "capacity": "20"}) is None
    True
    """
    type_ = attributes.get("type", "")
    if attributes.get("scope") == OF_A_DEVICE or attributes.get("present") == "0":
        return None
    if type_ == BATTERY:
        return Supply(
            type=type_,
            status=attributes.get("status") or None,
            capacity=_capacity(attributes),
            energy_full=_number(attributes, "energy_full"),
            charge_full=_number(attributes, "charge_full"),
        )
    online = _number(attributes, "online")  # 1 is with a fixed voltage, 2 with one that was agreed on
    if online is None or not type_.startswith(_OUTSIDE):
        return None
    return Supply(type=type_, is_online=online > 0)


def power_of(supplies: Iterable[Supply]) -> Power:
    """What these supplies tell together."""
    listed = list(supplies)
    batteries = [each for each in listed if each.type == BATTERY]
    return Power(_mains(listed, batteries), _capacity_of_all(batteries), _status_of_all(batteries))


def _mains(supplies: Sequence[Supply], batteries: Sequence[Supply]) -> bool | None:
    """Whether power comes in: one supply that is online is enough.

    A USB port that nothing comes in by says no only where there is a battery: others have such ports, too.
    """
    outside = [each for each in supplies if each.is_online is not None]
    if any(each.is_online for each in outside):
        return True
    is_without = any(each.type == "Mains" for each in outside) or bool(outside and batteries)
    return False if is_without or any(each.status == DISCHARGING for each in batteries) else None


def _status_of_all(batteries: Sequence[Supply]) -> str | None:
    """One that discharges feeds the machine, whatever the others do meanwhile; full are only all of them."""
    told = {each.status for each in batteries if each.status is not None}
    for status in (DISCHARGING, CHARGING, IDLE):
        if status in told:
            return status
    return min(told, key=lambda status: status == FULL) if told else None


def _capacity_of_all(batteries: Sequence[Supply]) -> int | None:
    """In percent of what all hold together when full, where all tell that in one unit; else in percent of each."""
    known = [each for each in batteries if each.capacity is not None]
    if not known:
        return None
    for sizes in ([each.energy_full for each in known], [each.charge_full for each in known]):
        if all(sizes):
            break
    else:
        sizes = [1 for _ in known]
    pairs = [(each.capacity or 0.0, size or 0) for each, size in zip(known, sizes, strict=True)]
    return round(sum(capacity * size for capacity, size in pairs) / sum(size for _, size in pairs))


def _capacity(attributes: Mapping[str, str]) -> float | None:
    told: float | None = _number(attributes, "capacity")
    for unit in ("energy", "charge"):
        now, full = _number(attributes, f"{unit}_now"), _number(attributes, f"{unit}_full")
        if told is None and now is not None and full:
            told = 100 * now / full
    return None if told is None else min(max(told, 0), 100)


def _number(attributes: Mapping[str, str], name: str) -> int | None:
    text = attributes.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 16 else None


@dataclass(slots=True)
class PowerChanges:
    """What was told of power last, and whether what is found now is a change of it.

    A change is another `mains` or `status`, or a `capacity` that is `step` percent away: so it does not flap.
    """

    step: int
    told: Power | None = None

    def turns(self, power: Power) -> bool:
        """Whether this is a change, which is told from now on. The first is none.

        >>> changes = PowerChanges(step=5)
        >>> [changes.turns(Power(capacity=each)) for each in (80, 76, 75, 79, 80)]
        [False, False, True, False, True]
        """
        told = self.told
        if told is not None and not self._differs(told, power):
            return False
        self.told = power
        return told is not None

    def _differs(self, told: Power, power: Power) -> bool:
        if (told.mains, told.status) != (power.mains, power.status):
            return True
        if power.capacity is None:  # a battery that cannot be read for once is the same
            return False
        return told.capacity is None or abs(told.capacity - power.capacity) >= self.step

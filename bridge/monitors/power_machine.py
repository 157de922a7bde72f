"""The power supplies and the pressure of the machine, as the kernel shows them: files that are read, and what wakes.

Nothing here decides what they mean. A supply of another device is asked nothing but whether it is one: the battery of
a mouse may take seconds to answer.
"""

import os
from collections.abc import Collection, Mapping
from typing import Protocol

from bridge.monitors.merged import Subscription
from bridge.monitors.uevents import UeventSocket, group_in_force
from bridge.sources.power import ATTRIBUTES, OF_A_DEVICE, Supply, supply_of

POWER_SUPPLY = "power_supply"
SUPPLIES = "/sys/class/power_supply"
PRESSURE = "/proc/pressure"
WINDOW = 2_000_000
"""Microseconds over which the kernel watches pressure: who has no CAP_SYS_RESOURCE may have multiples of this only."""
_ATTRIBUTE_SIZE = 4096


class Machine(Protocol):
    """Where supplies and pressure are: the kernel, or what a test makes up."""

    def supplies(self) -> Mapping[str, Supply]:
        """By name, those that count and are there now."""

    def subscribe(self) -> Subscription:
        """Hears of power supplies from now on; raises `DeviceError` where that is not possible."""

    def pressure(self, resources: Collection[str]) -> Mapping[str, float]:
        """The percentage of the last ten seconds in which some process waited for each; without what is not told."""

    def watch_pressure(self, resource: str, percent: int) -> int:
        """A descriptor that is urgent (EPOLLPRI) when some process waits so much of the time.

        Who asks closes it. Raises `OSError` where the kernel has none for us.
        """


class ThisMachine:
    """The machine that we run on."""

    def supplies(self) -> Mapping[str, Supply]:
        """What sysfs has."""
        try:
            names = sorted(os.listdir(SUPPLIES))
        except OSError:  # a kernel that knows none
            return {}
        found = {name: _supply(os.path.join(SUPPLIES, name)) for name in names}
        return {name: supply for name, supply in found.items() if supply is not None}

    def subscribe(self) -> Subscription:
        """A netlink socket: udevd's messages where there is one, as the kernel filters only these for us."""
        return UeventSocket(group=group_in_force("auto"), subsystems=frozenset({POWER_SUPPLY}))

    def pressure(self, resources: Collection[str]) -> Mapping[str, float]:
        """What /proc/pressure says of `some`."""
        averages = {resource: average_of(_read(os.path.join(PRESSURE, resource)) or "") for resource in resources}
        return {resource: average for resource, average in averages.items() if average is not None}

    def watch_pressure(self, resource: str, percent: int) -> int:
        """A trigger of the kernel's (Documentation/accounting/psi.rst), which goes off at most once in a window."""
        descriptor = os.open(os.path.join(PRESSURE, resource), os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(descriptor, b"some %d %d\0" % (percent * WINDOW // 100, WINDOW))
        except OSError:
            os.close(descriptor)
            raise
        return descriptor


def average_of(text: str) -> float | None:
    r"""The average over ten seconds of a file of /proc/pressure; None where it has none.

    >>> average_of("some avg10=1.53 avg60=0.87 avg300=0.73 total=11\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0")
    1.53
    """
    words = text.partition("\n")[0].split()
    if words[:1] != ["some"]:
        return None
    told = dict(word.partition("=")[::2] for word in words[1:])
    try:
        return float(told["avg10"])
    except (KeyError, ValueError):
        return None


def _supply(folder: str) -> Supply | None:
    scope = _read(os.path.join(folder, "scope"))
    if scope == OF_A_DEVICE:
        return None
    found = {name: _read(os.path.join(folder, name)) for name in ATTRIBUTES}
    return supply_of({name: value for name, value in found.items() if value is not None})


def _read(path: str) -> str | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(descriptor, _ATTRIBUTE_SIZE).decode(errors="replace").strip()
        finally:
            os.close(descriptor)
    except OSError:  # no such attribute, or the supply goes just now, or does not answer
        return None

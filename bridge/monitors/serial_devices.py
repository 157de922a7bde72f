"""The machine as the serial monitor sees it: which devices a declared port may mean, and the news of them.

No port is opened here, and nothing is kept.
"""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyudev

from bridge.errors import DeviceError
from bridge.mapping.ports import SerialPort
from bridge.model.checks import Checks, passes
from bridge.model.events import Field
from bridge.monitors.input_machine import Uevents
from bridge.monitors.uevents import (
    UeventSocket,
    attribute_of,
    context,
    devices_there,
    group_in_force,
    inherited_of,
    properties_of,
)
from bridge.sources.device_fields import readable
from bridge.sources.serial_ports import in_order
from bridge.sources.udev import event_of_properties

_TTY = frozenset({"tty"})


@dataclass(frozen=True, slots=True)
class Tty:
    """A device that a port may mean: its node, and its udev properties, none where udev does not know it."""

    node: str
    properties: Mapping[str, str]


class Machine(Protocol):
    """Where ports are: this machine, or what a test makes up."""

    @property
    def group(self) -> str:
        """`udev` or `kernel`: whose news `subscribe` hears."""

    def subscribe(self) -> Uevents:
        """Hears of devices of the subsystem tty from now on; raises `DeviceError` where that is not possible."""

    def find(self, match: Checks) -> Sequence[Tty]:
        """The devices of the subsystem tty that pass `match`. Raises `DeviceError` where they cannot be listed."""

    def at(self, path: str) -> Tty:
        """The device that `path` leads to."""

    def inherited(self, tty: Tty, names: Collection[str]) -> Mapping[str, Field]:
        """Those of the fields `@NAME` and `@attr.NAME` that the device or an ancestor has."""


class ThisMachine:
    """The machine that we run on: libudev and /dev; with a udevd, only the devices that it is done with."""

    def __init__(self) -> None:
        self.group = group_in_force("auto")

    def subscribe(self) -> Uevents:
        """A netlink socket of its own."""
        return UeventSocket(group=self.group, subsystems=_TTY)

    def find(self, match: Checks) -> Sequence[Tty]:
        """What libudev lists."""
        return [*_passing(devices_there(group=self.group, subsystems=_TTY), match)]

    def at(self, path: str) -> Tty:
        """What links lead to, and what libudev says of a device with that number."""
        node = os.path.realpath(path)
        device = _device_at(node)
        return Tty(node, {} if device is None else properties_of(device))

    def inherited(self, tty: Tty, names: Collection[str]) -> Mapping[str, Field]:
        """What libudev says."""
        device = _device_at(tty.node) if names else None
        if device is None:
            return {}
        values = {name: inherited_of(device, name.removeprefix("@")) for name in sorted(names)}
        return {name: readable(value) for name, value in values.items() if value is not None}


def candidates(machine: Machine, declared: SerialPort, before: Mapping[str, str]) -> Sequence[Tty]:
    """The devices that a port may mean now, the likeliest first; `before` are the properties of the one it was.

    Raises `DeviceError` where that cannot be known.
    """
    if declared.port is not None:
        return [machine.at(declared.port)] if os.path.exists(declared.port) else []
    found = {id(tty.properties): tty for tty in machine.find(declared.match)}
    return [found[id(properties)] for properties in in_order([tty.properties for tty in found.values()], before)]


def _passing(devices: Iterable[pyudev.Device], match: Checks) -> Iterator[Tty]:
    names = [name for name, _ in match]
    for device in devices:
        properties = properties_of(device)
        node = properties.get("DEVNAME")
        if node is None:
            continue
        more = {name: value for name in names if (value := _read(device, name)) is not None}
        if passes(match, event_of_properties(properties, at=0, more=more).fields):
            yield Tty(node, properties)


def _read(device: pyudev.Device, name: str) -> str | None:
    """What is no property of the device itself: it takes a look at sysfs, or at its ancestors."""
    if name.startswith("@"):
        return inherited_of(device, name.removeprefix("@"))
    if name.startswith("attr."):
        return attribute_of(device, name.removeprefix("attr."))
    return None


def _device_at(node: str) -> pyudev.Device | None:
    """The device with the number of this node; None of a pseudo-terminal, which has none, or where there is no udev."""
    try:
        return pyudev.Devices.from_device_number(context(), "char", os.stat(node).st_rdev)
    except (OSError, DeviceError, pyudev.DeviceNotFoundError):
        return None

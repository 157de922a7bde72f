"""The machine as the evdev monitor sees it: its input devices and the news of them. Nothing is kept here."""

import os
from collections.abc import Collection
from typing import Protocol

import pyudev

from bridge.monitors.evdev_device import InputNode
from bridge.monitors.evdev_node import open_node
from bridge.monitors.input_devices import SYSFS, FoundInput, find_inputs, read_input
from bridge.monitors.uevents import UeventSocket, context, devices_there, group_in_force, inherited_of

_INPUT = frozenset({"input"})


class Uevents(Protocol):
    """A subscription to the news of input devices."""

    def fileno(self) -> int:
        """Readable when there is news."""

    def read(self) -> tuple[list[pyudev.Device], bool]:
        """The news, and whether the kernel dropped some. Raises `DeviceError` when the subscription has failed."""

    def close(self) -> None:
        """Ends it."""


class Machine(Protocol):
    """Where input devices are: this machine, or what a test makes up."""

    def subscribe(self) -> Uevents:
        """Hears of input devices from now on; raises `DeviceError` where that is not possible."""

    def find(self) -> list[str]:
        """The devpaths of the input devices with a node that are ready to be opened."""

    def read(self, devpath: str) -> FoundInput | None:
        """Who is at `devpath` and what it can send; None where nobody is."""

    def has(self, devpath: str) -> bool:
        """Whether a device is at `devpath` now."""

    def inherited(self, devpath: str, names: Collection[str]) -> dict[str, str]:
        """Those of the fields `@NAME` and `@attr.NAME` that the device or an ancestor has.

        Raises `DeviceError` where that cannot be known.
        """

    def open(self, node: str) -> InputNode:
        """Opens a node. Raises OSError."""


class ThisMachine:
    """The machine that we run on: sysfs, libudev and /dev; in the group `udev`, only what udevd is done with."""

    def __init__(self, group: str = "auto") -> None:
        """`group` is who tells of devices: `udev`, `kernel`, or `auto` for udevd where one runs now."""
        self._group = group_in_force(group)

    def subscribe(self) -> Uevents:
        """A netlink socket of its own."""
        return UeventSocket(group=self._group, subsystems=_INPUT)

    def find(self) -> list[str]:
        """What sysfs lists, with a udevd without those that it has not seen: a uevent will tell of them."""
        found = find_inputs()
        if self._group == "kernel":
            return found
        ready = {device.device_path for device in devices_there(group="udev", subsystems=_INPUT)}
        return [devpath for devpath in found if devpath in ready]

    def read(self, devpath: str) -> FoundInput | None:
        """What sysfs says."""
        return read_input(devpath)

    def has(self, devpath: str) -> bool:
        """What sysfs says."""
        return os.path.exists(f"{SYSFS}{devpath}")

    def inherited(self, devpath: str, names: Collection[str]) -> dict[str, str]:
        """What libudev says."""
        if not names:
            return {}
        try:
            device = pyudev.Devices.from_sys_path(context(), f"{SYSFS}{devpath}")
        except pyudev.DeviceNotFoundError:
            return {}
        values = {name: inherited_of(device, name.removeprefix("@")) for name in sorted(names)}
        return {name: value for name, value in values.items() if value is not None}

    def open(self, node: str) -> InputNode:
        """The node, set up as `open_node` says."""
        return open_node(node)

"""A made-up machine of which a made-up udevd tells, on real sockets: what is plugged in, and the uevents of plugging.

It belongs in a namespace of its own (`namespace.in_namespace`): whoever listens there hears of these devices.
"""

from collections.abc import Iterable, Mapping
from typing import cast

import pyudev
from fake_udevd import FakeUdevd

from bridge.monitors.merged import Filter
from bridge.monitors.states import Message
from bridge.monitors.uevents import UeventSocket

SMALL = 64 << 10
"""Bytes of queue: a few hundred uevents overflow it."""
SERIAL = "LAB7"
PLACE = "1-1.2"


def at_port(devices: Iterable[Mapping[str, str]], port: int) -> list[Mapping[str, str]]:
    """The stick of `tests.pure.plugs`, with another serial number and plugged in elsewhere; `port` numbers both."""
    place, serial = f"1-1.{port}", f"LAB-{port}"
    return [
        {name: value.replace(PLACE, place).replace(SERIAL, serial) for name, value in device.items()}
        for device in devices
    ]


class MadeDevices:
    """The machine; its sockets are the kernel's, and small."""

    group = "udev"

    def __init__(self) -> None:
        self.udevd = FakeUdevd()
        self.there: dict[str, Mapping[str, str]] = {}

    def plays(self, events: Iterable[Mapping[str, str]]) -> None:
        """These uevents happen one after the other, and udevd tells of each."""
        for event in events:
            properties = dict(event)
            action, devpath, subsystem = (properties.pop(name) for name in ("ACTION", "DEVPATH", "SUBSYSTEM"))
            if action == "remove":
                del self.there[devpath]
            else:
                self.there[devpath] = {"DEVPATH": devpath, "SUBSYSTEM": subsystem, **properties}
            self.udevd.send(action, devpath, subsystem, **properties)

    def end(self) -> None:
        """Closes the made-up udevd's socket."""
        self.udevd.__exit__(None, None, None)

    def subscribe(self, one: Filter) -> UeventSocket:
        return UeventSocket(group=self.group, subsystems=one.subsystems, tag=one.tag, receive_buffer=SMALL)

    def all_devices(self) -> list[Message]:
        return [Message(cast("pyudev.Device", None), properties) for properties in self.there.values()]

    def is_initialised(self, message: Message) -> bool:
        return True

    def below(self, devpath: str) -> list[str]:
        return [path for path in self.there if path.startswith(f"{devpath}/")]

    def is_openable(self, devnode: str, number: str) -> bool:
        return True

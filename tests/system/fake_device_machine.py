"""A made-up machine with whole devices: what `bridge.monitors.device.ThisMachine` is to the real one.

Nothing of it touches netlink, sysfs or a node.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

import pyudev
from fake_machine import FakeDevice, FakeMachine, Properties

from bridge.monitors.merged import Filter
from bridge.monitors.states import Message, messages_of


@dataclass(frozen=True)
class FakeWholeDevice(FakeDevice):
    """What the monitor of devices uses of a pyudev.Device, too."""

    @property
    def device_path(self) -> str:
        return self.properties["DEVPATH"]


@dataclass
class FakeDeviceMachine(FakeMachine):
    """`closed` are the nodes that we may not open, `unfinished` the devpaths that udevd is not done with."""

    closed: frozenset[str] = frozenset()
    unfinished: frozenset[str] = field(default_factory=frozenset)

    def plays(self, events: Iterable[Mapping[str, str]]) -> None:
        """These uevents happen one after the other, and everybody hears of each at once."""
        for properties in events:
            lasting = {name: value for name, value in properties.items() if name != "ACTION"}
            self.tell(self.happen(properties["ACTION"], lasting))

    def all_devices(self) -> list[Message]:
        return messages_of(cast("Iterable[pyudev.Device]", self.devices(Filter())))

    def is_initialised(self, message: Message) -> bool:
        return message.properties["DEVPATH"] not in self.unfinished

    def below(self, devpath: str) -> list[str]:
        return [path for path in self.devices_now if path.startswith(f"{devpath}/")]

    def is_openable(self, devnode: str, number: str) -> bool:
        return devnode not in self.closed

    def _device(self, properties: Properties, number: int = 0) -> FakeDevice:
        return FakeWholeDevice(properties, number, self.ancestors, f"{self.sys_path}{properties['DEVPATH']}")

"""A machine whose supplies and pressure are made up, and whose uevents come over real netlink if somebody sends them.

What wakes for pressure is a socket with urgent data, which is what the kernel's triggers look like to poll(2).
"""

import errno
import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from bridge.errors import DeviceError
from bridge.monitors.merged import Subscription
from bridge.monitors.uevents import UeventSocket
from bridge.sources.power import Supply, supply_of

SMALL = 16 << 10


@dataclass
class MadePower:
    """`refuses` is what the kernel says to who wants a trigger, as an errno."""

    attributes: dict[str, dict[str, str]] = field(default_factory=dict)
    averages: dict[str, float] = field(default_factory=dict)
    refuses: int = 0
    wakes: dict[str, socket.socket] = field(default_factory=dict)
    group: str = "udev"

    def supplies(self) -> Mapping[str, Supply]:
        found = {name: supply_of(attributes) for name, attributes in self.attributes.items()}
        return {name: supply for name, supply in found.items() if supply is not None}

    def subscribe(self) -> Subscription:
        if not self.group:
            raise DeviceError("netlink socket for device events: none")
        return UeventSocket(group=self.group, subsystems=frozenset({"power_supply"}), receive_buffer=SMALL)

    def pressure(self, resources: Collection[str]) -> Mapping[str, float]:
        return {name: average for name, average in self.averages.items() if name in resources}

    def watch_pressure(self, resource: str, percent: int) -> int:
        if self.refuses:
            raise OSError(self.refuses, errno.errorcode[self.refuses])
        if resource in self.wakes:
            self.wakes[resource].close()
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.wakes[resource] = socket.create_connection(server.getsockname())
            return server.accept()[0].detach()

    def press(self, resource: str, average: float) -> None:
        """So much pressure, of which the trigger tells."""
        self.averages[resource] = average
        self.wakes[resource].send(b"!", socket.MSG_OOB)

    def close(self) -> None:
        for each in self.wakes.values():
            each.close()

"""A made-up machine: devices that come and go at chosen moments, a udevd that tells of it, sockets that overflow.

Stands where `bridge.monitors.udev.Libudev` stands; nothing of it touches netlink or sysfs.
"""

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from bridge.errors import DeviceError
from bridge.mapping.interest import Interest
from bridge.mapping.match import parse_test
from bridge.mapping.rules import Rule
from bridge.model.guid import Guid
from bridge.model.templates import Template
from bridge.monitors.merged import Filter
from bridge.sources.udev import UDEV

Properties = dict[str, str]
A_READ = 3


@dataclass(frozen=True)
class FakeDevice:
    """What the monitor uses of a pyudev.Device."""

    properties: Properties
    sequence_number: int = 0
    ancestors: tuple["FakeDevice", ...] = ()
    sys_path: str = "/nowhere"


class FakeSubscription:
    """A socket with room for `room` events; an eventfd makes it readable as a socket would be."""

    def __init__(self, one: Filter, room: int, closed: Callable[["FakeSubscription"], None]) -> None:
        self.filter = one
        self._room = room
        self._closed = closed
        self._queue: deque[FakeDevice] = deque()
        self._dropped = False
        self._ready = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def put(self, device: FakeDevice) -> None:
        """One event, dropped where there is no room, as the kernel drops the newest."""
        if not self.filter.passes(device.properties):
            return
        if len(self._queue) < self._room:
            self._queue.append(device)
        else:
            self._dropped = True
        os.eventfd_write(self._ready, 1)

    def fileno(self) -> int:
        return self._ready

    def read(self) -> tuple[list[FakeDevice], bool]:
        """A few at a time, as `UeventSocket` does in a storm."""
        read = [self._queue.popleft() for _ in range(min(A_READ, len(self._queue)))]
        dropped, self._dropped = self._dropped, False
        if (read or dropped) and not self._queue:
            os.eventfd_read(self._ready)
        return read, dropped

    def close(self) -> None:
        os.close(self._ready)
        self._closed(self)


@dataclass
class FakeMachine:
    """`devices_now` is the truth; `meanwhile` is called whenever the monitor gives others time to do something.

    What happens is told by `tell`: a udevd that is slow calls it later than it happened.
    """

    group: str = "udev"
    room: int = 1 << 20
    refuses: Filter | None = None
    unlisted: frozenset[str] = frozenset()
    meanwhile: Callable[[], None] = lambda: None
    devices_now: dict[str, Properties] = field(default_factory=dict)
    open: list[FakeSubscription] = field(default_factory=list)
    sys_path: str = "/nowhere"
    ancestors: tuple[FakeDevice, ...] = ()
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def happen(self, action: str, properties: Properties) -> FakeDevice:
        """Something happens to a device; nobody is told yet."""
        devpath = properties["DEVPATH"]
        if action == "move":
            del self.devices_now[properties["DEVPATH_OLD"]]
        if action == "remove":
            del self.devices_now[devpath]
        else:
            lasting = {name: value for name, value in properties.items() if name not in ("DEVPATH_OLD", "SYNTH_UUID")}
            self.devices_now[devpath] = lasting
        number = next(self._numbers)
        return self._device({**properties, "ACTION": action, "SEQNUM": str(number)}, number)

    def once_meanwhile(self, do: Callable[[], None], *, after: int = 0) -> None:
        """`do` happens when the monitor gives others time, `after` so many occasions (two when it subscribes)."""
        occasions = itertools.count()

        def at_last() -> None:
            if next(occasions) == after:
                do()

        self.meanwhile = at_last

    def happens(self, action: str, devpath: str, **properties: str) -> None:
        """Something happens to a device of the subsystem `tty`, and everybody hears it at once."""
        self.tell(self.happen(action, {"DEVPATH": devpath, "SUBSYSTEM": "tty", **properties}))

    def tell(self, event: FakeDevice) -> None:
        """Every socket that is open hears it."""
        for subscription in self.open:
            subscription.put(event)

    def subscribe(self, one: Filter) -> FakeSubscription:
        if one == self.refuses:
            raise DeviceError(f"no socket for {one}")
        self.meanwhile()
        subscription = FakeSubscription(one, self.room, self.open.remove)
        self.open.append(subscription)
        self.meanwhile()
        return subscription

    def devices(self, one: Filter) -> Iterator[FakeDevice]:
        """One after the other, as in a directory: one may go meanwhile, and another come further on."""
        devpath = ""
        while later := [path for path in self.devices_now if path > devpath]:
            devpath = min(later)
            self.meanwhile()
            properties = self.devices_now.get(devpath)
            if properties is not None and one.passes(properties) and devpath not in self.unlisted:
                yield self._device(properties)
        self.meanwhile()

    def has(self, devpath: str) -> bool:
        return devpath in self.devices_now

    def _device(self, properties: Properties, number: int = 0) -> FakeDevice:
        return FakeDevice(properties, number, self.ancestors, f"{self.sys_path}{properties['DEVPATH']}")


def asking(*matches: Mapping[str, object]) -> Interest:
    """What rules with these matches ask for."""
    rules = [
        Rule(
            name=f"rule {number}",
            source=UDEV,
            match=tuple((name, parse_test(value)) for name, value in match.items()),
            trigger=Guid.parse("{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"),
            key=Template.parse("{devpath}"),
        )
        for number, match in enumerate(matches)
    ]
    return Interest("udev", tuple(rules))

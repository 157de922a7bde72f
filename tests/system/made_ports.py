"""Serial ports without hardware: pseudo-terminals, of which a test holds the device's end, and a udev made up."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridge.errors import DeviceError
from bridge.mapping.asking import interest_of
from bridge.mapping.interest import Interest
from bridge.mapping.load.rules import load_rules
from bridge.mapping.ports import SerialPort
from bridge.model.checks import Checks, passes
from bridge.model.events import Event, Field
from bridge.monitors.serial import SerialMonitor
from bridge.monitors.serial_devices import ThisMachine, Tty
from bridge.toml.document import parse

DEADLINE_SECONDS = 30
GUID = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
FTDI = {"ID_VENDOR_ID": "0403", "ID_MODEL_ID": "6001"}
"""What udev says of an adapter as many are: two of them differ in nothing of this."""
LIKE_FTDI = '{ ID_VENDOR_ID = "0403", ID_MODEL_ID = "6001" }'
RULE = f"""
[[rule]]
name = "all"
source = "serial"
match = {{ port = "*" }}
raise = "{GUID}"
"""


class Device:
    """What is at the other end of a port; `node` is where the port is, and `link`, if there is one, leads to it."""

    def __init__(self, link: Path | None = None) -> None:
        self._end, port = pty.openpty()
        self.node = os.ttyname(port)
        os.close(port)
        self._link = link
        if link is not None:
            link.symlink_to(self.node)

    def send(self, data: bytes) -> None:
        os.write(self._end, data)

    def receive(self, count: int) -> bytes:
        """So many bytes that were sent to the device, waited for."""
        received = b""
        while len(received) < count:
            assert select.select([self._end], [], [], DEADLINE_SECONDS)[0], "nothing was sent to the device"
            received += os.read(self._end, count - len(received))
        return received

    def unplug(self) -> None:
        """The port hangs up, and its node is gone."""
        if self._end >= 0:
            if self._link is not None:
                self._link.unlink()
            os.close(self._end)
            self._end = -1


@contextmanager
def held_open(node: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Another process that has the port open, until its standard input ends."""
    program = "import os, sys; os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", program, node]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        yield holder


def interest(ports: str, rules: str = RULE) -> Interest:
    """What rules and [[serial]] tables ask for."""
    table, problems = load_rules([parse("rules.toml", (ports + rules).encode())], ())
    assert problems == []
    return interest_of("serial", table)


def port_at(path: object, name: str = "scanner", *more: str) -> str:
    """A [[serial]] with this path."""
    return "\n".join(["[[serial]]", f'name = "{name}"', f'port = "{path}"', *more, ""])


def port_like(match: str, name: str = "scanner", *more: str) -> str:
    """A [[serial]] with these tests."""
    return "\n".join(["[[serial]]", f'name = "{name}"', f"match = {match}", *more, ""])


def declared(*lines: str) -> SerialPort:
    """The port that a [[serial]] with these lines declares; its path is given beside it."""
    (port,) = interest(port_at("/dev/nothing", "scanner", *lines)).ports
    return port


@dataclass
class MadeUevent:
    """What is used of a pyudev.Device."""

    action: str
    properties: dict[str, str]


class MadeUevents:
    """A subscription that a test fills."""

    def __init__(self) -> None:
        self._ready = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._heard: list[MadeUevent] = []
        self._has_lost = False
        self.fails = False

    def tell(self, *heard: MadeUevent, lost: bool = False) -> None:
        self._heard += heard
        self._has_lost = lost
        os.eventfd_write(self._ready, 1)

    def fileno(self) -> int:
        return self._ready

    def read(self) -> Any:
        if self.fails:
            raise DeviceError("netlink socket for device events: it broke")
        if self._heard or self._has_lost:
            os.eventfd_read(self._ready)
        heard, self._heard = self._heard, []
        has_lost, self._has_lost = self._has_lost, False
        return heard, has_lost

    def close(self) -> None:
        os.close(self._ready)


@dataclass
class MadeUdev(ThisMachine):
    """A machine with ttys of which the properties are made up, and the nodes pseudo-terminals."""

    group: str = "udev"
    ttys: list[dict[str, str]] = field(default_factory=list)
    uevents: MadeUevents | None = None
    subscribes: bool = True

    def subscribe(self) -> Any:
        if not self.subscribes:
            raise DeviceError("netlink socket for device events: not here")
        self.uevents = MadeUevents()
        return self.uevents

    def find(self, match: Checks) -> Sequence[Tty]:
        return [Tty(tty["DEVNAME"], tty) for tty in self.ttys if passes(match, tty)]

    def at(self, path: str) -> Tty:
        node = os.path.realpath(path)
        return Tty(node, next((tty for tty in self.ttys if tty["DEVNAME"] == node), {}))

    def inherited(self, tty: Tty, names: Collection[str]) -> Mapping[str, Field]:
        return {name: tty.properties[name[1:]] for name in sorted(names) if name[1:] in tty.properties}

    def plug(self, device: Device, **properties: str) -> None:
        """udevd tells of a device."""
        self.ttys.append({"DEVNAME": device.node, "DEVPATH": f"/nowhere{device.node}", **properties})
        if self.uevents is not None:
            self.uevents.tell(MadeUevent("add", self.ttys[-1]))

    def forget(self, device: Device, *, tell: bool = True) -> None:
        """udevd tells that a device went."""
        (gone,) = [tty for tty in self.ttys if tty["DEVNAME"] == device.node]
        self.ttys.remove(gone)
        if self.uevents is not None and tell:
            self.uevents.tell(MadeUevent("remove", gone))


def now() -> int:
    return time.monotonic_ns() // 1000


def told_by(monitor: SerialMonitor, until: Callable[[list[Event]], bool]) -> list[Event]:
    """What the monitor tells, woken as a daemon is, until what it told is enough."""
    told: list[Event] = []
    end = time.monotonic() + DEADLINE_SECONDS
    while not until(told):
        left = end - time.monotonic()
        assert left > 0, f"not in time; told: {[dict(event.fields) for event in told]}; {monitor.report()}"
        deadline = monitor.deadline()
        if deadline is not None:
            left = min(left, max(0, deadline - now()) / 1_000_000)
        select.select([monitor], [], [], left)
        told += monitor.read()
    return told


def found(monitor: SerialMonitor, asked: Interest) -> list[Event]:
    """What the monitor tells of ports that are newly asked for, until it has told the state of each."""
    told = [*monitor.watch(asked)]
    names = {port.name for port in asked.ports}
    return told + told_by(
        monitor, lambda events: names <= {event.fields["port"] for event in told + events if "state" in event.fields}
    )


def told(monitor: SerialMonitor, count: int = 1) -> list[dict[str, Field]]:
    """The next so many events, each with the fields that tell something."""
    return [telling(event) for event in told_by(monitor, lambda events: len(events) >= count)]


def telling(event: Event) -> dict[str, Field]:
    """An event without what is the same for all of its port."""
    return {name: value for name, value in event.fields.items() if name not in ("port", "device")}


OPENED, LOST = {"state": "opened"}, {"state": "lost"}

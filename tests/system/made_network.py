"""A network made in a namespace of a test's own: a veth pair as a cable, of which one end can be pulled. Tests only."""

import logging
import select
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from bridge.mapping.asking import interest_of
from bridge.mapping.interest import Interest
from bridge.mapping.load.rules import load_rules
from bridge.model.events import Event
from bridge.monitors.internet import MachinesNetwork
from bridge.monitors.network import NetworkMonitor
from bridge.monitors.network_settings import NetworkSettings
from bridge.monitors.rtnetlink import Rtnetlink
from bridge.service.clock import monotonic
from bridge.sources import SOURCES
from bridge.sources.system import SYSTEM
from bridge.toml.document import parse

NEAR, FAR = "lab0", "lab1"
"""The ends of the cable: the interface that is looked at, and the one that is pulled."""
ADDRESS, GATEWAY = "192.0.2.7", "192.0.2.1"
SMALL = 32 << 10
"""A queue that some hundred messages overflow."""
DEADLINE_SECONDS = 30
QUIET_MILLISECONDS = 200
LOOK_MILLISECONDS = 50
GUID = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"


def ip(*commands: str) -> None:
    """Does all of these, each as `ip COMMAND`; wrong ones fail the test."""
    subprocess.run(["ip", "-batch", "-"], input="\n".join(commands) + "\n", text=True, check=True, timeout=60)


def plug_cable() -> None:
    """An interface that is up, with a cable to one that is up; it has no address, nor gives itself one later."""
    ip(f"link add {NEAR} type veth peer name {FAR}")
    ip(*(f"link set {end} addrgenmode none" for end in (NEAR, FAR)))
    ip(f"link set {FAR} up", f"link set {NEAR} up")


def connect() -> None:
    """Gives the interface an address and a default route."""
    ip(f"address add {ADDRESS}/24 dev {NEAR}", f"route add default via {GATEWAY}")


def everything(source: str) -> Interest:
    """What asks for all events of a source."""
    return asking(source, '{ kind = "*" }' if source == "network" else '{ name = "*" }')


def asking(source: str, *matches: str) -> Interest:
    """What rules with these tests ask for, each a table as TOML has it."""
    rules = [
        f'[[rule]]\nname = "{number}"\nsource = "{source}"\nmatch = {match}\nraise = "{GUID}"\n'
        for number, match in enumerate(matches)
    ]
    table, problems = load_rules([parse("rules.toml", "\n".join(rules).encode())])
    assert not problems, problems
    return interest_of(source, table)


def network_monitor(receive_buffer: int | None = None, **settings: Any) -> NetworkMonitor:
    """The monitor of the source `network`."""
    return _monitor(receive_buffer, NetworkSettings(**settings))


def internet_monitor(receive_buffer: int | None = None, **settings: Any) -> NetworkMonitor:
    """That of the source `system`."""
    return _monitor(receive_buffer, NetworkSettings(**settings), telling=MachinesNetwork, source=SYSTEM)


def _monitor(receive_buffer: int | None, settings: NetworkSettings, **of: Any) -> NetworkMonitor:
    queue = Rtnetlink if receive_buffer is None else lambda: Rtnetlink(receive_buffer)
    return NetworkMonitor(clock=monotonic, settings=settings, open_rtnetlink=queue, **of)


class Listener:
    """Watches with a monitor, and hears it as the service does: when it is readable, and at its deadlines."""

    def __init__(self, monitor: NetworkMonitor, interest: Interest) -> None:
        self.monitor = monitor
        self.told: list[Event] = []
        self._take(monitor.watch(interest))

    def watch(self, interest: Interest) -> list[Event]:
        """Watches something else from now on; returns what is told for that."""
        return self._take(self.monitor.watch(interest))

    def resync(self) -> list[Event]:
        """Has everything looked at; returns what that tells."""
        return self._take(self.monitor.resync())

    def hear(self, milliseconds: float) -> bool:
        """Whether something came within this time; what it told is in `told`."""
        waiting = select.poll()
        waiting.register(self.monitor.fileno(), select.POLLIN)
        deadline = self.monitor.deadline()
        if deadline is not None:
            milliseconds = min(milliseconds, max(0, -(-(deadline - monotonic()) // 1000)))
        is_readable = bool(waiting.poll(milliseconds))
        is_due = deadline is not None and deadline <= monotonic()
        if is_readable or is_due:
            self._take(self.monitor.read())
        return is_readable or is_due

    def until(self, holds: Callable[[], bool], what: str = "what was waited for") -> None:
        """Hears until something holds."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not holds():
            left = deadline - time.monotonic()
            assert left > 0, f"not in time: {what}; told was {[(str(e.origin), dict(e.fields)) for e in self.told]}"
            self.hear(LOOK_MILLISECONDS)

    def until_told(self, **fields: object) -> Event:
        """Hears until an event with these fields is the last one of its subject; returns it."""
        self.until(lambda: self._last(fields) is not None, f"{fields}")
        found = self._last(fields)
        assert found is not None
        return found

    def settle(self) -> None:
        """Hears until nothing comes any more."""
        while self.hear(QUIET_MILLISECONDS):
            pass

    def forget(self) -> None:
        """Hears what still comes, and forgets all that was told."""
        self.settle()
        self.told = []

    def _last(self, fields: dict[str, object]) -> Event | None:
        latest = {SOURCES[event.source].subject(event.fields): event for event in self.told}
        return next((each for each in latest.values() if fields.items() <= each.fields.items()), None)

    def _take(self, told: Iterable[Event]) -> list[Event]:
        taken = list(told)
        for event in taken:
            assert SOURCES[event.source].checked(dict(event.fields)) == event.fields
        self.told += taken
        return taken


@contextmanager
def listening(monitor: NetworkMonitor, interest: Interest) -> Iterator[Listener]:
    """A listener of a monitor that is closed at the end."""
    try:
        yield Listener(monitor, interest)
    finally:
        monitor.close()


@contextmanager
def logged() -> Iterator[list[str]]:
    """The warnings and worse that monitors log meanwhile."""
    lines: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]  # that is all it does
    logging.getLogger("bridge").addHandler(handler)
    try:
        yield lines
    finally:
        logging.getLogger("bridge").removeHandler(handler)


def values(told: Iterable[Event]) -> list[tuple[object, ...]]:
    """What was told, in short: interface, kind and value, or name and value."""
    names = ("interface", "kind", "name", "value")
    return [tuple(event.fields[name] for name in names if name in event.fields) for event in told]

"""The live source `serial`: which declared ports are open, and what they tell. It opens none that nobody asks for.

Each declared port is a `DeclaredPort`. It is opened again when news or a deadline says so (`serial_arrivals`); an open
port wakes nobody, but where somebody asks for its modem lines, of which no descriptor tells.
"""

import logging
import os
import select
import time
from collections.abc import Iterable, Sequence

from bridge.mapping.interest import Interest
from bridge.model.events import DeviceGone, Event, Origin
from bridge.monitors.monitor import Clock, LiveSource, MonitorReport, Settings
from bridge.monitors.serial_arrivals import Arrivals
from bridge.monitors.serial_declared import DeclaredPort
from bridge.monitors.serial_devices import Machine, ThisMachine
from bridge.sources.serial import SERIAL, SIGNALS

_log = logging.getLogger("bridge.monitors.serial")
LOOK_EVERY = 50_000
"""Microseconds between two looks at modem lines."""
PATIENCE_SECONDS = 0.1
"""How long who asks for ports waits for slow drivers; the others are told of later."""
_KNOWN_OF_SIGNALS = frozenset({"port", "signal", "state", "line", "frame"})


def open_monitor(*, clock: Clock, settings: Settings) -> "SerialMonitor":
    """The monitor of this machine's serial ports; it has no settings: what is opened, rules files declare."""
    return SerialMonitor(clock=clock, machine=ThisMachine())


class SerialMonitor:
    """A `Monitor`: opens declared ports as they come and somebody asks for them, and tells what comes in there."""

    def __init__(self, *, clock: Clock, machine: Machine) -> None:
        """Opens nothing yet. `clock` gives CLOCK_MONOTONIC in microseconds."""
        self._clock = clock
        self._machine = machine
        self._epoll = select.epoll()
        self._done = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._arrivals = Arrivals(machine)
        for descriptor in (self._done, self._arrivals.fileno()):
            self._epoll.register(descriptor, select.EPOLLIN)
        self._ports: dict[str, DeclaredPort] = {}
        self._look_at = 0
        self._lost = 0

    def fileno(self) -> int:
        """An epoll over the open ports, the attempts to open others, and the news of those to come."""
        return self._epoll.fileno()

    def watch(self, interest: Interest) -> Sequence[Event | DeviceGone]:
        """Opens the ports that `interest` asks for, closes the others, and tells the state of what was not asked for.

        A port whose declaration has changed is opened anew, and so is one that was given up. One that cannot be opened
        is `lost`, and reported.
        """
        told = self.read()
        wanted = {declared.name: declared for declared in interest.ports}
        for name, port in [*self._ports.items()]:
            if wanted.get(name) != port.declared or port.is_given_up:
                self._close(name)
        if wanted:
            self._arrivals.listen()
        else:
            self._arrivals.stop()
        new = [name for name in wanted if name not in self._ports]
        for name in new:
            self._ports[name] = DeclaredPort(
                wanted[name], machine=self._machine, clock=self._clock, epoll=self._epoll, done=self._done
            )
        for port in self._ports.values():
            told += port.ask(_signals_asked(interest, port.declared.name), interest.inherited)
        told += self._look(new, Origin.START)
        return told + self._settle(Origin.START)

    def read(self) -> list[Event]:
        """What has come in at the ports, and what became of them."""
        ready = {descriptor for descriptor, _ in self._epoll.poll(0)}
        told = [event for port in [*self._ports.values()] if port.is_in(ready) for event in port.read()]
        if self._done in ready:
            told += self._finish()
        if self._arrivals.fileno() in ready:
            told += self._hear()
        now = self._clock()
        due = [name for name, port in self._ports.items() if port.retry_at is not None and port.retry_at <= now]
        told += self._look(due, Origin.LIVE)
        if self._is_looked_at() and self._look_at <= now:
            told += [event for port in self._ports.values() for event in port.signals()]
            self._look_at = now + LOOK_EVERY
        return told + self._wait_for_missing(Origin.LIVE)

    def deadline(self) -> int | None:
        """When a port is to be tried again, or modem lines are to be looked at; None while nothing is missing."""
        due = [port.retry_at for port in self._ports.values() if port.retry_at is not None]
        return min([*due, self._look_at] if self._is_looked_at() else due, default=None)

    def snapshot(self) -> Sequence[Event]:
        """The state of every port that is asked for, and its modem lines, as they were told last."""
        return [event for port in self._ports.values() for event in port.snapshot()]

    def resync(self) -> Sequence[Event | DeviceGone]:
        """What has come; then which ports hung up or are there again, and modem lines that are otherwise."""
        told = self.read()
        for port in self._ports.values():
            told += port.check(Origin.RESYNC)
            told += port.signals(Origin.RESYNC)
        told += self._look(self._ports, Origin.RESYNC)
        return told + self._settle(Origin.RESYNC)

    def report(self) -> MonitorReport:
        """The ports that are asked for, those that cannot be opened and why, and how often something was lost."""
        ports = self._ports.values()
        return MonitorReport(
            devices=tuple(str(port) for port in ports),
            refused=tuple(line for port in ports for line in port.refused),
            lost=self._lost + sum(port.lost for port in ports),
        )

    def close(self) -> None:
        """Closes the ports and every other descriptor."""
        for name in [*self._ports]:
            self._close(name)
        self._arrivals.close()
        self._epoll.close()
        os.close(self._done)

    def _look(self, names: Iterable[str], origin: Origin) -> list[Event]:
        """Begins to open those of these ports that are there."""
        told: list[Event] = []
        for name in [*names]:
            others = [other for other in self._ports.values() if other.declared.name != name]
            told += self._ports[name].look(origin, others)
        return told

    def _wait_for_missing(self, origin: Origin) -> list[Event]:
        """Has us told when ports come; looks once more at those that may have come before that."""
        waiting = [port for port in self._ports.values() if port.node is None]
        told: list[Event] = []
        if self._arrivals.wait_for([port.declared for port in waiting]):
            told = self._look([port.declared.name for port in waiting if port.is_missing], origin)
        for port in waiting:
            if port.is_missing and self._arrivals.tells_of(port.declared):
                port.wait_for_news()
        return told

    def _hear(self) -> list[Event]:
        news = self._arrivals.read()
        told: list[Event] = []
        for port in self._ports.values():
            told += port.check(is_gone=port.node in news.gone)
        if news.lost:
            self._lost += 1
            _log.warning("news of serial ports was lost, the kernel's queue was full: looking at all of them")
        if news.has_come:
            told += self._look(self._ports, Origin.RESYNC if news.lost else Origin.LIVE)
        return told

    def _settle(self, origin: Origin) -> list[Event]:
        """Waits a moment for what is being opened."""
        told = self._wait_for_missing(origin)
        until = time.monotonic() + PATIENCE_SECONDS
        for port in self._ports.values():
            port.wait(max(0.0, until - time.monotonic()))
        return [*told, *self._finish(), *self._wait_for_missing(origin)]

    def _finish(self) -> list[Event]:
        try:
            os.eventfd_read(self._done)
        except BlockingIOError:  # none is over
            return []
        return [event for port in self._ports.values() for event in port.finish()]

    def _is_looked_at(self) -> bool:
        return any(port.is_looked_at for port in self._ports.values())

    def _close(self, name: str) -> None:
        port = self._ports.pop(name)
        self._lost += port.lost
        port.close()
        port.wait(PATIENCE_SECONDS)


def _signals_asked(interest: Interest, port: str) -> list[str]:
    return [each for each in SIGNALS if interest.possible({"port": port, "signal": each}, _KNOWN_OF_SIGNALS)]


LIVE = LiveSource(source=SERIAL, open=open_monitor)

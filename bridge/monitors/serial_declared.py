"""A declared serial port, as long as somebody asks for it: found, opened, lost, opened again. It reads no frame itself.

Which of its states was told is kept here: `opened` and `lost` are told in turn, each once.
"""

import logging
import os
import select
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial

from bridge.errors import DeviceError
from bridge.mapping.ports import SerialPort
from bridge.model.events import Event, Field, Origin
from bridge.monitors.monitor import Clock
from bridge.monitors.serial_cutting import Patience
from bridge.monitors.serial_devices import Machine, Tty, candidates
from bridge.monitors.serial_opening import NotOpened, Opened, Opening, open_port
from bridge.monitors.serial_port import OpenPort
from bridge.sources.device_fields import readable
from bridge.sources.serial_ports import (
    IDENTITY,
    LATEST_AFTER_HANG_UP,
    LATEST_RETRY,
    SOONEST_RETRY,
    is_the_same,
    retry_delay,
    told_apart_by,
)

_log = logging.getLogger("bridge.monitors.serial")


class DeclaredPort:
    """A port that is to be open. `look` tries to open it, `finish` tells how that ended, `read` what comes in."""

    def __init__(self, declared: SerialPort, *, machine: Machine, clock: Clock, epoll: select.epoll, done: int) -> None:
        """An open port is registered with `epoll`; the eventfd `done` is written to when an attempt is over."""
        self.declared = declared
        self.port: OpenPort | None = None
        self.retry_at: int | None = None
        """When it is to be looked at again, in microseconds of the clock."""
        self.is_missing = False
        """Whether it was not there when it was looked for."""
        self._machine = machine
        self._clock = clock
        self._epoll = epoll
        self._done = done
        self._opening: Opening | None = None
        self._tty = Tty("", {})
        self._origin = Origin.START
        self._told: str | None = None
        self._opened_at = self._missed_at = 0
        self._failures = 0
        self._lost = 0
        self._signals: Collection[str] = ()
        self._names: Collection[str] = ()
        self._inherited: Mapping[str, Field] = {}
        self._refused = self._twins = ""
        self._patience = Patience(clock)

    @property
    def node(self) -> str | None:
        """The node that is open, or being opened."""
        return self._tty.node if self.port is not None or self._opening is not None else None

    @property
    def is_looked_at(self) -> bool:
        """Whether `signals` is to be asked from time to time."""
        return self.port is not None and self.port.is_looked_at

    @property
    def is_given_up(self) -> bool:
        """Whether it is not opened any more: what comes in there takes too long to search."""
        return self._patience.is_over

    def is_in(self, descriptors: Collection[int]) -> bool:
        """Whether it is open as one of these."""
        return self.port is not None and self.port.fileno() in descriptors

    @property
    def refused(self) -> list[str]:
        """What is not as it should be, a line each."""
        complaints = self.port.complaints if self.port is not None else ()
        lines = [each for each in (self._refused, self._twins, *complaints) if each]
        return [f"serial port {self.declared.name}: {line}" for line in lines]

    @property
    def lost(self) -> int:
        """How often something was lost, since it was declared."""
        return self._lost + (self.port.lost if self.port is not None else 0)

    def __str__(self) -> str:
        if self.port is not None:
            return f"{self.declared.name} {self._tty.node}"
        return f"{self.declared.name} {'(not open)' if self._refused or self._opening is not None else '(not there)'}"

    def ask(self, signals: Collection[str], names: Collection[str]) -> list[Event]:
        """Looks at these modem lines from now on, and tells those that are new; events have the fields `names`."""
        self._signals, self._names = signals, names
        if self.port is None:
            return []
        self._inherited = self.port.inherited = self._machine.inherited(self._tty, names)
        return self._unless_gone(self.port.watch_signals(signals), Origin.LIVE)

    def misses(self, tty: Tty) -> bool:
        """Whether it waits for this very device, which it was before."""
        return self.node is None and not self.is_given_up and is_the_same(tty.properties, self._tty.properties)

    def look(self, origin: Origin, others: Iterable["DeclaredPort"]) -> list[Event]:
        """Begins to open the port if it is there, and is not open already; `others` are the ports beside it.

        What it tells then is of this origin; the state found at first is `start` in any case.
        """
        if self.port is not None or self._opening is not None or self.is_given_up:
            return []
        if self.retry_at is None or self.retry_at > self._clock():  # not because it is time: something has come
            self._failures = 0
        self.retry_at, self.is_missing = None, False
        self._origin = origin if self._told is not None else Origin.START
        try:
            found = candidates(self._machine, self.declared, self._tty.properties)
        except DeviceError as error:
            return self._not_opened(NotOpened(str(error)))
        chosen = self._chosen(found, [*others])
        self._note_twins(found, chosen)
        if isinstance(chosen, NotOpened):
            return self._not_opened(chosen)
        self._tty = Tty(chosen.node, chosen.properties or self._tty.properties)
        self._opening = Opening(partial(open_port, self.declared, chosen.node), self._done)
        return []

    def _chosen(self, found: Sequence[Tty], others: Collection["DeclaredPort"]) -> Tty | NotOpened:
        """The likeliest device that is no other port now, nor was it before another port lost it."""
        taken = {other.node: other.declared.name for other in others}
        free = [tty for tty in found if tty.node not in taken]
        for tty in free:
            is_own = is_the_same(tty.properties, self._tty.properties)
            if is_own or not any(other.misses(tty) for other in others):
                return tty
        if free or not found:
            return NotOpened("", is_there=False)
        node = found[0].node
        return NotOpened(f"{node} is serial port {taken[node]}, too, and can be one of them only")

    def wait_for_news(self) -> None:
        """Somebody tells of its coming, which spares us to look, but for now and then.

        Who tells may be gone: in a container, /run/udev may be that of a udevd which nobody hears there.
        """
        self.retry_at = self._missed_at + LATEST_RETRY

    def wait(self, seconds: float) -> None:
        """Waits until an attempt to open it is over, at most so long."""
        if self._opening is not None:
            self._opening.wait(seconds)

    def finish(self) -> list[Event]:
        """Tells how an attempt ended, if it is over."""
        outcome = self._opening.outcome if self._opening is not None else None
        if outcome is None:
            return []
        self._opening = None
        return self._opened(outcome) if isinstance(outcome, Opened) else self._not_opened(outcome)

    def read(self) -> list[Event]:
        """What has come in; then that it is lost, if it hung up."""
        if self.port is None:
            return []
        return self._unless_gone(self.port.read(), Origin.LIVE)

    def signals(self, origin: Origin = Origin.LIVE) -> list[Event]:
        """What became of the modem lines that are asked for."""
        if self.port is None:
            return []
        return self._unless_gone(self.port.signals(origin), origin)

    def check(self, origin: Origin = Origin.LIVE, *, is_gone: bool = False) -> list[Event]:
        """That it is lost, if it is, or is known to be from elsewhere."""
        if self.port is None:
            return []
        self.port.check()
        self.port.gone = self.port.gone or is_gone
        return self._unless_gone([], origin)

    def snapshot(self) -> list[Event]:
        """Its state, and its modem lines, as they were told last (origin `start`)."""
        if self.port is not None:
            return self.port.snapshot()
        return [self._state("lost", Origin.START)] if self._told is not None else []

    def close(self) -> None:
        """Closes it, and has nothing opened any more."""
        if self._opening is not None:
            self._opening.abandon()
        self._close()

    def _opened(self, opened: Opened) -> list[Event]:
        self._note_refused("")
        self._opened_at = self._clock()
        self._inherited = self._machine.inherited(self._tty, self._names)
        node = readable(self._tty.node)
        self.port = OpenPort(
            self.declared,
            opened,
            node=node,
            inherited=self._inherited,
            clock=self._clock,
            patience=self._patience,
        )
        for complaint in opened.complaints:
            _log.warning("serial port %s: %s", self.declared.name, complaint)
        self._epoll.register(self.port, select.EPOLLIN)
        self._told = "opened"
        told = [self.port.event(self._origin, state="opened"), *self.port.watch_signals(self._signals)]
        return self._unless_gone(told, Origin.LIVE)

    def _not_opened(self, why: NotOpened) -> list[Event]:
        self._failures += 1
        self._missed_at = self._clock()
        self.retry_at = self._missed_at + retry_delay(self._failures)
        self.is_missing = not why.is_there
        self._note_refused(why.why if why.is_there else "")
        if self._told is not None:
            return []
        self._told = "lost"
        return [self._state("lost", self._origin)]

    def _unless_gone(self, told: list[Event], origin: Origin) -> list[Event]:
        if self.port is None or not self.port.gone:
            return told
        self._close()
        now = self._clock()
        is_flapping = now - self._opened_at < SOONEST_RETRY
        self._failures = self._failures + 1 if is_flapping else 0
        self.retry_at = now + min(retry_delay(self._failures), LATEST_AFTER_HANG_UP) if is_flapping else now
        if self.is_given_up:
            self.retry_at = None
            self._note_refused(self._patience.why_over(self.declared))
        self._told = "lost"
        return [*told, self._state("lost", origin)]

    def _close(self) -> None:
        port, self.port = self.port, None
        if port is not None:
            self._lost += port.lost
            # Not left to the kernel: a child that has just been forked may hold the port open a moment longer.
            self._epoll.unregister(port)
            port.close()

    def _state(self, state: str, origin: Origin) -> Event:
        fields: dict[str, Field] = {"port": self.declared.name}
        if self._told == "opened" or self._tty.node:
            fields["device"] = readable(self._tty.node)
        return Event("serial", self._clock(), {**fields, "state": state, **self._inherited}, origin)

    def _note_refused(self, line: str) -> None:
        if line and line != self._refused:
            _log.warning("serial port %s: %s", self.declared.name, line)
        self._refused = line

    def _note_twins(self, found: Collection[Tty], chosen: Tty | NotOpened) -> None:
        line = ""
        if len(found) > 1:
            name = told_apart_by([tty.properties for tty in found])
            remedy = f"{name} tells them apart" if name else f"none of {', '.join(IDENTITY)} tells them apart"
            nodes = ", ".join(os.path.basename(tty.node) for tty in found)
            taken = os.path.basename(chosen.node) if isinstance(chosen, Tty) else "none"
            line = f"its match fitted {len(found)} devices ({nodes}), of which {taken} was taken: {remedy}"
        if line and line != self._twins:
            _log.warning("serial port %s: %s", self.declared.name, line)
        self._twins = line

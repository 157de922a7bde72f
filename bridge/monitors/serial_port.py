"""One open serial port: what comes in, what is replied, how its modem lines are. Nothing here opens a port.

Nor does it know a rule: which modem lines are wanted is told.
"""

import errno
import logging
import os
import select
import time
from collections.abc import Collection, Mapping, Sequence

from bridge.mapping.ports import LineFrame, SerialPort
from bridge.model.events import Event, Field, Origin
from bridge.monitors.monitor import Clock
from bridge.monitors.serial_cutting import Cutting, Patience
from bridge.monitors.serial_lines import counts_of, look_at
from bridge.monitors.serial_opening import Opened
from bridge.sources.frames import text_of
from bridge.sources.modem_lines import Look, changes_between
from bridge.sources.serial import SIGNALS

_log = logging.getLogger("bridge.monitors.serial")
_BYTES_AT_ONCE, _SECONDS_AT_ONCE = 1 << 20, 0.1
"""So that a device that sends faster than we read cannot keep us for ever; the seconds are processor time."""
SLOW, TIMES_AS_LONG, LONGEST_PAUSE = 100_000, 20, 60_000_000
"""Microseconds from which a look at modem lines is slow; how much longer the pause after it is, and at most.

Some drivers ask the device, for up to 5 s if that hangs, and all else waits meanwhile.
"""


class OpenPort:
    """A port from its opening until it hangs up: then `gone` holds, and all that is left to do is to close it."""

    def __init__(
        self,
        declared: SerialPort,
        opened: Opened,
        *,
        node: str,
        inherited: Mapping[str, Field],
        clock: Clock,
        patience: Patience,
    ) -> None:
        """`node` is the device's, and `inherited` are the fields `@NAME` of its events.

        When `patience` is over, `gone` holds, too.
        """
        self.node = node
        self.inherited = inherited
        self.gone = False
        self._declared = declared
        self._opened = opened
        self._clock = clock
        self._patience = patience
        self._cutting = Cutting(declared, patience)
        self._is_deaf = False
        self._signals: Sequence[str] = ()
        self._look: Look | None = None
        self._look_from = 0
        self._slowness = ""
        counts = counts_of(self.fileno())
        self._counts = counts is not None
        self._overruns = self._overruns_at_first = counts.overruns if counts is not None else 0

    def fileno(self) -> int:
        """The port's descriptor, non-blocking."""
        return self._opened.descriptor

    @property
    def complaints(self) -> Sequence[str]:
        """What of its settings the port cannot do, and that it is slow to tell its modem lines."""
        return [*self._opened.complaints, *([self._slowness] if self._slowness else [])]

    @property
    def lost(self) -> int:
        """How often something came and could not be told: too long, too slow to search, or overruns."""
        return self._cutting.dropped + self._overruns - self._overruns_at_first

    @property
    def is_looked_at(self) -> bool:
        """Whether `signals` is to be asked from time to time: no descriptor tells of modem lines."""
        return bool(self._signals) and self._look is not None

    def event(self, origin: Origin = Origin.LIVE, **told: Field) -> Event:
        """An event of this port, now."""
        return Event(
            "serial",
            self._clock(),
            {"port": self._declared.name, "device": self.node, **told, **self.inherited},
            origin,
        )

    def read(self) -> list[Event]:
        """The lines or frames that have come, each replied to; `gone` holds if the port hangs up behind them."""
        found: list[Event] = []
        until = time.thread_time() + _SECONDS_AT_ONCE
        for _ in range(_BYTES_AT_ONCE // self._cutting.chunk):
            data = self._receive()
            if not data:
                break
            for frame in self._cutting.cut(data):
                found.append(self._told(frame))
                self._reply()
            self._note_overruns()
            self.gone = self.gone or self._patience.is_over
            if self.gone or time.thread_time() > until:
                break
        return found

    def watch_signals(self, wanted: Collection[str]) -> list[Event]:
        """Looks at these modem lines from now on; tells those that were not looked at before (origin `start`)."""
        new = [signal for signal in SIGNALS if signal in wanted and signal not in self._signals]
        changed = self.signals()
        self._signals = [signal for signal in SIGNALS if signal in wanted]
        if new and self._look is None:
            self._look = self._look_now()
        return changed + self._present(new)

    def signals(self, origin: Origin = Origin.LIVE) -> list[Event]:
        """What became of the wanted modem lines since they were looked at; `gone` holds if they cannot be any more.

        After a slow look nothing for a while.
        """
        before = self._look
        if before is None or not self._signals or self._clock() < self._look_from:
            return []
        now = self._look_now()
        if now is None:
            return []
        self._look = now
        changes = [(signal, value) for signal, value in changes_between(before, now) if signal in self._signals]
        return [self.event(origin, signal=signal, value=value) for signal, value in changes]

    def snapshot(self) -> list[Event]:
        """That it is open, and the wanted modem lines as they were told last (origin `start`)."""
        return [self.event(Origin.START, state="opened"), *self._present(self._signals)]

    def check(self) -> None:
        """`gone` holds if the port has hung up."""
        asked = select.poll()
        asked.register(self.fileno(), 0)  # a hang-up is told though nothing is asked for (poll(2))
        self.gone = self.gone or bool(asked.poll(0))

    def close(self) -> None:
        """Closes the port."""
        self._opened.close()

    def _present(self, signals: Sequence[str]) -> list[Event]:
        look = self._look
        if look is None:
            return []
        return [self.event(Origin.START, signal=signal, value=look.value(signal)) for signal in signals]

    def _receive(self) -> bytes:
        try:
            data = os.read(self.fileno(), self._cutting.chunk)
        except BlockingIOError:
            return b""
        except OSError:  # EIO or ENODEV, as the driver likes: it says the same as reading nothing
            data = b""
        self.gone = not data
        return data

    def _told(self, frame: bytes) -> Event:
        if isinstance(self._declared.frame, LineFrame):
            return self.event(line=text_of(frame, self._declared.encoding))
        return self.event(frame=frame.hex())

    def _reply(self) -> None:
        reply = self._declared.reply
        if reply is None:
            return
        try:
            written = os.write(self.fileno(), reply)
        except OSError as error:
            if error.errno != errno.EAGAIN:  # it hangs up, and reading says so
                return
            written = 0
        is_deaf = written < len(reply)
        if is_deaf and not self._is_deaf:
            _log.warning("serial port %s: nothing takes what is sent: replies are dropped", self._declared.name)
        self._is_deaf = is_deaf

    def _note_overruns(self) -> None:
        counts = counts_of(self.fileno()) if self._counts else None
        if counts is None:
            return
        if counts.overruns > self._overruns:
            lost = counts.overruns - self._overruns
            _log.warning("serial port %s: %d bytes came too fast and are lost", self._declared.name, lost)
        self._overruns = counts.overruns

    def _look_now(self) -> Look | None:
        began = self._clock()
        try:
            look = look_at(self.fileno())
        except OSError:
            self.gone = True
            return None
        self._note_slowness(self._clock() - began)
        return look

    def _note_slowness(self, took: int) -> None:
        was_slow, self._slowness = bool(self._slowness), ""
        if took < SLOW:
            return
        pause = min(took * TIMES_AS_LONG, LONGEST_PAUSE)
        self._look_from = self._clock() + pause
        shown = f"{took / 1_000_000:.1f} s to tell its modem lines: the next look is {pause / 1_000_000:.0f} s later"
        self._slowness = f"its driver took {shown}"
        if not was_slow:
            _log.warning("serial port %s: %s", self._declared.name, self._slowness)

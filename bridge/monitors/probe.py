"""When a probe is sent, and what it last answered: at each change of the way, and now and then while there is one.

Without a way nothing is sent, and nobody is woken. Nothing here speaks HTTP, or waits for who does.
"""

import logging
import os
from collections.abc import Hashable
from contextlib import suppress

from bridge.model.durations import MICROSECONDS
from bridge.monitors.http_get import SECONDS, HttpGet
from bridge.monitors.monitor import Clock
from bridge.monitors.network_settings import ProbeAddress
from bridge.sources.internet import FULL, LIMITED

_log = logging.getLogger("bridge.monitors.network")
TIME_OUT = SECONDS * MICROSECONDS["s"]
FIRST_PAUSE = 5 * MICROSECONDS["s"]
"""Before it is tried again after another answer than `full`; twice as long each time, up to the interval."""
REMEDY = "a service needs RestrictAddressFamilies=AF_INET AF_INET6 and IPAddressDeny= for it: wait-for-the-network.md"


class Probe:
    """`answer` is the last one over the present way; None where there is none yet, or no way."""

    def __init__(self, address: ProbeAddress, interval: int, clock: Clock) -> None:
        """Sends nothing before there is a way."""
        self.answer: str | None = None
        self.refused: str | None = None
        """Why there can be no probe, where it is so."""
        self._address = address
        self._interval = interval
        self._clock = clock
        self._news = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._way: Hashable | None = None
        self._due: int | None = None
        self._asked_at = 0
        self._asking: HttpGet | None = None
        self._is_void = False
        """Whether what is being asked is answered too late, or over a way that is no more."""
        self._failures = 0

    @property
    def shown(self) -> str:
        """The URL that is asked."""
        return self._address.shown

    def fileno(self) -> int:
        """Readable when an answer has come."""
        return self._news

    def is_awaited(self) -> bool:
        """Whether there will be an answer, and is none yet."""
        return self._way is not None and self.answer is None and self.refused is None

    def deadline(self) -> int | None:
        """When `read` is to be called, if it is not before."""
        if self._asking is None:
            return self._due
        return None if self._is_void else self._asked_at + TIME_OUT

    def consider(self, way: Hashable | None) -> None:
        """Is told how the machine is connected: another way is asked over at once, and over none nothing is asked."""
        if way == self._way:
            return
        self._way = way
        self._failures = 0
        self._give_up()
        self._due = self._clock() if way is not None and self.refused is None else None
        if way is None:
            self.answer = None

    def again(self) -> None:
        """Asks at once, if there is a way."""
        self._due = self._clock() if self._due is not None else None

    def read(self) -> bool:
        """Whether the answer is another now. Starts what is due."""
        before = self.answer, self.refused
        at = self._clock()
        with suppress(BlockingIOError):  # nothing is over
            os.eventfd_read(self._news)
        if self._asking is not None and self._asking.is_over():
            self._take(self._asking, at)
        elif self._asking is not None and not self._is_void and at >= self._asked_at + TIME_OUT:
            self._give_up()
            self._answered(LIMITED, at)
        if self._asking is None and self._due is not None and at >= self._due:
            self._asking, self._asked_at, self._is_void = HttpGet(self._address, self._news), at, False
        return (self.answer, self.refused) != before

    def close(self) -> None:
        """Ends it; no descriptor stays open."""
        if self._asking is not None:
            self._asking.close()
        os.close(self._news)

    def _give_up(self) -> None:
        if self._asking is not None:
            self._is_void = True
            self._asking.give_up()

    def _take(self, asking: HttpGet, at: int) -> None:
        asking.close()
        self._asking = None
        if self._is_void:
            return
        if asking.answer is None:
            self.refused, self._due = f"probe {self._address.shown}: not permitted; {REMEDY}", None
            _log.warning("%s", self.refused)
        else:
            self._answered(asking.answer, at)

    def _answered(self, answer: str, at: int) -> None:
        self.answer = answer
        self._failures = 0 if answer == FULL else self._failures + 1
        self._due = at + (self._interval if answer == FULL else self._pause())

    def _pause(self) -> int:
        return min(self._interval, FIRST_PAUSE << min(self._failures - 1, 16))

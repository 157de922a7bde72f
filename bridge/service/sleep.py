"""The machine's sleep, as the daemon notices it: though nothing else happens, and when something is due after it.

It needs no D-Bus, and decides nothing: two timers of the kernel say that there may have been sleep, and two clocks how
long it was. Where the kernel refuses a timer, sleep is noticed with the next event.
"""

import asyncio
import logging
from collections.abc import Callable

from bridge.errors import DeviceError
from bridge.monitors.timer_descriptor import NEVER, Rang, TimerClock, TimerDescriptor
from bridge.service.clock import asleep

LEAST_SLEEP = 100_000
"""Microseconds between the clocks that are sleep, and not their being read one after the other."""

_log = logging.getLogger("bridge")


class Sleep:
    """Two timers, from now until `close`. `due` is called when what was set is due, `turned` when there may have been
    sleep: the kernel says so when the wall clock does not show what it would have shown.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, due: Callable[[], None], turned: Callable[[], None]) -> None:
        self._loop = loop
        self._asleep = _asleep()
        self._due = due
        self._turned = turned
        self._at: int | None = None
        self._boot = _opened(TimerClock.BOOT)
        if self._boot is not None:
            loop.add_reader(self._boot.fileno(), self._boot_rang, self._boot)
        self._wall = _opened(TimerClock.WALL)
        if self._wall is not None:
            self._wall.set(NEVER)
            loop.add_reader(self._wall.fileno(), self._wall_rang, self._wall)

    def set(self, at: int | None) -> None:
        """Has `due` called at `at` microseconds of the monotonic clock, if that goes on as sleep does."""
        due = at + self._asleep if at is not None else None
        if self._boot is not None and due != self._at:
            self._boot.set(due)
            self._at = due

    def slept(self) -> int:
        """How many microseconds the machine slept since this was last more than 0."""
        if asleep() - self._asleep <= LEAST_SLEEP:
            return 0
        before, self._asleep = self._asleep, _asleep()
        return self._asleep - before

    def close(self) -> None:
        """Closes the timers."""
        for timer in (self._boot, self._wall):
            if timer is not None:
                self._loop.remove_reader(timer.fileno())
                timer.close()

    def _boot_rang(self, timer: TimerDescriptor) -> None:
        timer.read()
        self._due()

    def _wall_rang(self, timer: TimerDescriptor) -> None:
        timer.read()
        while timer.set(NEVER) is Rang.CLOCK_SET:
            pass  # once more, before it was set again: `turned` has yet to come
        self._turned()


def _asleep() -> int:
    """The larger of two readings: who is interrupted between the clocks reads too little."""
    return max(asleep(), asleep())


def _opened(clock: TimerClock) -> TimerDescriptor | None:
    try:
        return TimerDescriptor(clock)
    except DeviceError as error:
        _log.warning("%s: sleep is noticed at the next event after it", error)
        return None

"""Three clocks of the kernel, read as if at one moment. Nothing here waits, or says what a difference means."""

import time
from dataclasses import dataclass

_TRIES = 10
_AT_ONCE = 100
"""Microseconds between the first reading and the last that are as good as none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReadings:
    """What the clocks show at one moment, in microseconds: since 1970, and since the machine was started."""

    wall: int
    boot: int
    monotonic: int

    @property
    def asleep(self) -> int:
        """How long the machine has slept since it was started: the monotonic clock stood still then."""
        return self.boot - self.monotonic

    @property
    def started(self) -> int:
        """When the machine was started, by the wall clock as it is set now: another time when it is set otherwise."""
        return self.wall - self.boot


def read_clocks() -> ClockReadings:
    """The clocks now; of several tries that which was interrupted least."""
    took, readings = _read()
    for _ in range(_TRIES if took > _AT_ONCE else 0):
        took, readings = min((took, readings), _read(), key=lambda each: each[0])
    return readings


def _read() -> tuple[int, ClockReadings]:
    before = time.monotonic_ns()
    wall, boot = time.clock_gettime_ns(time.CLOCK_REALTIME), time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    after = time.monotonic_ns()
    readings = ClockReadings(wall=wall // 1000, boot=boot // 1000, monotonic=(before + after) // 2000)
    return (after - before) // 1000, readings

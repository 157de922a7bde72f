"""The clocks of the daemon, read in this one place. Everything else is handed one, or a time."""

import time

from bridge.store.values import Times


def monotonic() -> int:
    """CLOCK_MONOTONIC in microseconds: the clock of input events (EVIOCSCLOCKID) and of the asyncio loop."""
    return time.monotonic_ns() // 1000


def wall() -> int:
    """The wall clock in microseconds since 1970, only to be told to people, to handlers and to another boot."""
    return time.time_ns() // 1000


def wall_time(at: int) -> int:
    """What the wall clock, as it is set now, showed at a time of the monotonic one."""
    return at + wall() - monotonic()


def asleep() -> int:
    """How long the machine has slept since it was started, in microseconds: the monotonic clock stood still then."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000 - monotonic()


def times() -> Times:
    """All of them now, as the store takes them."""
    now = monotonic()
    return Times(now=now, wall_offset=wall() - now, asleep=asleep())

"""The clocks of the daemon, read in this one place. Everything else is handed one, or a time."""

import time


def monotonic() -> int:
    """CLOCK_MONOTONIC in microseconds: the clock of input events (EVIOCSCLOCKID) and of the asyncio loop."""
    return time.monotonic_ns() // 1000


def wall() -> int:
    """The wall clock in microseconds since 1970, only to be told to people and handlers."""
    return time.time_ns() // 1000


def wall_time(at: int) -> int:
    """What the wall clock, as it is set now, showed at a time of the monotonic one."""
    return at + wall() - monotonic()

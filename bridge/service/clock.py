"""The clocks of the daemon, read in this one place. Everything else is handed one, or a time."""

import time


def monotonic() -> int:
    """CLOCK_MONOTONIC in microseconds: the clock of input events (EVIOCSCLOCKID) and of the asyncio loop."""
    return time.monotonic_ns() // 1000


def wall() -> int:
    """The wall clock in microseconds since 1970, only to be shown to people."""
    return time.time_ns() // 1000

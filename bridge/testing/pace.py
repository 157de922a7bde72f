"""The pace of a replay that takes its time: when on a real clock a time of the recording has come.

Nothing here reads a clock or waits by itself: both are handed in.
"""

from collections.abc import Callable

MOST_SECONDS = 3600.0
"""How long it is waited for at once: no function that waits takes any number of seconds."""


class Pace:
    """Lets `begin` (microseconds of the recording) be now, and time pass `speed` times as fast from now on.

    `clock` gives microseconds; `wait` waits for some seconds, or less.
    """

    def __init__(self, speed: float, begin: int, clock: Callable[[], int], wait: Callable[[float], None]) -> None:
        self._speed = speed
        self._begin = begin
        self._clock = clock
        self._wait = wait
        self._start = clock()

    def wait_until(self, at: int) -> None:
        """Returns when that time of the recording has come."""
        due = self._start + (at - self._begin) / self._speed
        while (left := due - self._clock()) > 0:
            self._wait(min(left / 1_000_000, MOST_SECONDS))

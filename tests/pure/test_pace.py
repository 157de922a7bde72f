"""The pace: a time of the recording has come when so much time has passed on the clock, divided by the speed."""

import pytest

from bridge.testing.pace import MOST_SECONDS, Pace


class Clock:
    """A clock that shows what was waited for; with the first waits so many microseconds more have passed."""

    def __init__(self, *late: int) -> None:
        self.now = 5_000_000
        self.late = list(late)
        self.waited: list[float] = []

    def __call__(self) -> int:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now += round(seconds * 1_000_000) + (self.late.pop(0) if self.late else 0)


@pytest.mark.parametrize(("speed", "seconds"), [(1, 3.0), (10, 0.3), (0.5, 6.0)])
def test_time_passes_as_many_times_as_fast(speed: float, seconds: float) -> None:
    clock = Clock()

    Pace(speed, 0, clock, clock.wait).wait_until(3_000_000)

    assert sum(clock.waited) == seconds


def test_the_beginning_is_now() -> None:
    clock = Clock()
    pace = Pace(1, 60_000_000, clock, clock.wait)

    pace.wait_until(60_000_000)
    pace.wait_until(61_000_000)

    assert clock.waited == [1.0]


def test_what_was_waited_too_long_is_waited_less_for_the_next() -> None:
    clock = Clock(250_000)
    pace = Pace(1, 0, clock, clock.wait)

    for at in (1_000_000, 2_000_000, 2_100_000):
        pace.wait_until(at)

    assert clock.waited == [1.0, 0.75, 0.1]


def test_it_waits_again_where_it_was_woken_early() -> None:
    clock = Clock(-400_000)

    Pace(1, 0, clock, clock.wait).wait_until(1_000_000)

    assert clock.waited == [1.0, 0.4]


def test_no_wait_is_longer_than_what_can_be_waited_for() -> None:
    clock = Clock()

    Pace(1, 0, clock, clock.wait).wait_until(10_000_000_000)

    assert clock.waited == [MOST_SECONDS, MOST_SECONDS, 10_000 - 2 * MOST_SECONDS]

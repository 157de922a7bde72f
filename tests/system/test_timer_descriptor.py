"""Timers that are descriptors, by the kernel's clocks. That one tells of a wall clock that is set, tests/lab shows."""

import os
import select
from collections.abc import Iterator

import pytest

from bridge.monitors.clock_readings import ClockReadings, read_clocks
from bridge.monitors.timer_descriptor import NEVER, Rang, TimerClock, TimerDescriptor

HOUR = 3_600_000_000


@pytest.fixture(params=TimerClock)
def timer(request: pytest.FixtureRequest) -> Iterator[TimerDescriptor]:
    made = TimerDescriptor(request.param)
    made.set(now(request.param) + HOUR)
    yield made
    made.close()


def now(clock: TimerClock) -> int:
    shown = read_clocks()
    return {TimerClock.WALL: shown.wall, TimerClock.BOOT: shown.boot}[clock]


def is_ready(timer: TimerDescriptor, milliseconds: int) -> bool:
    poll = select.poll()
    poll.register(timer.fileno(), select.POLLIN)
    return bool(poll.poll(milliseconds))


def test_it_is_silent_until_its_time_has_come(timer: TimerDescriptor) -> None:
    assert not is_ready(timer, 0)
    assert timer.read() is Rang.NOT_YET


@pytest.mark.parametrize("clock", TimerClock)
def test_it_goes_off_when_its_time_has_come_and_says_so_once(clock: TimerClock) -> None:
    timer = TimerDescriptor(clock)
    timer.set(now(clock) + 1000)

    assert is_ready(timer, 60_000)
    assert timer.read() is Rang.DUE
    assert timer.read() is Rang.NOT_YET
    timer.close()


@pytest.mark.parametrize("clock", TimerClock)
def test_a_time_that_is_over_has_come(clock: TimerClock) -> None:
    timer = TimerDescriptor(clock)
    timer.set(0)

    assert is_ready(timer, 60_000)
    timer.close()


def test_one_that_is_set_to_never_or_to_nothing_is_silent(timer: TimerDescriptor) -> None:
    timer.set(1)
    assert is_ready(timer, 60_000)

    timer.set(NEVER)
    assert not is_ready(timer, 0)
    timer.set(None)
    assert not is_ready(timer, 0)


def test_its_descriptor_is_closed_and_no_child_inherits_it() -> None:
    before = set(os.listdir("/proc/self/fd"))
    timer = TimerDescriptor(TimerClock.WALL)
    assert not os.get_inheritable(timer.fileno())

    timer.close()
    assert set(os.listdir("/proc/self/fd")) == before


def test_the_clocks_are_read_as_at_one_moment() -> None:
    first, second = read_clocks(), read_clocks()

    assert second.monotonic >= first.monotonic
    assert second.asleep >= 0


def test_sleep_and_a_clock_that_is_set_are_told_apart() -> None:
    before = ClockReadings(wall=1_000_000, boot=700, monotonic=500)
    slept = ClockReadings(wall=1_000_050, boot=750, monotonic=500)
    clock_set = ClockReadings(wall=2_000_000, boot=700, monotonic=500)

    assert (slept.asleep - before.asleep, slept.started - before.started) == (50, 0)
    assert (clock_set.asleep - before.asleep, clock_set.started - before.started) == (0, 1_000_000)

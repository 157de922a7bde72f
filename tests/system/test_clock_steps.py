"""A clock that is set, and sleep, are told with how much it was. The clocks are made up; tests/lab has real ones."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from clock_heard import Heard, asking, said
from made_clocks import SECOND, SUMMER_BEGINS, MadeClocks
from made_zones import HOUR

from bridge.model.events import Origin
from bridge.monitors.clock import LEAST, ClockMonitor
from bridge.service.clock import monotonic


@pytest.fixture
def clocks(tmp_path: Path) -> MadeClocks:
    return MadeClocks(tmp_path)


@pytest.fixture
def heard(clocks: MadeClocks) -> Iterator[Heard]:
    monitor = ClockMonitor(clock=monotonic, machine=clocks.machine)
    yield Heard(monitor)
    monitor.close()


def test_at_the_start_only_the_zone_is_told(heard: Heard) -> None:
    assert heard.start == [(Origin.START, "TimeZoneChange", "Made/Summer", HOUR)]


@pytest.mark.parametrize("by", [600 * SECOND, -600 * SECOND, LEAST + 1, -LEAST - 1])
def test_a_clock_that_is_set_is_told_by_how_much(clocks: MadeClocks, heard: Heard, by: int) -> None:
    clocks.go_on(awake=5 * SECOND, set_by=by)

    assert heard.all() == [(Origin.LIVE, "ClockStep", by, 0)]
    assert heard.all() == []


def test_time_that_passes_is_no_step_and_no_sleep(clocks: MadeClocks, heard: Heard) -> None:
    clocks.go_on(awake=600 * SECOND)
    clocks.timer.ring()

    assert heard.all() == []


def test_sleep_is_told_with_its_length_and_is_no_step_though_the_clock_jumps(clocks: MadeClocks, heard: Heard) -> None:
    clocks.go_on(asleep=1800 * SECOND)

    assert heard.all() == [(Origin.LIVE, "Resume", 1800 * SECOND, 0)]


def test_a_clock_that_is_set_while_the_machine_sleeps_is_told_after_the_sleep(clocks: MadeClocks, heard: Heard) -> None:
    clocks.go_on(asleep=1800 * SECOND, set_by=-10 * SECOND)

    assert heard.all() == [(Origin.LIVE, "Resume", 1800 * SECOND, 0), (Origin.LIVE, "ClockStep", -10 * SECOND, 0)]


def test_small_steps_are_not_told_until_they_add_up(clocks: MadeClocks, heard: Heard) -> None:
    clocks.go_on(set_by=LEAST // 2)
    assert heard.all() == []

    clocks.go_on(set_by=LEAST // 2 + 1)
    assert heard.all() == [(Origin.LIVE, "ClockStep", LEAST // 2 * 2 + 1, 0)]


def test_a_clock_that_is_set_into_summer_time_changes_the_offset_too(clocks: MadeClocks, heard: Heard) -> None:
    clocks.go_on(set_by=HOUR * SECOND)

    assert heard.all() == [
        (Origin.LIVE, "ClockStep", HOUR * SECOND, 0),
        (Origin.LIVE, "TimeZoneChange", "Made/Summer", 2 * HOUR),
    ]


def test_a_machine_that_sleeps_into_summer_time_tells_that_once_it_is_awake(clocks: MadeClocks, heard: Heard) -> None:
    clocks.go_on(asleep=2 * HOUR * SECOND)

    assert heard.all() == [
        (Origin.LIVE, "Resume", 2 * HOUR * SECOND, 0),
        (Origin.LIVE, "TimeZoneChange", "Made/Summer", 2 * HOUR),
    ]


def test_the_timer_is_set_to_the_next_change_of_the_offset_again_after_each_step(
    clocks: MadeClocks, heard: Heard
) -> None:
    assert clocks.timer.at == SUMMER_BEGINS * SECOND
    clocks.timer.at = None  # as the kernel has it after a step: it says nothing more until it is set

    clocks.go_on(set_by=60 * SECOND)
    heard.all()
    assert clocks.timer.at == SUMMER_BEGINS * SECOND

    clocks.go_on(awake=HOUR * SECOND)
    clocks.timer.ring()
    assert heard.all() == [(Origin.LIVE, "TimeZoneChange", "Made/Summer", 2 * HOUR)]
    assert clocks.timer.at is not None
    assert clocks.timer.at > SUMMER_BEGINS * SECOND


def test_a_step_that_comes_while_the_timer_is_set_is_not_lost(clocks: MadeClocks, heard: Heard) -> None:
    clocks.go_on(set_by=60 * SECOND)
    clocks.timer.is_set_in_between = True

    assert heard.all() == [(Origin.LIVE, "ClockStep", 60 * SECOND, 0)]
    assert clocks.timer.at == SUMMER_BEGINS * SECOND


def test_a_look_at_everything_finds_sleep_before_the_timer_says_so(clocks: MadeClocks, heard: Heard) -> None:
    clocks.go_on(asleep=1800 * SECOND)

    assert said(heard.monitor.resync()) == [(Origin.LIVE, "Resume", 1800 * SECOND, 0)]
    assert heard.all() == []


def test_who_asks_for_one_of_them_is_not_told_the_others(clocks: MadeClocks) -> None:
    monitor = ClockMonitor(clock=monotonic, machine=clocks.machine)
    heard = Heard(monitor, "Resume")

    clocks.go_on(asleep=1800 * SECOND, set_by=HOUR * SECOND)

    assert heard.all() == [(Origin.LIVE, "Resume", 1800 * SECOND, 0)]
    monitor.close()


def test_what_was_before_somebody_asked_is_not_told(clocks: MadeClocks) -> None:
    monitor = ClockMonitor(clock=monotonic, machine=clocks.machine)
    clocks.go_on(asleep=1800 * SECOND, set_by=HOUR * SECOND)

    heard = Heard(monitor, "Resume", "ClockStep")
    assert heard.start == heard.all() == []
    clocks.go_on(set_by=HOUR * SECOND)
    assert said(monitor.watch(asking("Resume"))) == []
    monitor.close()

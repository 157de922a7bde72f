"""Time triggers over restarts of the real daemon. Another daemon's time trigger is the clock that is waited for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import Daemon
from test_task_life import put, told, wait_until_done

TICK = "cat >> told; say tick"
SECOND = 1_000_000
NEAR = 100_000
"""Microseconds that two readings of the wall clock may differ by, when a time of the monotonic one is told in it."""


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon with a time trigger of its own."""
    (tmp_path / "clock").mkdir()
    clock = Daemon(tmp_path / "clock")
    put(clock, "clock", "say tick", triggers='[{ time = "1s" }]')
    with clock:
        yield clock


def wait_for_ticks(clock: Daemon, more: int) -> None:
    before = len(clock.said())
    clock.wait_until(lambda: len(clock.said()) >= before + more, f"{more} seconds")


def distances(daemon: Daemon) -> list[int]:
    """How long after the first raise each other one was, in microseconds."""
    times = [run["raised_at"] for run in told(daemon)]
    return [time - times[0] for time in times[1:]]


def test_a_time_trigger_goes_on_in_its_phase_and_what_was_missed_is_run_once(daemon: Daemon, clock: Daemon) -> None:
    put(daemon, "lamp", TICK, triggers='[{ time = "1s" }]')
    with daemon:
        daemon.wait_for_words("tick")
        wait_until_done(daemon)
    wait_for_ticks(clock, 4)  # at least three of ours are missed
    with daemon:
        daemon.wait_for_words("tick", "tick", "tick")

    missed, following = distances(daemon)[:2]
    assert missed > 2 * SECOND  # one run for all of them, when there was somebody to start it
    assert following - missed < SECOND + NEAR
    assert (following + NEAR) % SECOND < 2 * NEAR
    assert not any(run["redelivered"] for run in told(daemon))


def test_a_period_that_is_not_over_at_a_restart_is_not_begun_anew(daemon: Daemon, clock: Daemon) -> None:
    put(daemon, "lamp", TICK, triggers='[{ time = "4s" }]')
    with daemon:
        wait_for_ticks(clock, 1)
    for _ in range(5):  # more often than a period, so that a new one would never end
        with daemon:
            wait_for_ticks(clock, 1)

    assert daemon.said()


def test_a_one_shot_does_not_go_off_again_after_a_restart(daemon: Daemon, clock: Daemon) -> None:
    put(daemon, "lamp", "say tick", triggers='[{ time = "1s", one_shot = true }]')
    with daemon:
        daemon.wait_for_words("tick")
        wait_until_done(daemon)
    with daemon:
        wait_for_ticks(clock, 3)

    assert daemon.said() == ["tick"]


def test_a_one_shot_that_was_missed_goes_off_at_the_next_start(daemon: Daemon, clock: Daemon) -> None:
    put(daemon, "lamp", "say tick", triggers='[{ time = "2s", one_shot = true }]')
    with daemon:
        daemon.kill()
    wait_for_ticks(clock, 4)
    with daemon:
        daemon.wait_for_words("tick")


def test_another_period_begins_anew(daemon: Daemon, clock: Daemon) -> None:
    put(daemon, "lamp", "say tick", triggers='[{ time = "1s", one_shot = true }]')
    with daemon:
        daemon.wait_for_words("tick")
        put(daemon, "lamp", "say anew", triggers='[{ time = "2s", one_shot = true }]')
        daemon.reload()
        daemon.wait_for_words("anew")
        wait_for_ticks(clock, 3)

    assert daemon.said() == ["tick", "anew"]

"""What a start finds in another boot than it was written in, or after the machine slept."""

from pathlib import Path

import pytest
from stored import JACK, NOW, Stored, owed, raised, remembered, task

from bridge.mapping.memory import LevelTurned, RaisedThisBoot
from bridge.store.values import Times

HOUR = 3_600_000_000
LATER = Times(now=NOW.now + HOUR, wall_offset=NOW.wall_offset + 7)
"""In the same boot, when the wall clock has been set."""
NEXT_BOOT = Times(now=60_000_000, wall_offset=NOW.wall + HOUR - 60_000_000)
"""An hour later by the wall clock, a minute after the machine began."""


def keep(directory: Path, *outcomes: object, times: Times = NOW) -> None:
    with Stored(directory, times=times) as stored:
        stored.write(*outcomes)


def test_within_a_boot_times_are_what_they_were(tmp_path: Path) -> None:
    kept = owed(1, raised=raised(at=4_000_000), due=6_000_000)
    keep(tmp_path, kept)

    found = remembered(tmp_path, times=LATER).restored

    assert found.at == LATER.now
    assert found.owed == (kept,)
    assert found.earlier_boot == frozenset()


def test_a_raise_of_another_boot_was_as_long_ago_as_the_wall_clock_says(tmp_path: Path) -> None:
    keep(tmp_path, owed(1, raised=raised(at=NOW.now - 2_000_000)))

    found = remembered(tmp_path, boot="boot 2", times=NEXT_BOOT).restored

    assert found.owed[0].raised.at == NEXT_BOOT.now - HOUR - 2_000_000
    assert found.earlier_boot == {1}


@pytest.mark.parametrize("set_back", [0, 10 * HOUR])
def test_a_raise_of_another_boot_was_before_this_one_even_if_the_wall_clock_was_set_back(
    tmp_path: Path, set_back: int
) -> None:
    keep(tmp_path, owed(1))
    times = Times(now=60_000_000, wall_offset=NOW.wall_offset - set_back)

    found = remembered(tmp_path, boot="boot 2", times=times).restored

    assert found.owed[0].raised.at < 0
    assert found.earlier_boot == {1}


def test_what_is_owed_since_an_earlier_boot_stays_so_when_it_is_kept_again(tmp_path: Path) -> None:
    keep(tmp_path, owed(1))
    with Stored(tmp_path, boot="boot 2", start="second", times=NEXT_BOOT) as stored:
        (kept,) = stored.read().restored.owed
        stored.write(kept, owed(2, raised=raised(at=NEXT_BOOT.now)))

    found = remembered(tmp_path, boot="boot 2", times=NEXT_BOOT).restored

    assert found.owed[0] == kept
    assert found.earlier_boot == {1}


@pytest.mark.parametrize(
    ("left", "found_left"), [(2 * HOUR, 300_000_000), (HOUR + 9_000_000, 9_000_000), (HOUR, 0), (0, 0)]
)
def test_a_backoff_goes_on_in_the_next_boot_and_is_never_longer_than_the_longest(
    tmp_path: Path, left: int, found_left: int
) -> None:
    keep(tmp_path, owed(1, due=NOW.now + left))

    found = remembered(tmp_path, boot="boot 2", times=NEXT_BOOT).restored

    assert found.owed[0].due == NEXT_BOOT.now + found_left


def test_time_triggers_count_what_was_slept_within_a_boot(tmp_path: Path) -> None:
    asleep = Times(now=NOW.now, wall_offset=NOW.wall_offset, asleep=1_000_000)
    keep(tmp_path, task(due={0: NOW.now + HOUR}), times=asleep)
    woken = Times(now=NOW.now + 5, wall_offset=NOW.wall_offset, asleep=21_000_000)

    found = remembered(tmp_path, times=woken).restored

    assert found.tasks[0].due == {0: NOW.now + HOUR - 20_000_000}


@pytest.mark.parametrize("left", [3 * HOUR, HOUR, 5])
def test_time_triggers_go_by_the_wall_clock_over_a_boot(tmp_path: Path, left: int) -> None:
    keep(tmp_path, task(due={0: NOW.now + left}))

    found = remembered(tmp_path, boot="boot 2", times=NEXT_BOOT).restored

    assert found.tasks[0].due == {0: NEXT_BOOT.now + left - HOUR}


def test_a_boot_ends_failures_quarantines_and_what_is_once_a_boot(tmp_path: Path) -> None:
    keep(
        tmp_path,
        task(spent=frozenset({1}), spent_in_boot=frozenset({0}), failures=3, quarantined="too many"),
        RaisedThisBoot("in", "left"),
        LevelTurned("in", JACK, True),
    )

    found = remembered(tmp_path, boot="boot 2", times=NEXT_BOOT)

    (state,) = found.restored.tasks
    assert (state.spent, state.spent_in_boot) == (frozenset({1}), frozenset())
    assert (state.failures, state.quarantined) == (0, "")
    assert found.memory.raised_this_boot == set()
    assert found.memory.true == {("in", JACK)}


def test_what_a_boot_ended_does_not_come_back(tmp_path: Path) -> None:
    keep(tmp_path, RaisedThisBoot("in", "left"))
    with Stored(tmp_path, boot="boot 2", start="second", times=NEXT_BOOT) as stored:
        stored.read()
        stored.write(RaisedThisBoot("in", "right"))

    assert remembered(tmp_path).memory.raised_this_boot == set()
    assert remembered(tmp_path, boot="boot 2").memory.raised_this_boot == {("in", "right")}

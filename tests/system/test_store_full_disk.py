"""A full disk, which is a small tmpfs: what was accepted is written in the end, and new raises are refused."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from namespace import in_namespace
from stored import Stored, activated, completed, owed, raised, remembered

from bridge.dispatch.kept import Answered
from bridge.errors import StoreError

SMALL = Path("/run/small")
STATE = SMALL / "state"
WITH_WHOLE_RESERVE = "40m"
LONG = raised(NAME="x" * 20_000)


@contextmanager
def small_disk(size: str = "8m") -> Iterator[Stored]:
    SMALL.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", SMALL], check=True)
    with Stored(STATE) as stored:
        yield stored


def fill(name: str = "filler") -> None:
    """Takes all that is left, to the last page."""
    descriptor = os.open(SMALL / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        while os.write(descriptor, bytes(4096)):
            pass
    except OSError:
        os.close(descriptor)


def free(name: str = "filler") -> None:
    (SMALL / name).unlink()


def numbers() -> set[int]:
    return {kept.number for kept in remembered(STATE).restored.owed}


@in_namespace
def test_what_was_accepted_before_the_disk_was_full_is_written_and_new_raises_are_refused() -> None:
    with small_disk(WITH_WHOLE_RESERVE) as stored:
        stored.write(*(owed(number) for number in range(100)))
        fill()
        for number in range(100, 130):  # accepted in memory, before anybody knows
            stored.write(owed(number, raised=LONG))

        accepts, why = stored.turned()
        assert not accepts
        assert why == f"{STATE}/store.db: database or disk is full"
        assert not (STATE / "store.reserve").exists()

        free()
        assert stored.turned() == (True, "")
        assert (STATE / "store.reserve").exists()
        stored.write(owed(200))
    assert numbers() == {*range(130), 200}


@in_namespace
def test_completions_are_written_while_the_disk_is_full() -> None:
    with small_disk() as stored:
        for number in range(300):
            stored.write(*activated(number))
        fill()
        for number in range(300):
            stored.write(*completed(number, output="x" * 1000))
            if number == 20:
                fill("what the reserve left")

        assert not stored.turned()[0]
        assert stored.history()[-1].instance == "first-299"
    assert numbers() == set()


@in_namespace
def test_what_does_not_fit_is_held_and_not_told_to_be_committed_until_it_does() -> None:
    with small_disk("24m") as stored:
        stored.write(*(owed(number, raised=LONG) for number in range(10)))
        fill()
        for number in range(10, 300):
            stored.write(owed(number, raised=LONG), token=number, wait=False)
        assert not stored.turned()[0]
        stored.history()  # is answered after what was written before
        told = {token for token in stored.committed() if isinstance(token, int)}
        assert 10 in told
        assert 299 not in told

        free()
        stored.wait_for(299)
        assert stored.turned() == (True, "")
    assert numbers() == set(range(300))


@in_namespace
def test_what_is_answered_makes_room_for_what_is_held() -> None:
    with small_disk() as stored:
        stored.write(*(owed(number, raised=LONG) for number in range(100)))
        fill()
        for number in range(100, 300):
            stored.write(owed(number, raised=LONG), token=number, wait=False)
        assert not stored.turned()[0]
        for number in range(100):
            stored.write(Answered(number=number))
        stored.history()
        told = {token for token in stored.committed() if isinstance(token, int)}
    assert numbers() == told
    assert len(told) > 90


@in_namespace
def test_history_goes_so_that_what_is_owed_can_be_written() -> None:
    with small_disk(WITH_WHOLE_RESERVE) as stored:
        for number in range(2000):
            stored.write(*completed(number, output="x" * 4000), token=number, wait=False)
        stored.wait_for(1999)
        fill()
        for number in range(200):  # twice what the reserve has room for
            stored.write(owed(number, raised=LONG), token=number, wait=False)
        stored.wait_for(199)

        assert not stored.turned()[0]
        assert len(stored.history(3000)) < 2000
    assert numbers() == set(range(200))


@in_namespace
def test_new_raises_are_refused_until_there_is_more_room_than_the_reserve_takes() -> None:
    with small_disk() as stored:
        stored.write(owed(1))
        fill()
        for number in range(2, 100):
            stored.write(owed(number, raised=LONG), wait=False)
        assert not stored.turned()[0]
        stored.write(*(Answered(number=number) for number in range(1, 50)), wait=False)
        os.truncate(SMALL / "filler", (SMALL / "filler").stat().st_size - 2_500_000)
        stored.history()
        stored.history()
        assert stored.turns.empty()

        free()
        assert stored.turned() == (True, "")


@in_namespace
def test_a_disk_that_is_full_from_the_start_holds_everything() -> None:
    with small_disk() as stored:
        fill()
        assert stored.read().refusal == f"{STATE}/store.reserve: there is no room for it on the disk"
        stored.write(owed(1), token=1, wait=False)
        assert stored.history() == []
        assert stored.committed() == []

        free()
        stored.wait_for(1)
        assert stored.turned() == (True, "")
    assert numbers() == {1}


@in_namespace
def test_a_disk_that_is_full_at_the_start_refuses_new_raises_until_there_is_room() -> None:
    with small_disk() as stored:
        fill()
        assert stored.read().refusal
        assert list(STATE.iterdir()) == []
        free()
        assert stored.turned() == (True, "")
        stored.write(owed(1))
        stored.close()
        (STATE / "store.reserve").unlink()
        fill()

        with Stored(STATE, start="second") as second:
            found = second.read()
            assert [kept.number for kept in found.restored.owed] == [1]
            assert found.refusal == f"{STATE}/store.reserve: there is no room for it on the disk"
            free()
            assert second.turned() == (True, "")
            second.write(owed(2))
    assert numbers() == {1, 2}


@in_namespace
def test_a_start_that_ends_on_a_full_disk_tells_what_was_committed_and_nothing_else() -> None:
    with small_disk() as stored:
        stored.write(*(owed(number, raised=LONG) for number in range(10)), token=1)
        fill()
        for number in range(10, 300):
            stored.write(owed(number, raised=LONG), token=number, wait=False)
        stored.close()
        told = {token for token in stored.committed() if isinstance(token, int)} - {1}
        free()
    assert numbers() == {*range(10), *told}
    assert len(told) < 290


@in_namespace
def test_a_read_only_disk_is_named_and_what_to_do_about_it() -> None:
    with small_disk() as stored:
        stored.write(owed(1))
        stored.close()
        subprocess.run(["mount", "-o", "remount,ro", SMALL], check=True)

        with pytest.raises(StoreError) as refused:
            Stored(STATE)

    assert str(refused.value) == (
        f"{STATE}: the state directory cannot be written to;"
        ' to keep nothing over a restart, set durability = "memory" in [store] of hwbridge.toml'
    )


@in_namespace
def test_a_state_directory_that_cannot_be_made_on_a_read_only_disk_is_named_too() -> None:
    with small_disk() as stored:
        stored.close()
        subprocess.run(["mount", "-o", "remount,ro", SMALL], check=True)

        with pytest.raises(
            StoreError, match=r"other: the state directory cannot be used: Read-only file system; to keep"
        ):
            Stored(SMALL / "other")

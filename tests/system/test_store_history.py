"""The history: what it says, how it is asked, and that it goes before anything that is owed."""

from pathlib import Path

import pytest
from stored import GUID, NOW, Stored, activated, completed, instance, owed, raised, registration, remembered

from bridge.dispatch.decisions import (
    Cancel,
    Dropped,
    Finished,
    Kill,
    Latched,
    Progressed,
    Quarantined,
    Registered,
    Reset,
    Slowed,
    Unregistered,
)
from bridge.dispatch.kept import Answered
from bridge.errors import InvalidValueError
from bridge.model.tasks import CancellationReason, DropReason, InstanceState
from bridge.store.values import CROWDED, Limits

EVERYTHING = (
    raised(key="left", NAME="card 0"),
    Latched(at=1, task="jack", key="left", merged=2),
    activated(4)[1],
    Progressed(at=2, instance_id="first-4", progress=50),
    Cancel(at=3, instance=instance(4), reason=CancellationReason.ConditionLoss),
    Kill(at=4, instance=instance(4)),
    completed(4, output="done\n")[1],
    Dropped(at=5, task="jack", key="left", reason=DropReason.QueueFull),
    Quarantined(at=6, task="jack", why="too many failures"),
    Slowed(at=7, task="jack", key="left", until=50_007),
    Registered(at=8, task=registration("radio"), replaced=False),
    Unregistered(at=9, task="radio"),
    Reset(at=10, task="jack"),
)


def test_each_decision_has_its_line_but_progress(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(*EVERYTHING)

        rows = stored.history()

    assert " ".join(row.what for row in rows) == (
        "raised latched activated canceled killed completed dropped quarantined slowed registered unregistered reset"
    )
    assert [row.seq for row in rows] == list(range(1, 13))
    assert [row.task for row in rows] == ["", *["jack"] * 8, "radio", "radio", "jack"]
    assert rows[1].wall == NOW.wall_offset + 1


def test_a_line_says_all_that_people_ask_for(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(*EVERYTHING)

        of_raise, _, of_run, canceled, _, ended, dropped, *_ = stored.history()

    assert (of_raise.trigger, of_raise.key) == (str(GUID), "left")
    assert of_raise.rest == {"rule": None, "origin": "live", "details": {"NAME": "card 0"}}
    assert (of_run.instance, of_run.trigger) == ("first-4", str(GUID))
    assert of_run.rest == {"merged": 1, "attempt": 1, "redelivered": False}
    assert canceled.rest == {"reason": "ConditionLoss"}
    assert ended.rest == {"state": "succeeded", "detail": "", "output": "done\n", "duration": 500_000}
    assert dropped.rest == {"reason": "QueueFull", "merged": 1}


def test_the_end_of_a_long_output_is_kept(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(*completed(1, output="a" * 9000 + "ü" * 3000 + "end"))
        output = stored.history()[0].rest["output"]

    assert isinstance(output, str)
    assert output.endswith("üüüend")
    assert len(output.encode()) in {8191, 8192}


def test_the_newest_lines_come_oldest_first(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(*(Reset(at=at, task="jack" if at % 2 else "radio") for at in range(10)))

        assert [row.seq for row in stored.history(3)] == [8, 9, 10]
        assert [row.seq for row in stored.history(3, name="radio")] == [5, 7, 9]


def test_lines_after_a_line_are_the_first_ones(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(*(Reset(at=at, task="jack" if at % 2 else "radio") for at in range(10)))

        assert [row.seq for row in stored.history(3, since=4)] == [5, 6, 7]
        assert [row.seq for row in stored.history(3, since=4, name="jack")] == [6, 8, 10]
        assert stored.history(3, since=10) == []


def test_the_history_is_there_after_a_restart(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(Reset(at=1, task="jack"))
    with Stored(tmp_path, start="second") as stored:
        stored.read()
        stored.write(Reset(at=2, task="jack"))

        assert [(row.seq, row.wall - NOW.wall_offset) for row in stored.history()] == [(1, 1), (2, 2)]


def test_the_oldest_lines_go_beyond_the_limit_of_rows(tmp_path: Path) -> None:
    with Stored(tmp_path, limits=Limits(rows=100)) as stored:
        for at in range(250):
            stored.write(Reset(at=at, task="jack"), token=at, wait=False)

        assert [row.seq for row in stored.history()] == list(range(151, 251))


def test_what_is_owed_takes_its_rows_from_the_history(tmp_path: Path) -> None:
    with Stored(tmp_path, limits=Limits(rows=100)) as stored:
        stored.write(*(owed(number) for number in range(60)), *(Reset(at=at, task="jack") for at in range(90)))
        assert len(stored.history()) == 40

        stored.write(*(Answered(number=number) for number in range(60)))
        stored.write(*(Reset(at=at, task="jack") for at in range(70)))
        assert len(stored.history()) == 100


def test_the_oldest_lines_go_beyond_the_limit_of_bytes(tmp_path: Path) -> None:
    limit = 1024 * 1024
    with Stored(tmp_path, limits=Limits(rows=100_000, bytes=limit)) as stored:
        for number in range(1000):
            stored.write(owed(number), *completed(number, output="x" * 8000), token=number, wait=False)
        stored.wait_for(999)
        rows = stored.history(100_000)

    assert [row.seq for row in rows] == list(range(1001 - len(rows), 1001))
    assert 50 < len(rows) < 130
    assert (tmp_path / "store.db").stat().st_size <= limit + 600_000


@pytest.mark.parametrize(
    ("limits", "size"),
    [(Limits(rows=100), 10), (Limits(bytes=1024 * 1024), 30_000)],
    ids=["rows", "bytes"],
)
def test_new_raises_are_refused_while_what_is_owed_fills_the_limits(tmp_path: Path, limits: Limits, size: int) -> None:
    numbers = range(150)
    with Stored(tmp_path, limits=limits) as stored:
        for number in numbers:
            stored.write(owed(number, raised=raised(NAME="x" * size)))
        accepts, why = stored.turned()
        assert not accepts
        assert why.startswith("what is owed fills the store")

        stored.write(*(Answered(number=number) for number in numbers[1:]))
        assert stored.turned() == (True, "")
        for _ in range(20):
            stored.write(Answered(number=1000))
    assert (tmp_path / "store.db").stat().st_size <= limits.bytes
    assert [kept.number for kept in remembered(tmp_path).restored.owed] == [0]


def test_new_raises_are_taken_again_once_an_eighth_of_the_limits_is_free(tmp_path: Path) -> None:
    with Stored(tmp_path, limits=Limits(rows=160)) as stored:
        stored.write(*(owed(number) for number in range(161)))
        assert not stored.turned()[0]
        stored.write(*(Answered(number=number) for number in range(20)))
        stored.history()
        assert stored.turns.empty()
        stored.write(Answered(number=20))

        assert stored.turned() == (True, "")


@pytest.mark.parametrize(
    ("limits", "size"),
    [(Limits(rows=100), 10), (Limits(bytes=1024 * 1024), 30_000)],
    ids=["rows", "bytes"],
)
def test_a_start_that_finds_the_limits_filled_refuses_new_raises_at_once(
    tmp_path: Path, limits: Limits, size: int
) -> None:
    with Stored(tmp_path, limits=limits) as stored:
        for number in range(101):
            stored.write(owed(number, raised=raised(NAME="x" * size)))
        stored.turned()

    with Stored(tmp_path, limits=limits, start="second") as stored:
        assert stored.read().refusal == CROWDED
        stored.write(Answered(number=0))
        stored.history()
        assert stored.turns.empty()
        stored.write(*(Answered(number=number) for number in range(1, 101)))
        assert stored.turned() == (True, "")
    assert remembered(tmp_path, limits=limits).refusal == ""


def test_limits_that_leave_no_room_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="rows = 3: the store holds at least 100 rows"):
        Limits(rows=3)
    with pytest.raises(InvalidValueError, match="bytes = 4096: the store's file has at least 1048576 bytes"):
        Limits(bytes=4096)


def test_a_run_that_asked_to_be_run_again_says_when(tmp_path: Path) -> None:
    ended = Finished(at=5, instance=instance(1), state=InstanceState.AGAIN, again_at=1_000_005, suspended=2)
    with Stored(tmp_path) as stored:
        stored.write(ended)

        assert stored.history()[0].rest == {
            "state": "again",
            "detail": "",
            "output": "",
            "again_in": 1_000_000,
            "suspended": 2,
        }

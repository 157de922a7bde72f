"""The history: what it says, how it is asked, and that it goes before anything that is owed."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from stored import (
    DEADLINE_SECONDS,
    GUID,
    NOW,
    Stored,
    activated,
    completed,
    instance,
    owed,
    raised,
    registration,
    remembered,
)

from bridge.dispatch.decisions import (
    Activate,
    Cancel,
    Dropped,
    Finished,
    Heard,
    Kill,
    Latched,
    Merged,
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
from bridge.model.triggers import OwnTrigger
from bridge.store.values import CROWDED, Durability, HistoryPage, Limits

RAISED = msgspec.structs.replace(raised(key="left", NAME="card 0"), cause="first-2")
EVERYTHING = (
    RAISED,
    Heard(at=RAISED.at, raised=RAISED, owners=frozenset({None})),
    Latched(at=1, task="jack", key="left", merged=2, trigger=GUID),
    Merged(at=1, task="jack", key="left", merged=3, trigger=GUID),
    activated(4)[1],
    Progressed(at=2, instance_id="first-4", progress=50),
    Cancel(at=3, instance=instance(4), reason=CancellationReason.ConditionLoss),
    Kill(at=4, instance=instance(4)),
    completed(4, output="done\n")[1],
    Dropped(at=5, task="jack", key="left", reason=DropReason.QueueFull, raised=RAISED),
    Quarantined(at=6, task="jack", why="too many failures"),
    Slowed(at=7, task="jack", key="left", until=50_007, trigger=GUID),
    Registered(at=8, task=registration("radio"), replaced=False),
    Unregistered(at=9, task="radio"),
    Reset(at=10, task="jack"),
)


def test_each_decision_has_its_line_but_a_raise_only_if_it_is_heard(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(*EVERYTHING)

        rows = stored.history()

    assert " ".join(row.what for row in rows) == (
        "raised latched merged activated progress canceled killed completed dropped quarantined slowed registered"
        " unregistered reset"
    )
    assert [row.seq for row in rows] == list(range(1, 15))
    assert [row.task for row in rows] == ["", *["jack"] * 10, "radio", "radio", "jack"]
    about_the_trigger = [row.what for row in rows if row.trigger == str(GUID)]
    assert about_the_trigger == [row.what for row in rows[:9]] + ["slowed"]
    assert rows[1].wall == NOW.wall_offset + 1


def test_a_line_says_all_that_people_ask_for(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(*EVERYTHING)

        of_raise, _, merged, of_run, progress, canceled, _, ended, dropped, *_ = stored.history()

    assert (of_raise.trigger, of_raise.key) == (str(GUID), "left")
    assert of_raise.rest == {"origin": "live", "cause": "first-2", "details": {"NAME": "card 0"}}
    assert merged.rest == {"merged": 3}
    assert (progress.instance, progress.task, progress.rest) == ("first-4", "jack", {"progress": 50})
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


def test_a_page_says_whether_there_are_more_lines_and_which_are_kept(tmp_path: Path) -> None:
    with Stored(tmp_path, limits=Limits(rows=100)) as stored:
        assert stored.page() == HistoryPage()
        for at in range(150):
            stored.write(Reset(at=at, task="jack" if at % 2 else "radio"), token=at, wait=False)

        page = stored.page(since=0, limit=100)
        assert (page.oldest, page.newest, page.more) == (51, 150, False)
        assert stored.page(since=0, limit=99).more
        assert stored.page(since=51, limit=99).more is False
        assert stored.page(limit=99).more
        assert stored.page(limit=100).more is False
        assert stored.page(since=0, limit=49, task="jack").more
        assert stored.page(since=0, limit=50, task="jack").more is False


def test_lines_that_are_large_together_come_in_pages(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        for number in range(60):
            stored.write(*completed(number, output="x" * 8000))
        first = stored.page(since=0)
        second = stored.page(since=first.rows[-1].seq)
        newest = stored.page()

    assert first.more
    assert [row.seq for row in (*first.rows, *second.rows)][: len(first.rows) + 5] == list(
        range(1, len(first.rows) + 6)
    )
    assert newest.more
    assert newest.rows[-1].seq == 60
    assert sum(len(str(row.rest)) for row in first.rows) < 300_000


def test_lines_are_for_those_whose_tasks_they_are_about(tmp_path: Path) -> None:
    both = Heard(at=1, raised=raised(), owners=frozenset({1000, 100, None}))
    with Stored(tmp_path) as stored:
        stored.write(
            both,
            Latched(at=2, task="of 1000", key="", owner=1000),
            Dropped(at=3, task="of 100", key="", reason=DropReason.QueueFull, owner=100),
            Reset(at=4, task="of root", owner=0),
            Unregistered(at=5, task="of nobody else"),
            Registered(at=6, task=registration("of 10", owner=10), replaced=False),
            Quarantined(at=7, task="of 00", why="it failed", owner=1),
        )

        def read_by(reader: int) -> list[int | None]:
            return [row.seq for row in stored.page(reader=reader).rows]

        assert read_by(1000) == [1, 2]
        assert read_by(100) == [1, 3]
        assert read_by(10) == [6]
        assert read_by(1) == [7]
        assert read_by(0) == [4]
        assert read_by(5) == []
        assert [row.readers for row in stored.history()][:3] == [{100, 1000}, {1000}, {100}]


def test_all_lines_of_a_run_are_for_the_owner_of_its_task(tmp_path: Path) -> None:
    run = replace(instance(1), task=registration(owner=1000))
    with Stored(tmp_path) as stored:
        stored.write(
            Activate(at=1, instance=run),
            Progressed(at=2, instance_id="first-1", progress=10),
            Cancel(at=3, instance=run, reason=CancellationReason.Abort),
            Kill(at=4, instance=run),
            Finished(at=5, instance=run, state=InstanceState.CANCELED, progress=10),
        )
        rows = stored.page(reader=1000).rows

    assert [row.what for row in rows] == ["activated", "progress", "canceled", "killed", "completed"]
    assert (rows[-1].rest["progress"], "reason" in rows[-1].rest) == (10, False)


def test_the_line_of_a_run_that_is_over_says_why_it_was_canceled(tmp_path: Path) -> None:
    canceled = Finished(
        at=5, instance=instance(1), state=InstanceState.FAILED, reason=CancellationReason.ExecutionTimeExceeded
    )
    with Stored(tmp_path) as stored:
        stored.write(canceled)

        (row,) = stored.history()
        assert (row.rest["state"], row.rest["reason"]) == ("failed", "ExecutionTimeExceeded")


def test_lines_are_found_by_their_trigger_also_among_damaged_ones(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(*EVERYTHING, Latched(at=1, task="jack", key="", trigger=OwnTrigger.TIME))
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as connection:
        connection.execute("update history set content = '{\"what' where seq = 2")
    with Stored(tmp_path) as stored:
        stored.read()
        assert [row.what for row in stored.page(since=0, trigger=str(GUID)).rows] == [
            *("raised", "merged", "activated", "progress", "canceled", "killed", "completed", "dropped", "slowed")
        ]
        assert [row.seq for row in stored.page(since=0, trigger="TimeTrigger").rows] == [15]
        assert stored.history(2, since=1)[0].what == "unreadable"


def test_while_somebody_wants_to_know_lines_are_told_when_they_are_committed(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(Reset(at=1, task="jack"))
        assert stored.told.empty()
        stored.store.tell(True)
        stored.write(*EVERYTHING[:5])
        told = stored.told.get(timeout=DEADLINE_SECONDS)
        stored.store.tell(False)
        stored.write(Reset(at=2, task="jack"))

        assert list(told) == stored.history(since=1)[:4]
        assert [row.seq for row in told] == [2, 3, 4, 5]
        assert stored.told.empty()


def test_who_wants_to_know_before_anything_is_written_is_told(tmp_path: Path) -> None:
    with Stored(tmp_path, durability=Durability.MEMORY) as stored:
        stored.store.tell(True)
        stored.write(Reset(at=1, task="jack"))

        assert [row.seq for row in stored.told.get(timeout=DEADLINE_SECONDS)] == [1]
        assert [row.seq for row in stored.history()] == [1]


def test_a_store_that_is_damaged_goes_on_numbering_its_lines(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(*(Reset(at=at, task="jack") for at in range(7)))
        (tmp_path / "store.db").unlink()
        stored.write(Reset(at=8, task="jack"))
        stored.damage.get(timeout=DEADLINE_SECONDS)

        assert [row.seq for row in stored.history()] == [8]


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
        page = stored.page(since=0)

    assert page.newest == 1000
    assert 50 < page.newest - page.oldest < 130
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

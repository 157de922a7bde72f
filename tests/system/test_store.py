"""What a start of the daemon finds of what earlier ones wrote, in real files."""

import subprocess
import sys
from pathlib import Path

import pytest
from stored import GUID, JACK, Stored, activated, completed, crash, owed, raised, remembered, task

from bridge.dispatch.decisions import Progressed
from bridge.dispatch.kept import Answered, Restored, TaskForgotten
from bridge.errors import StoreError
from bridge.mapping.memory import ForgottenThisBoot, LevelTurned, RaisedThisBoot
from bridge.model.events import Origin
from bridge.model.system_triggers import SystemTriggerType
from bridge.model.triggers import OwnTrigger, Raised
from bridge.store.store import writes
from bridge.store.values import Definition, Durability


def test_an_activation_is_owed_as_it_was_kept_last(tmp_path: Path) -> None:
    first = owed(7)
    last = owed(7, merged=3, instance_id="first-1", attempt=2, again=1, due=9_000_000, latched=True, redelivered=True)
    with Stored(tmp_path) as stored:
        stored.write(first)
        stored.write(last)

    assert remembered(tmp_path).restored.owed == (last,)


@pytest.mark.parametrize("trigger", [GUID, SystemTriggerType.TIME_ZONE_CHANGE, *OwnTrigger], ids=str)
def test_a_raise_is_what_it_was(tmp_path: Path, trigger: object) -> None:
    full = Raised(
        at=1,
        trigger=trigger,  # type: ignore[arg-type]  # each of the kinds
        rule="in",
        key="card 0",
        details={"NAME": 'a "b"\n\0 ü \U0001f600', "EMPTY": ""},
        origin=Origin.RESYNC,
        task="jack",
    )
    with Stored(tmp_path) as stored:
        stored.write(owed(1, raised=full))

    assert remembered(tmp_path).restored.owed[0].raised == full


def test_bytes_in_a_devices_name_that_are_no_text_are_kept(tmp_path: Path) -> None:
    odd = b"disk \xff\xfe".decode(errors="surrogateescape")
    kept = owed(1, raised=raised(key=odd, NAME=odd), batch=({"NAME": odd},))
    with Stored(tmp_path) as stored:
        stored.write(kept, LevelTurned("in", (odd, odd), True), RaisedThisBoot("in", odd))

    found = remembered(tmp_path)

    assert found.restored.owed == (kept,)
    assert found.memory.true == {("in", (odd, odd))}
    assert found.memory.raised_this_boot == {("in", odd)}


def test_what_is_answered_is_not_owed(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(owed(1), owed(2, batch=({"A": "1"},)), owed(3))
        stored.write(Answered(number=2), Answered(number=1))

    assert [kept.number for kept in remembered(tmp_path).restored.owed] == [3]


def test_details_join_a_batch_and_its_oldest_leave_it(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(owed(1, batch=({"A": "1"}, {"A": "2"})), owed(2, batch=({"B": "1"},)))
        stored.write(owed(1, batch=({"A": "3"},)))
        stored.write(owed(1, batch=({"A": "4"},), forgotten=2))

    found = remembered(tmp_path).restored.owed

    assert [kept.batch for kept in found] == [({"A": "3"}, {"A": "4"}), ({"B": "1"},)]
    assert [kept.forgotten for kept in found] == [0, 0]


def test_a_batch_forgets_also_what_came_in_the_same_write(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(owed(1, batch=({"A": "1"}, {"A": "2"}, {"A": "3"}), forgotten=2))

    assert remembered(tmp_path).restored.owed[0].batch == ({"A": "3"},)


def test_a_batch_goes_with_its_activation(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(owed(1, batch=({"A": "1"},)))
        stored.write(Answered(number=1))
        stored.write(owed(1, batch=({"A": "2"},)))

    assert remembered(tmp_path).restored.owed[0].batch == ({"A": "2"},)


def test_a_task_is_what_was_kept_of_it_last(tmp_path: Path) -> None:
    kept = task(spent=frozenset({2}), spent_in_boot=frozenset({0, 1}), due={3: 7_000_000}, failures=4, quarantined="so")
    with Stored(tmp_path) as stored:
        stored.write(task(), task("other"))
        stored.write(kept, TaskForgotten(name="other"))

    assert remembered(tmp_path).restored.tasks == (kept.state,)


def test_tasks_of_the_api_are_remembered_with_their_definition_and_owner(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(task("of a file"), task("of the API", from_file=False, owner=1000))

    assert remembered(tmp_path).definitions == (
        Definition(name="of the API", definition="all of of the API", owner=1000),
    )


def test_levels_and_raises_of_this_boot_are_remembered_until_they_turn(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(LevelTurned("in", JACK, True), LevelTurned("out", JACK, True), LevelTurned("out", JACK, False))
        stored.write(RaisedThisBoot("in", "left"), RaisedThisBoot("in", "right"), ForgottenThisBoot("in", "left"))

    memory = remembered(tmp_path).memory

    assert memory.true == {("in", JACK)}
    assert memory.raised_this_boot == {("in", "right")}


def test_what_was_committed_is_there_after_a_crash(tmp_path: Path) -> None:
    crash(tmp_path, *activated(1), LevelTurned("in", JACK, True))

    found = remembered(tmp_path)

    assert [kept.instance_id for kept in found.restored.owed] == ["first-1"]
    assert found.memory.true == {("in", JACK)}


def test_a_start_that_was_killed_is_told_until_another_one_writes(tmp_path: Path) -> None:
    crash(tmp_path, owed(1))
    assert remembered(tmp_path).unclean == ("first",)
    assert remembered(tmp_path).unclean == ("first",)

    with Stored(tmp_path, start="second") as second:
        assert second.read().unclean == ("first",)
        second.write(Answered(number=1))

    assert remembered(tmp_path).unclean == ()


def test_a_start_that_says_that_it_did_not_end_cleanly_is_told(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(owed(1))
        stored.close(clean=False)

    assert remembered(tmp_path).unclean == ("first",)


def test_processes_of_another_boot_are_not_asked_for(tmp_path: Path) -> None:
    crash(tmp_path, owed(1))

    assert remembered(tmp_path, boot="boot 2").unclean == ()


def test_a_snapshot_is_all_that_is_owed_from_then_on(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(owed(1), owed(2, batch=({"A": "1"},)), task("gone"), LevelTurned("in", JACK, True))
        stored.rewrite(owed(2, batch=({"A": "2"},)), task())
        stored.write(owed(3))

    found = remembered(tmp_path)

    assert [(kept.number, kept.batch) for kept in found.restored.owed] == [(2, ({"A": "2"},)), (3, ())]
    assert [state.name for state in found.restored.tasks] == ["jack"]
    assert found.memory.true == {("in", JACK)}


def test_writes_are_told_in_their_order(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        for number in range(2000):
            stored.write(owed(number), token=number, flush=number % 3 == 0, wait=False)
        stored.wait_for(1999)

        assert stored.committed() == list(range(2000))
    assert len(remembered(tmp_path).restored.owed) == 2000


def test_closing_writes_what_is_queued(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        for number in range(100):
            stored.write(owed(number), token=number, wait=False)

    assert stored.committed() == list(range(100))
    assert len(remembered(tmp_path).restored.owed) == 100


def test_nothing_is_written_while_nothing_is_raised(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        assert stored.read().restored == Restored(at=stored.times.now)
        assert stored.history() == []

    assert list(tmp_path.iterdir()) == []


def test_reading_what_is_there_changes_no_file(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(owed(1))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    remembered(tmp_path)

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_files_are_for_their_owner_only(tmp_path: Path) -> None:
    with Stored(tmp_path / "state") as stored:
        stored.write(owed(1))

        assert {path.stat().st_mode & 0o77 for path in [tmp_path / "state", *(tmp_path / "state").iterdir()]} == {0}


def test_memory_writes_no_file_and_forgets(tmp_path: Path) -> None:
    with Stored(tmp_path / "state", durability=Durability.MEMORY) as stored:
        stored.read()
        stored.write(*activated(1))
        stored.write(*completed(1))

        assert [row.what for row in stored.history()] == ["activated", "completed"]
    assert list(tmp_path.iterdir()) == []


def test_what_nothing_is_kept_of_is_not_for_the_store() -> None:
    assert writes([owed(1)])
    assert writes([raised(), completed(1)[1]])
    assert writes([Progressed(at=0, instance_id="first-1", progress=3)])
    assert not writes([raised(), object()])


def test_sqlite_is_not_loaded_before_it_is_needed(tmp_path: Path) -> None:
    program = (
        "import sys; from stored import Stored; from pathlib import Path;"
        "stored = Stored(Path(sys.argv[1])); stored.read(); stored.close();"
        "print('sqlite3' in sys.modules)"
    )

    arguments = [sys.executable, "-c", program, tmp_path]
    said = subprocess.run(arguments, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)

    assert (said.stdout, said.stderr) == ("False\n", "")


def test_a_second_daemon_is_refused_the_same_directory(tmp_path: Path) -> None:
    with (
        Stored(tmp_path),
        pytest.raises(StoreError, match=rf"^{tmp_path}: another daemon uses this state directory$"),
    ):
        Stored(tmp_path)


def test_a_file_in_the_directorys_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").touch()

    with pytest.raises(StoreError, match=rf"^{tmp_path}/state: the state directory cannot be used: File exists$"):
        Stored(tmp_path / "state")

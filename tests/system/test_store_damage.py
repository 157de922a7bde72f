"""Damaged files: set aside and named, and what can be read of them goes on. Nothing else comes of wrong bytes."""

import random
from pathlib import Path

import pytest
from msgspec.structs import replace
from stored import JACK, Stored, activated, crash, owed, raised, remembered, task

from bridge.dispatch.decisions import Reset
from bridge.dispatch.kept import Answered
from bridge.errors import DamagedStoreError, StoreError
from bridge.mapping.memory import LevelTurned, RaisedThisBoot
from bridge.store.database import Database
from bridge.store.schema import VERSION
from bridge.store.values import Remembered

PAGE = 4096


def filled(directory: Path) -> Remembered:
    """A store with a few hundred rows; what a start finds of it when it is whole."""
    with Stored(directory) as stored:
        for number in range(300):
            stored.write(owed(number, raised=raised(NAME="x" * 200), batch=({"A": "1"}, {"A": "2"})), wait=False)
        stored.write(task(due={0: 7}, failures=1), task("radio", from_file=False, owner=7))
        stored.write(LevelTurned("in", JACK, True), RaisedThisBoot("in", "left"), *activated(500))
        stored.write(*(Reset(at=at, task="jack") for at in range(400)))
    return remembered(directory)


def flip(path: Path, places: range | list[int], random_of: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for place in places:
        content[place] ^= 1 << random_of.randrange(8)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no database at all " * 1000, "file is not a database"),
        (b"SQLite format 3\0" + b"\xff" * 8000, "file is not a database"),
    ],
    ids=["text", "noise"],
)
def test_what_is_no_database_is_set_aside_and_named(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "store.db").write_bytes(content)

    found = remembered(tmp_path)

    assert found.damaged == (
        f"{tmp_path}/store.db: damaged ({reason}); it is kept as store.db.damaged-1,"
        " and a new one has what could be read: 0 activations and 0 tasks"
    )
    assert (tmp_path / "store.db.damaged-1").read_bytes() == content
    assert remembered(tmp_path).damaged == ""


def test_an_empty_file_is_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "store.db").touch()

    with Stored(tmp_path) as stored:
        assert stored.read().damaged == ""
        stored.write(owed(1))
    assert len(remembered(tmp_path).restored.owed) == 1


def test_a_few_damaged_files_are_left(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / "store.db").write_bytes(f"number {number} ".encode() * 1000)
        remembered(tmp_path)

    assert sorted(path.name for path in tmp_path.glob("*damaged*")) == [
        "store.db.damaged-3",
        "store.db.damaged-4",
        "store.db.damaged-5",
    ]


def test_of_a_damaged_page_the_others_rows_are_saved(tmp_path: Path) -> None:
    whole = filled(tmp_path)
    path = tmp_path / "store.db"
    content = path.read_bytes()
    leaf = next(at for at in range(20 * PAGE, len(content), PAGE) if b"x" * 200 in content[at : at + PAGE])
    flip(path, range(leaf, leaf + 100), random.Random(1))

    found = remembered(tmp_path)

    assert "store.db.damaged-1" in found.damaged
    assert 250 < len(found.restored.owed) < 301
    assert all(kept in whole.restored.owed for kept in found.restored.owed)
    assert found.restored.tasks == whole.restored.tasks
    assert found.memory == whole.memory
    assert remembered(tmp_path).restored == found.restored


def test_a_flipped_bit_in_a_text_is_noticed(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(owed(1, raised=raised(NAME="card 0")), owed(2))
    path = tmp_path / "store.db"
    path.write_bytes(path.read_bytes().replace(b"card 0", b"card 8"))

    found = remembered(tmp_path)

    assert "owed: 1 of 2 rows do not match their checksums" in found.damaged
    assert [kept.number for kept in found.restored.owed] == [2]


def test_a_start_that_was_killed_is_told_also_by_a_damaged_file(tmp_path: Path) -> None:
    crash(tmp_path, owed(1, raised=raised(NAME="card 0")))
    wal = tmp_path / "store.db-wal"
    flip(wal, [wal.stat().st_size - 100], random.Random(1))

    assert remembered(tmp_path).damaged == ""  # a WAL's end that is not whole was never committed

    crash(tmp_path, owed(2), start="second")
    path = tmp_path / "store.db"
    flip(path, range(100), random.Random(1))
    remembered(tmp_path)


@pytest.mark.parametrize("seed", range(200))
def test_flipped_bytes_are_set_aside_or_change_nothing(tmp_path: Path, seed: int, whole: Path) -> None:
    """The rows are guarded, the levels are not: there a flipped bit may be another device."""
    chance = random.Random(seed)
    path = tmp_path / "store.db"
    path.write_bytes((whole / "store.db").read_bytes())
    flip(path, [chance.randrange(path.stat().st_size) for _ in range(chance.choice([1, 1, 3, 50, 2000]))], chance)
    before = remembered(whole).restored

    try:
        found = remembered(tmp_path)
    except StoreError as error:
        assert "is of version" in str(error)  # noqa: PT017  # both endings are right
        return

    kept = {each.number: each for each in before.owed}
    for each in found.restored.owed:
        assert kept[each.number] == each or found.damaged
        assert replace(kept[each.number], batch=()) == replace(each, batch=())
    assert all(state in before.tasks for state in found.restored.tasks)
    assert found.damaged or len(found.restored.owed) == len(kept)
    with Stored(tmp_path, start="second") as stored:
        stored.read()
        stored.write(owed(1000), task("last"))
        stored.history()
    assert 1000 in [kept.number for kept in remembered(tmp_path).restored.owed]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that nothing is wrong with."""
    directory = tmp_path_factory.mktemp("whole")
    filled(directory)
    return directory


@pytest.mark.parametrize("length", [1, 100, PAGE, 3 * PAGE + 5])
def test_a_file_that_was_cut_is_set_aside(tmp_path: Path, whole: Path, length: int) -> None:
    (tmp_path / "store.db").write_bytes((whole / "store.db").read_bytes()[:length])

    assert "store.db.damaged-1" in remembered(tmp_path).damaged
    assert remembered(tmp_path).damaged == ""


def test_a_file_that_is_damaged_while_the_daemon_runs_is_set_aside_and_what_can_be_read_goes_on(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        for number in range(5000):  # more than SQLite holds in memory
            stored.write(owed(number, raised=raised(NAME="x" * 400)), token=number, wait=False)
        stored.wait_for(4999)
        path = tmp_path / "store.db"
        flip(path, range(100 * PAGE, 110 * PAGE), random.Random(1))
        for number in range(0, 5000, 2):
            stored.write(Answered(number=number), token=-number, wait=False)
        stored.wait_for(-4998)

    assert "store.db.damaged-1" in stored.damage.get()
    found = {kept.number for kept in remembered(tmp_path).restored.owed}
    assert found <= set(range(1, 5000, 2))
    assert len(found) > 2300


def test_a_page_that_nothing_owed_is_on_is_checked_too(tmp_path: Path) -> None:
    filled(tmp_path)
    path = tmp_path / "store.db"
    content = path.read_bytes()
    leaf = next(at for at in range(12 * PAGE, len(content), PAGE) if content[at : at + PAGE].count(b'"reset"') > 20)
    flip(path, range(leaf, leaf + 8), random.Random(1))

    found = remembered(tmp_path)

    assert "store.db.damaged-1" in found.damaged
    assert len(found.restored.owed) == 301


def test_a_header_that_contradicts_itself_is_damage_and_no_newer_version(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(owed(1))
    path = tmp_path / "store.db"
    content = bytearray(path.read_bytes())
    content[63] ^= 1 << 5  # user_version: https://www.sqlite.org/fileformat.html, section 1.3
    path.write_bytes(content)

    found = remembered(tmp_path)

    assert f"its header says version {VERSION ^ 32}" in found.damaged
    assert [kept.number for kept in found.restored.owed] == [1]


def test_what_is_still_damaged_in_a_new_file_is_held_and_no_further_file_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(database: Database, *, flush: bool) -> None:
        raise DamagedStoreError("made up")

    with Stored(tmp_path) as stored:
        stored.write(owed(1))
        with monkeypatch.context() as patched:
            patched.setattr(Database, "begin", fail)
            stored.write(owed(2), token=2, wait=False)
            assert stored.turned() == (False, "made up")
        stored.wait_for(2)
        assert stored.turned() == (True, "")
    assert [kept.number for kept in remembered(tmp_path).restored.owed] == [1, 2]
    assert [path.name for path in tmp_path.glob("*damaged*")] == ["store.db.damaged-1"]


def test_a_snapshot_makes_a_new_file_whole(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(owed(1, batch=({"A": "1"},)))
        (tmp_path / "store.db").unlink()
        stored.write(owed(2))
        stored.damage.get()
        stored.rewrite(owed(1, batch=({"A": "1"},)), owed(2))

    assert [(kept.number, kept.batch) for kept in remembered(tmp_path).restored.owed] == [(1, ({"A": "1"},)), (2, ())]


def test_a_history_line_that_cannot_be_read_is_said_to_be_so(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(Reset(at=1, task="jack"), Reset(at=2, task="jack"))
    path = tmp_path / "store.db"
    path.write_bytes(path.read_bytes().replace(b'{"what":"reset"}', b'{"what"!"reset"}', 1))

    with Stored(tmp_path, start="second") as stored:
        assert stored.read().damaged == ""
        assert sorted(row.what for row in stored.history()) == ["reset", "unreadable"]


def test_a_file_that_somebody_removes_is_written_anew(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(owed(1))
        (tmp_path / "store.db").unlink()
        stored.write(owed(2))

    assert "damaged (somebody removed it); it is gone" in stored.damage.get()
    assert [kept.number for kept in remembered(tmp_path).restored.owed] == [2]

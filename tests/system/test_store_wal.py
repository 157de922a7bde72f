"""A write-ahead log that a killed daemon left: damaged in its middle it is named, torn at its end it is not."""

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from stored import JACK, Stored, activated, completed, owed, raised, remembered, task

from bridge.dispatch.kept import Answered
from bridge.mapping.memory import LevelTurned
from bridge.store.wal import read

PAGE = 4096
HEADER = 32
FRAME = 24 + PAGE
COUNT = 40
ALL = set(range(COUNT))


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is left of a daemon that was killed after forty writes; all but the first page is in the log."""
    directory = tmp_path_factory.mktemp("left")
    with Stored(directory / "running") as stored:
        stored.write(LevelTurned("in", JACK, True), task("radio", from_file=False, owner=7))
        for number in ALL:
            stored.write(owed(number, raised=raised(NAME="x" * 50), batch=({"A": "1"},)))
        shutil.copytree(directory / "running", directory / "killed")
    return directory / "killed"


@pytest.fixture
def killed(left: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(left, tmp_path / "killed"))


def log(directory: Path) -> Path:
    return directory / "store.db-wal"


def frames(directory: Path) -> int:
    return (log(directory).stat().st_size - HEADER) // FRAME


def flip(path: Path, *places: int) -> bytes:
    content = bytearray(path.read_bytes())
    for place in places:
        content[place] ^= 0xFF
    path.write_bytes(content)
    return bytes(content)


def numbers(directory: Path) -> set[int]:
    return {kept.number for kept in remembered(directory).restored.owed}


@pytest.mark.parametrize("place", [0, 4, 8, 16, 24, 1000], ids=["page", "commit", "salt", "sum", "content", "later"])
def test_a_damaged_frame_is_named_and_what_comes_after_it_is_saved(killed: Path, place: int) -> None:
    content = flip(log(killed), HEADER + frames(killed) // 2 * FRAME + place)
    database = (killed / "store.db").read_bytes()

    found = remembered(killed)

    assert found.damaged.startswith(f"{killed}/store.db: damaged (store.db-wal: ")
    assert f"the first is number {frames_of(content) // 2 + 1}; behind it are " in found.damaged
    assert " or more transactions); it is kept as store.db.damaged-1, " in found.damaged
    assert (killed / "store.db.damaged-1").read_bytes() == database
    assert (killed / "store.db.damaged-1-wal").read_bytes() == content
    owed_numbers = [kept.number for kept in found.restored.owed]
    assert owed_numbers == sorted(set(owed_numbers))
    assert max(owed_numbers) == COUNT - 1
    assert len(owed_numbers) > COUNT // 2
    assert [definition.name for definition in found.definitions] == ["radio"]
    assert found.memory.true == {("in", JACK)}
    assert found.unclean == ("first",)


def frames_of(content: bytes) -> int:
    return (len(content) - HEADER) // FRAME


def test_what_was_saved_is_there_from_then_on_and_is_not_named_again(killed: Path) -> None:
    flip(log(killed), HEADER + 20 * FRAME + 100)
    with Stored(killed, start="second") as stored:
        found = stored.read()
        stored.write(Answered(number=COUNT - 1), owed(200))

    again = remembered(killed)
    assert again.damaged == ""
    kept = {each.number for each in found.restored.owed}
    assert {each.number for each in again.restored.owed} == kept - {COUNT - 1} | {200}


def test_a_damaged_header_of_the_log_costs_nothing(killed: Path) -> None:
    flip(log(killed), 17)

    found = remembered(killed)

    assert "store.db-wal: its header does not match its checksum; behind it are " in found.damaged
    assert {kept.number for kept in found.restored.owed} == ALL


@pytest.mark.parametrize("of_end", [1, 100, PAGE, FRAME - 1])
def test_an_end_that_is_torn_is_not_named(killed: Path, of_end: int) -> None:
    log(killed).write_bytes(log(killed).read_bytes()[:-of_end])

    found = remembered(killed)

    assert found.damaged == ""
    assert {kept.number for kept in found.restored.owed} == ALL - {COUNT - 1}


def test_an_end_that_never_came_to_be_written_is_not_named(killed: Path) -> None:
    content = log(killed).read_bytes()
    log(killed).write_bytes(content[:-FRAME] + bytes(FRAME))

    assert remembered(killed).damaged == ""


def test_what_a_transaction_that_was_undone_left_behind_is_not_named(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript("pragma journal_mode = wal; pragma cache_size = 2; create table a (b)")
        connection.execute("begin")
        connection.executemany("insert into a values (?)", [("x" * 3000,)] * 50)
        connection.execute("rollback")
        connection.execute("insert into a values (1)")
        wal = read(Path(f"{path}-wal").read_bytes(), PAGE)

    assert any(frame.is_whole for frame in wal.frames[wal.whole :])
    assert wal.damage == ""


def test_what_earlier_rounds_left_in_the_log_is_not_named(tmp_path: Path) -> None:
    with Stored(tmp_path / "running") as stored:
        for number in range(150):  # each is some frames: the log begins anew
            stored.write(*activated(number), owed(number, raised=raised(NAME="x" * 9000)))
            stored.write(*completed(number))
        shutil.copytree(tmp_path / "running", tmp_path / "killed")
    content = log(tmp_path / "killed").read_bytes()

    assert len({content[at + 8 : at + 16] for at in range(HEADER, len(content) - FRAME, FRAME)}) > 1
    assert remembered(tmp_path / "killed").damaged == ""


def test_a_log_that_was_carried_over_already_costs_nothing(tmp_path: Path) -> None:
    with Stored(tmp_path / "running") as stored:
        for number in ALL:
            stored.write(owed(number))
        content = log(tmp_path / "running").read_bytes()
    shutil.copytree(tmp_path / "running", tmp_path / "killed")
    log(tmp_path / "killed").write_bytes(content)
    flip(log(tmp_path / "killed"), HEADER + 2 * FRAME + 30)

    found = remembered(tmp_path / "killed")

    assert "store.db-wal: 1 of " in found.damaged
    assert {kept.number for kept in found.restored.owed} == ALL


@pytest.mark.parametrize("seed", range(60))
def test_flipped_bytes_in_the_log_are_named_or_cost_its_end_only(killed: Path, seed: int) -> None:
    chance = random.Random(seed)
    size = log(killed).stat().st_size
    flip(log(killed), *{chance.randrange(size) for _ in range(chance.choice([1, 5, 20, 200]))})

    found = remembered(killed)

    kept = [each.number for each in found.restored.owed]
    assert kept == sorted(set(kept))
    assert found.damaged or set(kept) >= set(range(COUNT - 2))
    with Stored(killed, start="second") as stored:
        stored.read()
        stored.write(owed(1000))
    assert 1000 in numbers(killed)


@pytest.mark.parametrize("seed", range(30))
def test_the_frames_before_the_damage_are_those_that_sqlite_reads(left: Path, tmp_path: Path, seed: int) -> None:
    killed = Path(shutil.copytree(left, tmp_path / "killed"))
    chance = random.Random(seed)
    content = flip(log(killed), chance.randrange(HEADER + 20 * FRAME, log(killed).stat().st_size))
    wal = read(content, PAGE)
    image = wal.applied((killed / "store.db").read_bytes(), wal.frames[: wal.whole])

    with closing(sqlite3.connect(":memory:")) as ours, closing(sqlite3.connect(killed / "store.db")) as sqlites:
        ours.deserialize(image)
        assert list(ours.iterdump()) == list(sqlites.iterdump())
        assert ours.execute("pragma integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("size", [512, 1024, 65536])
def test_logs_of_other_page_sizes_are_read(tmp_path: Path, size: int) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"pragma page_size = {size}")
        connection.execute("pragma journal_mode = wal")
        connection.execute("create table a (b)")
        connection.execute("insert into a values (1)")
        content = Path(f"{path}-wal").read_bytes()

    wal = read(content, PAGE)

    assert (wal.page_size, wal.damage) == (size, "")
    assert wal.whole == len(wal.frames) == (len(content) - HEADER) // (24 + size)


@pytest.mark.parametrize("content", [b"", b"x", bytes(HEADER), bytes(100_000), b"no log at all " * 10_000])
def test_what_is_no_log_is_read_as_nothing(content: bytes) -> None:
    wal = read(content, PAGE)

    assert (wal.whole, wal.frames, wal.damage) == (0, (), "")
    assert wal.applied(b"as it was", wal.frames) == b"as it was"


# --- a database that became empty ---


def take_reserve_away(directory: Path) -> None:
    (directory / "store.reserve").unlink()


@pytest.mark.parametrize("also", [lambda directory: None, take_reserve_away], ids=["as it is", "without reserve"])
def test_an_empty_file_beside_a_log_is_read_from_the_log(killed: Path, also: Callable[[Path], None]) -> None:
    (killed / "store.db").write_bytes(b"")
    also(killed)

    found = remembered(killed)

    assert "damaged (it is empty, and store.db-wal shows that there was one); it is kept as" in found.damaged
    assert {kept.number for kept in found.restored.owed} == ALL
    assert numbers(killed) == ALL


@pytest.mark.parametrize("trace", ["store.reserve", "store.db.damaged-3"])
def test_an_empty_file_beside_what_shows_that_it_was_not_is_named(tmp_path: Path, trace: str) -> None:
    for name in ("store.db", trace):
        (tmp_path / name).touch()

    with Stored(tmp_path) as stored:
        assert stored.read().damaged == (
            f"{tmp_path}/store.db: damaged (it is empty, and {trace} shows that there was one): all of it is lost"
        )
        stored.write(owed(1))
    assert remembered(tmp_path).damaged == ""
    assert numbers(tmp_path) == {1}

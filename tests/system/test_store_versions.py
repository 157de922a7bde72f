"""Files of other versions: older ones are brought up to date, newer ones are refused and left alone."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from stored import JACK, Stored, owed, remembered

from bridge.dispatch.decisions import Reset
from bridge.errors import StoreError
from bridge.mapping.memory import LevelTurned
from bridge.store.schema import VERSION

START_STATES = """
pragma journal_mode = wal;
create table true_level (rule text, owner text, rest text, primary key (rule, owner, rest)) strict, without rowid;
create table raised_in_boot (boot text, rule text, key text, primary key (boot, rule, key)) strict, without rowid;
insert into true_level values ('in', '/dev/input/event3', 'SW_HEADPHONE_INSERT');
insert into raised_in_boot values ('boot 1', 'in', 'left'), ('boot 0', 'in', 'right');
"""
"""What the first version of hwbridge wrote, `start-states.db`."""


@pytest.fixture
def first_version(tmp_path: Path) -> Path:
    """A state directory with the first version's file, written by a daemon that was killed: its WAL is left."""
    state = tmp_path / "state"
    state.mkdir()
    with closing(sqlite3.connect(tmp_path / "start-states.db", isolation_level=None)) as connection:
        connection.executescript(START_STATES)
        for ending in ("", "-wal"):
            (state / f"start-states.db{ending}").write_bytes((tmp_path / f"start-states.db{ending}").read_bytes())
    return state


def pragma(path: Path, name: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(f"pragma {name}").fetchone()[0])


def test_the_first_versions_file_is_taken_over(first_version: Path) -> None:
    found = remembered(first_version)

    assert found.memory.true == {("in", JACK)}
    assert found.memory.raised_this_boot == {("in", "left")}
    assert found.damaged == ""
    assert [path.name for path in first_version.iterdir()] == ["store.db"]


def test_a_file_that_was_taken_over_is_as_a_new_one(first_version: Path) -> None:
    with Stored(first_version) as stored:
        stored.read()
        stored.write(owed(1), LevelTurned("in", JACK, False))

    found = remembered(first_version)

    assert [kept.number for kept in found.restored.owed] == [1]
    assert found.memory.true == set()
    assert pragma(first_version / "store.db", "user_version") == VERSION
    assert pragma(first_version / "store.db", "auto_vacuum") == 2


def test_a_take_over_that_was_cut_short_is_finished(first_version: Path) -> None:
    (first_version / "start-states.db-wal").rename(first_version / "store.db-wal")

    assert remembered(first_version).memory.true == {("in", JACK)}


def test_a_renamed_file_that_was_not_changed_yet_is_read(first_version: Path) -> None:
    for ending in ("-wal", ""):
        (first_version / f"start-states.db{ending}").rename(first_version / f"store.db{ending}")

    assert remembered(first_version).memory.true == {("in", JACK)}


SECOND_VERSION = """
pragma journal_mode = wal;
pragma auto_vacuum = incremental;
create table true_level (rule text, owner text, rest text, primary key (rule, owner, rest)) strict, without rowid;
create table raised_in_boot (boot text, rule text, key text, primary key (boot, rule, key)) strict, without rowid;
create table owed (number integer primary key, content text not null, checksum integer not null) strict;
create table batch (
    id integer primary key, number integer not null, content text not null, checksum integer not null
) strict;
create index batch_of_number on batch (number);
create table task (name text primary key, content text not null, checksum integer not null) strict, without rowid;
create table start (name text primary key, boot text not null) strict, without rowid;
create table history (seq integer primary key, wall integer not null, task text not null, content text not null) strict;
insert into true_level values ('in', '/dev/input/event3', 'SW_HEADPHONE_INSERT');
insert into history values
    (41, 1700000000000000, '', '{"what":"raised","trigger":"{G}","rest":{"rule":null,"details":{"dev":"card"}}}'),
    (42, 1700000000000001, 'lamp', '{"what":"quarantined","rest":{"why":"it failed"}}');
pragma user_version = 2;
pragma application_id = 1213661186;
"""
"""What the second version of hwbridge wrote: nobody but root and the daemon's own user read its history."""


def test_the_second_versions_file_is_brought_up_to_date(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as connection:
        connection.executescript(SECOND_VERSION)

    with Stored(tmp_path) as stored:
        found = stored.read()
        stored.write(Reset(at=1, task="lamp", owner=1000))
        rows = stored.history()
        of_a_user = stored.page(reader=1000).rows

    assert found.damaged == ""
    assert found.memory.true == {("in", JACK)}
    assert [(row.seq, row.what, row.task) for row in rows] == [
        (41, "raised", ""),
        (42, "quarantined", "lamp"),
        (43, "reset", "lamp"),
    ]
    assert rows[1].rest == {"why": "it failed"}
    assert [row.seq for row in of_a_user] == [43]
    assert pragma(tmp_path / "store.db", "user_version") == VERSION


def test_a_damaged_file_of_the_first_version_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "start-states.db").write_bytes(b"no database at all " * 100)

    assert "damaged (file is not a database)" in remembered(tmp_path).damaged
    assert (tmp_path / "store.db.damaged-1").exists()


def test_a_file_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(owed(1))
    mark = pragma(tmp_path / "store.db", "application_id") - VERSION
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        connection.execute(f"pragma user_version = {VERSION + 1}")
        connection.execute(f"pragma application_id = {mark + VERSION + 1}")
    before = (tmp_path / "store.db").read_bytes()

    with pytest.raises(
        StoreError, match=rf"^{tmp_path}/store.db: is of version {VERSION + 1}, and this hwbridge knows"
    ):
        remembered(tmp_path)

    assert (tmp_path / "store.db").read_bytes() == before
    assert [path.name for path in tmp_path.glob("*damaged*")] == []


def test_somebody_elses_database_is_set_aside(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        connection.execute("create table addresses (name text)")

    assert "its tables are not hwbridge's: addresses" in remembered(tmp_path).damaged
    with closing(sqlite3.connect(tmp_path / "store.db.damaged-1")) as connection:
        assert connection.execute("select count(*) from addresses").fetchone() == (0,)


def test_a_file_that_another_program_has_locked_is_named(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        stored.write(owed(1))
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as connection:
        connection.execute("pragma locking_mode = exclusive")
        connection.execute("begin exclusive")

        with pytest.raises(StoreError, match=rf"^{tmp_path}/store.db: database is locked"):
            remembered(tmp_path)

"""The tables of `store.db`, version by version. Nothing here reads or writes what is in them.

A file says its version twice, in `user_version` and in `application_id`: a flipped bit in one of them is damage, and
not a file of a newer hwbridge, which is refused.
"""

import sqlite3

from bridge.errors import DamagedStoreError, StoreError

_MARK = 0x48570000
"""`HW`, above the version."""

_START_STATES = """
create table true_level (
    rule text, owner text, rest text, primary key (rule, owner, rest)
) strict, without rowid;
create table raised_in_boot (
    boot text, rule text, key text, primary key (boot, rule, key)
) strict, without rowid;
"""
"""Version 1, which was `start-states.db` and did not say a version."""

_OWED = """
create table owed (number integer primary key, content text not null, checksum integer not null) strict;
create table batch (
    id integer primary key, number integer not null, content text not null, checksum integer not null
) strict;
create index batch_of_number on batch (number);
create table task (
    name text primary key, content text not null, checksum integer not null
) strict, without rowid;
create table start (name text primary key, boot text not null) strict, without rowid;
create table history (
    seq integer primary key, wall integer not null, task text not null, content text not null
) strict;
"""

_READERS = """
alter table history add column readers text not null default '';
"""
"""Before it, only root and the daemon's own user could have tasks, and these read everything."""

VERSIONS = (_START_STATES, _OWED, _READERS)
"""What leads from each version to the next; a new file goes through all of them."""
VERSION = len(VERSIONS)


def make_current(connection: sqlite3.Connection, name: str) -> None:
    """Brings the tables of this file up to this version, in one transaction.

    Raises `StoreError` for a file of a newer version, `DamagedStoreError` for one that has no version of ours.
    """
    version = _version(connection, name)
    if version == VERSION:
        return
    connection.execute("pragma auto_vacuum = incremental")
    connection.execute("vacuum")  # without it, that would hold for a file without tables only
    steps = "".join(VERSIONS[version:])
    marks = f"pragma user_version = {VERSION}; pragma application_id = {_MARK + VERSION};"
    connection.executescript(f"begin immediate; {steps} {marks} commit;")


def _version(connection: sqlite3.Connection, name: str) -> int:
    version, mark = _read_number(connection, "user_version"), _read_number(connection, "application_id")
    if version == mark == 0:
        return _version_by_tables(connection)
    if mark != _MARK + version or version < 1:
        raise DamagedStoreError(f"its header says version {version} and mark {mark:#x}, which do not go together")
    if version > VERSION:
        raise StoreError(
            f"{name}: is of version {version}, and this hwbridge knows up to {VERSION}:"
            " a newer hwbridge wrote it; use that one, or another state directory"
        )
    return version


def _version_by_tables(connection: sqlite3.Connection) -> int:
    tables = {bytes(name).decode(errors="replace") for (name,) in connection.execute("select name from sqlite_schema")}
    if not tables:
        return 0
    if tables == {"true_level", "raised_in_boot"}:
        return 1
    raise DamagedStoreError(f"its tables are not hwbridge's: {', '.join(sorted(tables))}")


def _read_number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"pragma {pragma}").fetchone()[0])

"""What is in a `store.db`, also in one that is damaged: every row that can be read and whose checksum is right.

Nothing here writes, and nothing here says what the rows mean.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from bridge.store.content import checksum, checksum_of_named
from bridge.store.database import FAILURES, connect

MOST_ROWS = 1_000_000
"""A damaged tree may lead round in circles."""
MOST_LINES = 2**53
"""No history ever had so many: the number is damaged."""


@dataclass(slots=True)
class Found:
    """The rows of a file as they stand there; `faults` says what could not be read."""

    owed: list[tuple[int, bytes, int]] = field(default_factory=list)
    batch: list[tuple[int, int, bytes, int]] = field(default_factory=list)
    """Each with its place first."""
    tasks: list[tuple[bytes, bytes, int]] = field(default_factory=list)
    true_levels: list[tuple[bytes, bytes, bytes]] = field(default_factory=list)
    raised_in_boot: list[tuple[bytes, bytes, bytes]] = field(default_factory=list)
    starts: list[tuple[bytes, bytes]] = field(default_factory=list)
    newest_line: int = 0
    """The number of the newest line of the history, if it can be read."""
    faults: list[str] = field(default_factory=list)


def find(connection: sqlite3.Connection) -> Found:
    """All that can be read."""
    found = Found()
    read = _Reader(connection, found.faults)
    found.owed = read.rows("owed", ("number",), "number, content, checksum", _is_numbered)
    found.batch = read.rows("batch", ("id",), "id, number, content, checksum", lambda row: _is_numbered(row[1:]))
    found.tasks = read.rows("task", ("name",), "name, content, checksum", _is_named)
    found.true_levels = read.rows("true_level", ("rule", "owner", "rest"), "rule, owner, rest", _is_text)
    found.raised_in_boot = read.rows("raised_in_boot", ("boot", "rule", "key"), "boot, rule, key", _is_text)
    found.starts = read.rows("start", ("name",), "name, boot", _is_text)
    found.newest_line = _newest_line(connection)
    return found


def _newest_line(connection: sqlite3.Connection) -> int:
    try:
        (newest,) = connection.execute("select max(seq) from history").fetchone()
    except FAILURES:
        return 0
    return newest if isinstance(newest, int) and 0 < newest < MOST_LINES else 0


def find_in_image(image: bytes) -> Found:
    """All that can be read of a database in memory, once, though its pages may be of several times."""
    connection = connect(None)
    try:
        connection.deserialize(image)
        return _told_once(find(connection))
    except FAILURES as error:
        return Found(faults=[str(error)])
    finally:
        connection.close()


def joined(newer: Found, older: Found) -> Found:
    """What was found, and of an older state what is not among it: rather owed twice than never."""
    numbers = {row[0] for row in newer.owed}
    return _told_once(
        Found(
            owed=older.owed + newer.owed,
            batch=[row for row in older.batch if row[1] not in numbers] + newer.batch,
            tasks=older.tasks + newer.tasks,
            true_levels=newer.true_levels or older.true_levels,
            raised_in_boot=newer.raised_in_boot or older.raised_in_boot,
            starts=newer.starts or older.starts,
            newest_line=max(newer.newest_line, older.newest_line),
            faults=newer.faults,
        )
    )


def _told_once(found: Found) -> Found:
    """Of what has the same number or name, the last; details of a batch only with their activation."""
    owed = {row[0]: row for row in found.owed}
    found.owed = [owed[number] for number in sorted(owed)]
    batch = {row[0]: row for row in found.batch if row[1] in owed}
    found.batch = [batch[place] for place in sorted(batch)]
    found.tasks = list({row[0]: row for row in found.tasks}.values())
    return found


def salvage(path: Path) -> Found:
    """All that can be read of a damaged file, which stays as it is but for its WAL: that is carried over."""
    try:
        connection = connect(path)
    except (*FAILURES, OSError) as error:
        return Found(faults=[str(error)])
    try:
        connection.execute("pragma locking_mode = exclusive")
        return find(connection)
    except FAILURES as error:
        return Found(faults=[str(error)])
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads tables from both ends, as there may be a damaged page between."""

    connection: sqlite3.Connection
    faults: list[str]

    def rows(
        self, table: str, keys: tuple[str, ...], columns: str, is_whole: Callable[[tuple[Any, ...]], bool]
    ) -> list[Any]:
        """The rows of a table that are whole, in the order of its key."""
        forwards = ", ".join(keys)
        rows, fault = self._scan(f"select {columns} from {table} order by {forwards}")
        if fault:
            backwards = ", ".join(f"{key} desc" for key in keys)
            known = set(rows)
            others, _ = self._scan(f"select {columns} from {table} order by {backwards}")
            rows += [row for row in reversed(others) if row not in known]
            self.faults.append(f"{table}: {fault}")
        whole = [row for row in rows if is_whole(row)]
        if len(whole) < len(rows):
            self.faults.append(f"{table}: {len(rows) - len(whole)} of {len(rows)} rows do not match their checksums")
        return whole

    def _scan(self, statement: str) -> tuple[list[tuple[Any, ...]], str]:
        rows: list[tuple[Any, ...]] = []
        try:
            rows.extend(islice(self.connection.execute(statement), MOST_ROWS))
        except FAILURES as error:
            return rows, str(error)
        return rows, ""


def _is_numbered(row: tuple[Any, ...]) -> bool:
    number, content, right = row
    return isinstance(number, int) and isinstance(content, bytes) and checksum(content, number) == right


def _is_named(row: tuple[Any, ...]) -> bool:
    name, content, right = row
    return _is_text((name, content)) and checksum_of_named(content, name) == right


def _is_text(row: tuple[Any, ...]) -> bool:
    try:
        return all(isinstance(text, bytes) and text.decode(errors="surrogatepass") is not None for text in row)
    except UnicodeDecodeError:
        return False

"""One open `store.db`: how it is opened, and how rows get into it. Nothing here retries, or reads what was kept.

SQLite's own words for what goes wrong are left as they are (`sqlite3.Error`); `is_damage` tells which of them mean that
the file is not sound.
"""

import os
import sqlite3
from pathlib import Path

from bridge.errors import DamagedStoreError
from bridge.store.schema import make_current
from bridge.store.values import Limits

PAGE = 4096
WAL_PAGES = 256
"""When the WAL is carried over into the file. On a full disk the file may have to grow by that much first."""
MOST_UNDER_WAY = 64 * 1024 * 1024
"""Bytes of raises that were accepted before it was known that there are too many: the file still takes them."""
_MOST_VACUUMED = 256
"""Pages."""
_DAMAGE = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_ERROR,  # a table or a column that is not there: the schema is not what we wrote
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_IOERR_READ,
    sqlite3.SQLITE_IOERR_CORRUPTFS,
}
_OPENING = f"""
pragma locking_mode = exclusive;
pragma page_size = {PAGE};
pragma journal_mode = wal;
pragma synchronous = normal;
pragma wal_autocheckpoint = {WAL_PAGES};
pragma journal_size_limit = {WAL_PAGES * PAGE};
pragma cell_size_check = on;
pragma secure_delete = off;
pragma temp_store = memory;
pragma cache_size = -1024;
"""
"""Exclusive, so that there is no `store.db-shm`; it has to be said before the file is read."""


FAILURES = (sqlite3.Error, UnicodeError, MemoryError)
"""What a damaged file leads to: also messages that quote its bytes, and lengths that nobody could hold in memory."""


def is_damage(error: Exception) -> bool:
    """Whether this says that the file is not sound, and not that it cannot be written now."""
    if isinstance(error, DamagedStoreError | UnicodeError | MemoryError):
        return True
    code = getattr(error, "sqlite_errorcode", 0)
    return code in _DAMAGE or code & 0xFF in _DAMAGE


def connect(path: Path | None) -> sqlite3.Connection:
    """A connection that any thread may use, one at a time; a file is made for its owner only."""
    if path is not None:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(
        path if path is not None else ":memory:", isolation_level=None, check_same_thread=False, timeout=1
    )
    connection.text_factory = bytes  # a damaged text need not be UTF-8
    return connection


class Database:
    """The file, open and of this version. Raises `sqlite3.Error`, `OSError` or `StoreError`."""

    def __init__(self, path: Path | None, limits: Limits) -> None:
        self.connection = connect(path)
        try:
            self.connection.executescript(_OPENING)
            self.connection.execute(f"pragma max_page_count = {(2 * limits.bytes + MOST_UNDER_WAY) // PAGE}")
            make_current(self.connection, str(path))
        except BaseException:
            self.connection.close()
            raise
        self.flushes = False

    def begin(self, *, flush: bool) -> None:
        """Begins a transaction; with `flush`, it will be on the disk when it is committed, and all before it."""
        if flush is not self.flushes:
            self.connection.execute(f"pragma synchronous = {'full' if flush else 'normal'}")
            self.flushes = flush
        self.connection.execute("begin immediate")

    def commit(self) -> None:
        """Ends the transaction."""
        self.connection.execute("commit")

    def undo(self) -> None:
        """What was begun is not to be."""
        if self.connection.in_transaction:
            self.connection.execute("rollback")

    def checkpoint(self) -> None:
        """Carries the WAL over into the file, so that its room is used again. The file may have to grow."""
        self.connection.execute("pragma wal_checkpoint(passive)").fetchall()

    def shrink_to(self, size: int) -> None:
        """Gives unused pages beyond that size back to the disk, some at a time; for between transactions."""
        beyond = self.number("page_count") - size // PAGE
        if beyond > 0 and self.number("freelist_count"):
            # As a script: the pragma goes on with each step, and `execute` makes one of what returns no columns.
            self.connection.executescript(f"pragma incremental_vacuum({min(beyond, _MOST_VACUUMED)})")

    def used(self) -> int:
        """Bytes of the file that hold something."""
        return (self.number("page_count") - self.number("freelist_count")) * PAGE

    def number(self, pragma: str) -> int:
        """What a pragma says."""
        return int(self.connection.execute(f"pragma {pragma}").fetchone()[0])

    def fault(self) -> str:
        """What is wrong with the file as a whole, or nothing; this reads all of it."""
        (found,) = self.connection.execute("pragma quick_check(1)").fetchone()
        text = bytes(found).decode(errors="replace").replace("\n", " ")
        return "" if text == "ok" else text

    def close(self) -> None:
        """Carries the WAL over and closes the file."""
        self.connection.close()

"""The database of one start of the daemon: read once, then written, one transaction after another. It retries nothing.

What SQLite and the system say of it becomes a `StoreError` here: `DamagedStoreError` where the file is not sound, and
any other where it cannot be used now.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import msgspec

from bridge.dispatch.kept import Restored
from bridge.errors import DamagedStoreError, StoreError
from bridge.model.text import count_of, printable
from bridge.store.database import FAILURES, PAGE, WAL_PAGES, Database, is_damage
from bridge.store.disk import StateDirectory
from bridge.store.history import asked
from bridge.store.reading import Found, find, find_in_image, joined, salvage
from bridge.store.remembering import remembered
from bridge.store.rows import Rows
from bridge.store.tables import Tables
from bridge.store.values import CROWDED, HistoryPage, Limits, Question, Remembered, Times
from bridge.store.wal import read as read_wal

LEAST_ROOM = 64 * 1024
"""Bytes that are left to what makes room, on a full disk."""


class Journal:
    """`directory` None keeps everything in memory. `start` and `boot` name this start and this boot."""

    def __init__(self, directory: StateDirectory | None, limits: Limits, start: str, boot: str) -> None:
        self._directory = directory
        self._limits = limits
        self._start = start
        self._boot = boot
        self._database: Database | None = None
        self._tables: Tables | None = None
        self._carried: Found | None = None
        """What was saved of a damaged file, and is not in the new one yet."""
        self._newest_line = 0
        self.was_crowded = False
        """Whether what earlier starts left fills the limits."""

    def load(self, times: Times) -> Remembered:
        """What earlier starts left. A damaged file is set aside, and what can be read of it is carried over."""
        if self._directory is None or not self._directory.has_database:
            return Remembered(restored=Restored(at=times.now))
        with self._named_errors():
            self._directory.take_over()
            former = self._directory.former
            fault = self._look_at_the_wal(self._directory, former)
        found = Found()
        if not fault:
            found, fault = self._find()
        message = ""
        if fault:
            message = self.renew(fault)
            found = self._carried or Found()
            with suppress(StoreError):  # whoever writes next is told
                self.open()
        elif former:
            message = f"{self._name}: damaged (it is empty, and {former} shows that there was one): all of it is lost"
        if self._tables is not None:
            with self._named_errors():
                self.was_crowded = self._tables.is_crowded(was=False)
        refusal = CROWDED if self.was_crowded else ""
        return msgspec.structs.replace(remembered(found, times, self._boot), damaged=message, refusal=refusal)

    def _look_at_the_wal(self, directory: StateDirectory, former: str) -> str:
        """What is wrong with it, before SQLite forgets what it does not read; what is whole is kept in mind then."""
        if not directory.wal_size():
            return ""
        wal = read_wal(directory.wal.read_bytes(), PAGE)
        fault = f"{directory.wal.name}: {wal.damage}" if wal.damage else ""
        if former and wal.frames:  # SQLite would remove the WAL of an empty file
            fault = fault or f"it is empty, and {former} shows that there was one"
        if fault:
            database = directory.path.read_bytes()
            self._carried = find_in_image(wal.applied(database, wal.frames))
            if self._carried.faults:
                before = find_in_image(wal.applied(database, wal.frames[: wal.whole]))
                self._carried = joined(self._carried, before)
        return fault

    def _find(self) -> tuple[Found, str]:
        try:
            database, _ = self.open()
            with self._named_errors():
                fault = database.fault()
                found = find(database.connection)
        except DamagedStoreError as error:
            return Found(), str(error)
        return found, fault or "; ".join(found.faults)

    def write(self, rows: Rows, *, flush: bool, is_all: bool) -> int:
        """Writes these rows in one transaction; with `is_all`, what was owed before and is not in them goes.

        The number of the first line of their history, if they have some.
        """
        database, tables = self.open()
        with self._named_errors():
            if self._directory is not None and self._directory.is_gone:
                raise DamagedStoreError("somebody removed it")
            try:
                database.begin(flush=flush)
                tables.begin()
                tables.claim(self._start, self._boot)
                if is_all:
                    tables.clear_owed()
                first = tables.put(rows, self._boot)
                database.commit()
            except BaseException:
                database.undo()
                raise
            tables.settled()
            self._newest_line = tables.newest_line
            return first

    def has_room(self, rows: Rows) -> bool:
        """Whether these rows leave enough of the disk to carry over the WAL: without that, not even deleting works."""
        if self._directory is None or self._database is None or self._tables is None or not self._tables.grow(rows):
            return True
        with self._named_errors():
            free = self._database.number("freelist_count") * PAGE
            return 2 * rows.size + LEAST_ROOM <= free + self._directory.room()

    def shed(self) -> bool:
        """Deletes the oldest history, so that what is owed has its room; whether there was some."""
        database, tables = self.open()
        with self._named_errors():
            try:
                database.begin(flush=False)
                tables.begin()
                is_less = tables.shed()
                database.commit()
            except BaseException:
                database.undo()
                raise
            tables.settled()
            database.checkpoint()
        return is_less

    def give_back(self) -> bool:
        """Deletes some of the oldest history and gives its room back to the disk; whether there was some."""
        is_less = self.shed()
        database, _ = self.open()
        with self._named_errors():
            database.shrink_to(0)
            database.checkpoint()
        return is_less

    def renew(self, fault: str) -> str:
        """Sets the file aside and keeps in mind what can be read of it; the message names both, for the log."""
        self._close_database()
        if self._directory is None:
            return f"{self._name}: {fault}; all of it is lost"
        path = self._directory.path
        if self._carried is None:
            self._carried = salvage(path) if path.exists() else Found()
        with self._named_errors():
            aside = self._directory.set_aside()
        saved = f"{count_of(len(self._carried.owed), 'activation')} and {count_of(len(self._carried.tasks), 'task')}"
        place = f"it is kept as {aside.name}" if aside is not None else "it is gone"
        return f"{path}: damaged ({fault}); {place}, and a new one has what could be read: {saved}"

    def tidy(self, *, was_crowded: bool) -> bool:
        """Shrinks the file to its limit; whether what is owed fills the limits, or if it did so before, nearly does."""
        if self._database is None or self._tables is None:
            return False
        with self._named_errors():
            self._database.shrink_to(self._limits.bytes)
            return self._tables.is_crowded(was=was_crowded)

    def checkpoint(self) -> None:
        """Makes room in the WAL."""
        if self._database is not None:
            with self._named_errors():
                self._database.checkpoint()

    @property
    def is_behind(self) -> bool:
        """Whether the WAL has grown well beyond where SQLite carries it over: it could not."""
        return self._directory is not None and self._directory.wal_size() > 4 * WAL_PAGES * PAGE

    def history(self, question: Question) -> HistoryPage:
        """The lines that are asked for; none where there is no file."""
        if self._database is None:
            return HistoryPage()
        with self._named_errors():
            return asked(self._database.connection, question)

    def close(self, *, clean: bool) -> None:
        """Closes the file; a `clean` end leaves no process behind, and the next start is not told of this one."""
        with suppress(StoreError), self._named_errors():
            if self._carried is not None:
                self.open()
            if clean and self._tables is not None:
                self._tables.release()
        self._close_database()

    def open(self) -> tuple[Database, Tables]:
        """The database, opened or made if need be, with what was carried over from a damaged one."""
        if self._database is None or self._tables is None:
            with self._named_errors():
                path = self._directory.path if self._directory is not None else None
                if self._directory is not None and self._directory.is_foreign:
                    raise DamagedStoreError("file is not a database")
                database = Database(path, self._limits)
                try:
                    tables = self._filled(database)
                    if self._directory is not None:
                        self._directory.opened()
                except BaseException:
                    database.close()
                    raise
                self._database, self._tables = database, tables
        return self._database, self._tables

    def _filled(self, database: Database) -> Tables:
        tables = Tables(database, self._limits)
        if self._carried is not None:
            tables.number_from(max(self._newest_line, self._carried.newest_line))
            database.begin(flush=True)
            tables.begin()
            tables.put_back(self._carried)
            database.commit()
            tables.settled()
            self._carried = None
        return tables

    def _close_database(self) -> None:
        if self._database is not None:
            with suppress(*FAILURES):
                self._database.close()
        self._database = self._tables = None

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except StoreError:
            raise
        except FAILURES as error:
            if is_damage(error):
                raise DamagedStoreError(printable(str(error))) from error
            raise StoreError(f"{self._name}: {error}") from error
        except OSError as error:
            raise StoreError(f"{self._name}: {error.strerror or error}") from error

    @property
    def _name(self) -> str:
        return str(self._directory.path) if self._directory is not None else "the store in memory"

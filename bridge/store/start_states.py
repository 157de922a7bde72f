"""Keeps what rules with `start_state` "boot" or "if-changed" must know after a restart. It is no journal of events.

A level is written when it turns, not at each event, so a quiet device writes nothing. Writes are in SQLite's WAL with
synchronous NORMAL: a crash of the daemon loses nothing, a power cut may lose the last moments, the file stays sound.
"""

import fcntl
import os
import sqlite3
from pathlib import Path

from bridge.errors import StoreError
from bridge.mapping.mapper import LevelTurned, Memory, RaisedThisBoot

_SCHEMA = """
pragma journal_mode = wal;
pragma synchronous = normal;
create table if not exists true_level (
    rule text, owner text, rest text, primary key (rule, owner, rest)
) strict, without rowid;
create table if not exists raised_in_boot (
    boot text, rule text, key text, primary key (boot, rule, key)
) strict, without rowid;
"""


class StartStates:
    """The file `start-states.db` in a state directory that no other daemon uses.

    `boot_id` names this boot (`/proc/sys/kernel/random/boot_id`, random(4)); what was raised in other boots is
    forgotten. Raises `StoreError`, naming the file, if it cannot be used; so does every method.
    """

    def __init__(self, directory: Path, boot_id: str) -> None:
        self._path = directory / "start-states.db"
        self._boot_id = boot_id
        self._lock = _lock(directory)
        try:
            self._database = sqlite3.connect(self._path, isolation_level=None)
            self._database.executescript(_SCHEMA)
            self._database.execute("delete from raised_in_boot where boot <> ?", (boot_id,))
        except sqlite3.Error as error:
            os.close(self._lock)
            raise self._failure(error) from error

    def memory(self) -> Memory:
        """What was remembered."""
        try:
            true = self._database.execute("select rule, owner, rest from true_level").fetchall()
            raised = self._database.execute("select rule, key from raised_in_boot").fetchall()
        except sqlite3.Error as error:
            raise self._failure(error) from error
        return Memory(
            raised_this_boot={(rule, key) for rule, key in raised},
            true={(rule, (owner, rest)) for rule, owner, rest in true},
        )

    def remember(self, change: LevelTurned | RaisedThisBoot) -> None:
        """Writes one change; when this returns, a crash of the daemon does not lose it."""
        try:
            match change:
                case LevelTurned(rule=rule, subject=subject, true=True):
                    self._database.execute("insert or ignore into true_level values (?, ?, ?)", (rule, *subject))
                case LevelTurned(rule=rule, subject=subject):
                    self._database.execute(
                        "delete from true_level where rule = ? and owner = ? and rest = ?", (rule, *subject)
                    )
                case RaisedThisBoot(rule=rule, key=key):
                    self._database.execute(
                        "insert or ignore into raised_in_boot values (?, ?, ?)", (self._boot_id, rule, key)
                    )
        except sqlite3.Error as error:
            raise self._failure(error) from error

    def close(self) -> None:
        """Closes the file and lets go of the directory."""
        self._database.close()
        os.close(self._lock)

    def _failure(self, error: sqlite3.Error) -> StoreError:
        return StoreError(f"{self._path}: {error}")


def _lock(directory: Path) -> int:
    """The directory, made if it is not there, and locked (flock(2)) until the descriptor is closed."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise StoreError(f"{directory}: the state directory cannot be used: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise StoreError(f"{directory}: another daemon uses this state directory") from error
    return descriptor

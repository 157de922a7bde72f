"""How far an application has been told of a task's runs, kept over its restarts. Nothing here asks the daemon.

A file for each daemon and task, under XDG_STATE_HOME: the number of a line of the daemon's history, and its time, by
which another history is told from the same one. It is as lasting as a rename: a power failure may cost the last lines.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Bookmark(NamedTuple):
    """The line `seq` of a history was written at `at`; nothing after it has been told."""

    seq: int
    at: int


BEFORE_THE_FIRST = Bookmark(0, 0)


class BookmarkFile:
    """Where the bookmark of the task with this id is kept, for the daemon at this socket.

    >>> BookmarkFile({"HOME": "/home/alice"}, "/run/hwbridge/hwbridge.sock", "{9118718B-...}").path.as_posix()
    '/home/alice/.local/state/hwbridge-applications/!run!hwbridge!hwbridge.sock/{9118718B-...}'
    """

    def __init__(self, environment: Mapping[str, str], socket: str, task_id: str) -> None:
        given = environment.get("XDG_STATE_HOME", "")  # the specification: a relative path is invalid, ignore it
        home = Path(given) if given.startswith("/") else Path(environment.get("HOME") or "/") / ".local/state"
        self.path = home / "hwbridge-applications" / socket.replace("/", "!") / task_id

    def read(self) -> Bookmark | None:
        """What was kept; None where nothing is, or something else than a bookmark."""
        with suppress(OSError, ValueError):
            seq, at = map(int, self.path.read_text().split())
            return Bookmark(seq, at)
        return None

    def begin(self, bookmark: Bookmark) -> None:
        """Keeps this one, if none is kept."""
        if self.read() is None:
            self.move(bookmark)

    def move(self, bookmark: Bookmark) -> None:
        """Keeps this one. Where nothing can be written, this process goes on without: its next start tells again."""
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            written = self.path.with_name(f"{self.path.name}.{os.getpid()}")
            written.write_text(f"{bookmark.seq} {bookmark.at}\n")
            written.replace(self.path)

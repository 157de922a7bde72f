"""Sessions where no logind tells of them: who is logged in according to utmp(5). Nobody's presence is known here.

An entry counts while its process is there, as those of what was killed stay. A file that is not there says nothing, and
not that nobody is logged in.
"""

import os
import select
from collections.abc import Iterator, Mapping
from pathlib import Path

from bridge.errors import DeviceError
from bridge.monitors.watched_paths import WatchedPaths
from bridge.sources.sessions import Session

UTMP = Path("/var/run/utmp")
"""Where libc has it; a Linux without libc's utmp (musl) has none."""


class UtmpSessions:
    """The sessions in the file `UTMP`, now and whenever it is written."""

    def __init__(self, epoll: select.epoll) -> None:
        """Watches the file with `epoll`, which is the owner's."""
        self._epoll = epoll
        self._watched: WatchedPaths | None = None
        self._refused: tuple[str, ...] = ()
        try:
            self._watched = WatchedPaths([UTMP])
            epoll.register(self._watched.fileno(), select.EPOLLIN)
        except DeviceError as error:
            self._refused = (f"{UTMP}: who logs in is not told: {error}",)
        self.lost = 0
        self.now = _sessions()

    def read(self) -> bool:
        """Looks again if the file was written; whether the kernel lost count of that."""
        changes = self._watched.read() if self._watched is not None else None
        if changes is None or not changes.paths:
            return False
        self.now = _sessions()
        self.lost += changes.lost
        return changes.lost

    def look(self) -> None:
        """Looks again."""
        self.now = _sessions()

    @property
    def is_there(self) -> bool:
        """Whether there is such a file."""
        return self.now is not None

    @property
    def refused(self) -> tuple[str, ...]:
        """What cannot be told, and why."""
        if self.now is None:
            return (*self._refused, f"sessions are not known: there is neither a logind on a D-Bus nor {UTMP}")
        return self._refused

    def close(self) -> None:
        """Ends the watch."""
        if self._watched is not None:
            self._epoll.unregister(self._watched.fileno())
            self._watched.close()


def _sessions() -> Mapping[str, Session] | None:
    return dict(_listed()) if UTMP.exists() else None


def _listed() -> Iterator[tuple[str, Session]]:
    import psutil  # 9 ms, and only where there is no logind

    for each in psutil.users():
        name = each.terminal or str(each.pid)
        if each.pid is None or os.path.exists(f"/proc/{each.pid}"):
            yield name, Session(name, each.name)

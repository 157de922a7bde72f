"""Sessions as logind tells them over the system bus, and what to do when it was away. It locks and ends none of them.

Only what logind says of itself is believed: `LockedHint` and not the signals `Lock` and `Unlock`, which ask a session's
screen lock to do something that it may not do. Where logind says nothing of a change (that a session is `closing`), it
has written the session's file, and is asked.
"""

import logging
import os
import select
from collections.abc import Mapping
from pathlib import Path

from bridge.errors import DeviceError, InvalidValueError
from bridge.monitors.bus import Bus
from bridge.monitors.bus_words import (
    Answered,
    Appeared,
    Call,
    Connected,
    Disconnected,
    Failed,
    Heard,
    Known,
    Properties,
    Signals,
    Told,
    Unknown,
    Vanished,
    is_object_path,
)
from bridge.monitors.watched_paths import WatchedPaths
from bridge.sources.sessions import NOTHING_KNOWN, Session, Sessions, session_of, sessions_of

LOGIND = "org.freedesktop.login1"
PATH = "/org/freedesktop/login1"
MANAGER = f"{LOGIND}.Manager"
_SESSION = f"{LOGIND}.Session"
_CAME = Signals(LOGIND, MANAGER, "SessionNew")
_WENT = Signals(LOGIND, MANAGER, "SessionRemoved")
_LIST = Call(LOGIND, PATH, MANAGER, "ListSessions")

_ERROR = "org.freedesktop.DBus.Error"
_GONE = frozenset({f"{_ERROR}.UnknownObject", f"{_ERROR}.UnknownMethod", f"{_ERROR}.UnknownInterface"})

_UNTIL_BACK = "sessions are taken to be as they were until logind is back"
_log = logging.getLogger("bridge.monitors.session")


class LogindSessions:
    """The sessions, by what a `Bus` tells, which the owner hands on; `files` are where logind keeps them.

    `is_there` is None until it is known; `now` stays as it was while logind is away.
    """

    def __init__(self, bus: Bus, epoll: select.epoll, files: Path) -> None:
        """Asks for what it needs; `epoll` is the owner's."""
        self._bus = bus
        self._epoll = epoll
        self._files = files
        self._watched: WatchedPaths | None = None
        self._paths: dict[str, Session | None] = {}
        """The objects that are sessions by path; None for what is not known yet, or no person's."""
        self._awaited: set[str] | None = None
        """While it is listed anew: the objects of the list that nothing is known of yet."""
        self._listing: int | None = None
        self._unlisted = ""
        """Why a list is not known yet; it is asked for anew when anything is heard of a session."""
        self._unwatched: tuple[str, ...] = ()
        self._complaint = ""
        self.is_there: bool | None = None
        self.why_not = ""
        """Why it is not there."""
        self.now: Sessions = NOTHING_KNOWN
        self.is_repaired = False
        """Whether `now` was found by looking, after things may have been missed."""
        self.lost = 0
        bus.want(_CAME, _WENT)

    @property
    def away(self) -> str:
        """What is to be said while it is not there, though it was, and while that is not known yet."""
        if self.is_there is None:
            return "the bus does not say yet whether logind is there"
        return f"{self.why_not}: {_UNTIL_BACK}"

    @property
    def refused(self) -> tuple[str, ...]:
        """What is not told while it is there, and why."""
        return (*((self._unlisted,) if self._unlisted else ()), *self._unwatched)

    def hear(self, told: Told) -> None:
        """Takes one thing that the bus told."""
        match told:
            case Disconnected(why):
                self._gone(why)
            case Vanished(service) if service == LOGIND:
                self._gone("no logind is on the bus")
            case Appeared(service) if service == LOGIND:
                self._start_over()
            case Heard(service, member="SessionNew" | "SessionRemoved") if service == LOGIND and self._unlisted:
                self._list()
            case Heard(member="SessionNew", values=(str(), path)):
                self._add(path)
            case Heard(member="SessionRemoved", values=(str(), path)):
                self._remove(path)
            case Known(of, values) if of.path in self._paths:
                self._learn(of.path, values)
            case Unknown(Properties(_, path, _), error) if path in self._paths and error in _GONE:
                self._remove(path)  # it went before it was asked
            case Unknown(Properties(_, path, _), why=why) if path in self._paths and self.is_there:
                self._doubt(f"logind does not tell how sessions are: {why}: they are taken to be as they were")
            case Answered(number, values) if number == self._listing:
                self._listed(values)
            case Failed(number, error, why) if number == self._listing and self.is_there:
                self._doubt(f"logind does not tell its sessions: {why}")
                if not error:
                    self._list()
            case Heard(service, member=member) if service == LOGIND and member in ("SessionNew", "SessionRemoved"):
                self._complain(f"logind says {member} with {told.values!r}, not with a name and a path")
            case Connected() | _:
                pass
        self._settle()

    def read_files(self) -> None:
        """Asks logind again where it has written a session's file."""
        if self._watched is not None and self._watched.read().paths:
            if self._unlisted:
                self._list()
            self._bus.look()

    def look(self) -> None:
        """Asks for everything again; what is otherwise is told as repaired."""
        if self.is_there:
            self._list()

    def close(self) -> None:
        """Watches no file any more. The bus is the owner's."""
        self._watch_files({})

    def _gone(self, why: str) -> None:
        if self.is_there:
            self.lost += 1
            _log.warning("%s: %s", why, _UNTIL_BACK)
        self.is_there, self.why_not, self._unlisted = False, why, ""

    def _start_over(self) -> None:
        if self.is_there:
            self.lost += 1
            _log.warning("logind was replaced by another: all sessions are looked at again")
        elif self.is_there is False and self.now is not NOTHING_KNOWN:
            _log.info("logind is back: all sessions are looked at again")
        self.is_there = True
        self._list()

    def _list(self) -> None:
        for path in self._paths:
            self._bus.forget(_properties(path))
        self._paths = {}
        self._awaited = set()
        self._listing = self._bus.call(_LIST)

    def _listed(self, values: tuple[object, ...]) -> None:
        match values:
            case (tuple() as rows,) if all(_is_row(row) for row in rows):
                self._listing = None
                for row in rows:
                    self._add(row[-1])
            case _:
                self._doubt(f"logind's list of sessions is {values!r}: sessions are taken to be as they were")

    def _doubt(self, why: str) -> None:
        if self._awaited is not None:
            self._unlisted = why
        self._complain(why)

    def _add(self, path: object) -> None:
        if not is_object_path(path):
            self._complain(f"logind says that a session is {path!r}, which is no object")
            return
        path = str(path)
        if path not in self._paths:
            self._paths[path] = None
            if self._awaited is not None:
                self._awaited.add(path)
            self._bus.want(_properties(path))

    def _remove(self, path: object) -> None:
        if isinstance(path, str) and path in self._paths:
            del self._paths[path]
            self._bus.forget(_properties(path))
            self._is_known(path)

    def _learn(self, path: str, values: Mapping[str, object]) -> None:
        try:
            self._paths[path] = session_of(values)
        except InvalidValueError as error:
            self._paths[path] = None
            self._complain(f"logind, {path}: {error}: this session is passed over")
        self._is_known(path)

    def _is_known(self, path: str) -> None:
        if self._awaited is not None:
            self._awaited.discard(path)

    def _settle(self) -> None:
        """All that is known is how it is now, unless some of a list is still to be told."""
        if not self.is_there or self._listing is not None or self._awaited:
            return
        if self._awaited is not None:
            self._awaited, self._unlisted = None, ""
            self.is_repaired = self.now is not NOTHING_KNOWN
        now = sessions_of({each.name: each for each in self._paths.values() if each is not None})
        before, self.now = self.now, now
        if (now.sessions or {}).keys() != (before.sessions or {}).keys():
            self._watch_files(now.sessions or {})

    def _watch_files(self, sessions: Mapping[str, Session]) -> None:
        if self._watched is not None:
            self._epoll.unregister(self._watched.fileno())
            self._watched.close()
            self._watched = None
        if not sessions or not self._files.is_dir():
            return
        try:
            self._watched = WatchedPaths(self._files / os.path.basename(name) for name in sessions)
        except DeviceError as error:
            self._unwatched = (f"the end of a session that leaves something running may be told late: {error}",)
            return
        self._unwatched = ()
        self._epoll.register(self._watched.fileno(), select.EPOLLIN)
        self._bus.look()  # for what was written before they were watched

    def _complain(self, line: str) -> None:
        if line != self._complaint:
            _log.warning("%s", line)
        self._complaint = line


def _properties(path: str) -> Properties:
    return Properties(LOGIND, path, _SESSION)


def _is_row(row: object) -> bool:
    return isinstance(row, tuple) and len(row) == 5

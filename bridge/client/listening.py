"""One thread that follows what the daemon tells, and calls the handlers that an application has connected.

It tells of a run once, in order, also of runs that ended while the application or the daemon was away. It decides
nothing about a handler that fails: `threading.excepthook` is told, and what comes next comes.
"""

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

from bridge.client.bookmarks import BEFORE_THE_FIRST, Bookmark, BookmarkFile
from bridge.client.connection import Connection
from bridge.client.daemon import asking
from bridge.client.pages import entries_since
from bridge.errors import BridgeError, CallFailedError, ProtocolError

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
"""Between attempts to reach a daemon that does not answer; doubled from the first to the longest."""
COMPLETED, PROGRESS = "completed", "progress"

_HISTORY = "org.hwbridge.History"

Entry = Mapping[str, Any]
Callback = Callable[[Entry], object]


class Followed:
    """A task that is followed: what is called for it, and how far it has been told."""

    def __init__(self, name: str, bookmark_file: BookmarkFile) -> None:
        self.name = name
        self.bookmark_file = bookmark_file
        self.callbacks: dict[str, tuple[Callback, ...]] = {COMPLETED: (), PROGRESS: ()}
        self.is_behind = True
        """What was missed is still to be told."""
        self.told: Bookmark | None = None
        """Up to which line of the history runs that ended have been told; None: as it is kept, else from now on."""

    def move(self, place: Bookmark) -> Bookmark:
        """Up to this line it has been told."""
        self.told = place
        self.bookmark_file.move(place)
        return place


class Listener:
    """Follows the daemon at one socket, on a thread of its own, while a handler is connected."""

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._lock = threading.Lock()
        self._followed: dict[str, Followed] = {}
        self._thread: threading.Thread | None = None
        self._watching: Connection | None = None
        self._changed = threading.Event()
        """Somebody else is to be called: what is watched has to be begun anew."""
        self._place = BEFORE_THE_FIRST
        """The last line that was read; 0 before the first connection."""

    def connect(self, name: str, task_id: str, what: str, callback: Callback) -> None:
        """Calls this for each fact of that kind about the task; of runs that are over, for those that were missed."""
        with self._lock:
            kept = BookmarkFile(os.environ, self._socket, task_id)
            followed = self._followed.setdefault(name, Followed(name, kept))
            followed.callbacks[what] += (callback,)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"hwbridge {self._socket}", daemon=True)
                self._thread.start()
            elif what == COMPLETED and followed.is_behind:
                self._begin_anew()

    def disconnect(self, name: str, what: str, callback: Callback) -> None:
        """Calls this no more; when nothing is to be called, nothing is followed."""
        with self._lock:
            followed = self._followed.get(name)
            if followed is None:
                return
            followed.callbacks[what] = tuple(each for each in followed.callbacks[what] if each != callback)
            if not any(followed.callbacks.values()):
                del self._followed[name]
            if not self._followed:
                self._begin_anew()

    def _begin_anew(self) -> None:
        self._changed.set()
        if self._watching is not None:
            self._watching.hang_up()

    # -- on the thread -------------------------------------------------------------------------------------------

    def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while self._goes_on():
            try:
                self._catch_up()
                pause = FIRST_PAUSE_SECONDS
                self._watch()
            except CallFailedError:  # it does not let us: nobody but a person can change that
                with self._lock:
                    self._thread = None
                raise
            except BridgeError:  # it is away, or another version comes: it is asked again
                if not self._changed.is_set():
                    self._changed.wait(pause)
                    pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _goes_on(self) -> bool:
        with self._lock:
            self._changed.clear()
            if not self._followed:
                self._thread = None
            return self._thread is not None

    def _catch_up(self) -> None:
        """Tells what was missed of tasks that are followed from now on, or of all if the history is another one."""
        with asking(self._socket) as connection:
            if self._place.seq == 0 or not is_line_of(connection, self._place):
                self._place = newest_line(connection)
                for followed in self._tasks():
                    followed.is_behind = True
            for followed in self._tasks():
                if followed.is_behind and followed.callbacks[COMPLETED]:
                    self._tell_missed(connection, followed)

    def _tasks(self) -> tuple[Followed, ...]:
        with self._lock:
            return tuple(self._followed.values())

    def _tell_missed(self, connection: Connection, followed: Followed) -> None:
        kept = followed.told or followed.bookmark_file.read() or self._place
        begin = followed.move(kept if is_line_of(connection, kept) else BEFORE_THE_FIRST)
        for entry in entries_since(connection, begin.seq, followed.name):
            if entry["what"] == COMPLETED:
                self._tell(followed, entry)
            followed.move(Bookmark(entry["seq"], entry["at"]))
        followed.is_behind = False

    def _watch(self) -> None:
        """Tells what happens, until the daemon goes, somebody else is to be called, or something was lost."""
        with asking(self._socket) as connection:
            with self._lock:
                if self._changed.is_set():
                    return
                self._watching = connection
            try:
                self._read(connection)
            finally:
                with self._lock:
                    self._watching = None

    def _read(self, connection: Connection) -> None:
        begun_at = self._place
        for answer in connection.stream("org.hwbridge.Watch", {"since": self._place.seq}):
            entry = answer.get("entry")
            if entry is not None:
                self._take(entry)
            elif answer.get("gap") is not None and self._place != begun_at:
                return  # we were too slow: what the history has kept, it tells when it is asked again
        raise ProtocolError(f"{self._socket}: the daemon ended what it was to tell without end")

    def _take(self, entry: Entry) -> None:
        followed = self._followed.get(entry.get("task") or "")
        seq = entry.get("seq")
        place = Bookmark(seq, entry["at"]) if seq is not None else None  # None: the history does not have it
        if followed is not None and entry["what"] in followed.callbacks:
            self._take_of(followed, entry, place)
        if place is not None:
            self._place = place

    def _take_of(self, followed: Followed, entry: Entry, place: Bookmark | None) -> None:
        if entry["what"] == PROGRESS or place is None:
            self._tell(followed, entry)
        elif not followed.is_behind and followed.told is not None and place.seq > followed.told.seq:
            self._tell(followed, entry)
            followed.move(place)

    def _tell(self, followed: Followed, entry: Entry) -> None:
        for callback in followed.callbacks[entry["what"]]:
            try:
                callback(entry)
            except Exception as error:  # an application's handler: it may fail as it likes
                told = (type(error), error, error.__traceback__, threading.current_thread())
                threading.excepthook(threading.ExceptHookArgs(told))


def newest_line(connection: Connection) -> Bookmark:
    """Of the history that the daemon at the other end has, as far as we may see it."""
    entries = connection.call(_HISTORY, {"limit": 1})["entries"]
    return Bookmark(entries[-1]["seq"], entries[-1]["at"]) if entries else BEFORE_THE_FIRST


def is_line_of(connection: Connection, place: Bookmark) -> bool:
    """Whether the history that the daemon has now is the one that had this line, which it may have forgotten since."""
    if place.seq == 0:
        return True
    for entry in connection.call(_HISTORY, {"limit": 1, "since": place.seq - 1})["entries"]:
        return bool(entry["seq"] > place.seq or entry["at"] == place.at)
    return False


_listeners: dict[str, Listener] = {}
os.register_at_fork(after_in_child=_listeners.clear)  # their threads are not in the child


def listener_of(socket: str) -> Listener:
    """The one that this process has for the daemon there."""
    return _listeners.setdefault(socket, Listener(socket))

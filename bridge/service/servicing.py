"""Looks which packages brought the tasks that want to run when they were updated. It compares no versions.

There is nothing to do, and nothing is watched, while no task asks for `ServicingComplete`. To find the owner of a file
takes dpkg a tenth of a second and more, and us no less: it is done in a thread, and one at a time.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.dispatch.decisions import Looked
from bridge.dispatch.servicing import asks_for_servicing
from bridge.errors import DeviceError
from bridge.model.packages import PackageVersion
from bridge.model.tasks import Exec, Python, Registration
from bridge.monitors.monitor import Clock
from bridge.service.packages import Dpkg, distribution_of

if TYPE_CHECKING:
    from bridge.monitors.watched_paths import WatchedPaths

QUIET_SECONDS = 2.0
"""After dpkg has written its status for the last time: of many packages it writes it many times."""

_log = logging.getLogger("bridge")


class Servicing:
    """Tells what it finds, as a fact: at `look`, and when dpkg has installed something."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        registrations: Callable[[], Sequence[Registration]],
        tell: Callable[[Looked], None],
        files: Mapping[str, str],
        dpkg: Dpkg | None = None,
    ) -> None:
        """`files` are those that tasks stand in, by the tasks' names. It looks at nothing yet."""
        self._loop = loop
        self._clock = clock
        self._registrations = registrations
        self._tell = tell
        self._dpkg = Dpkg() if dpkg is None else dpkg
        self.files = files
        self._watched: WatchedPaths | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._looks = self._is_stale = self._is_closed = False

    def look(self) -> None:
        """Looks now, if a task asks for it; tells later what was found."""
        asking = [each for each in self._registrations() if asks_for_servicing(each)]
        if not asking or self._is_closed:
            self._unwatch()
            return
        self._watch()
        if self._looks:
            self._is_stale = True
            return
        self._looks = True
        named = {each.name: named_of(each, self.files.get(each.name)) for each in asking}
        threading.Thread(target=self._look, args=(named,), name="servicing", daemon=True).start()

    def close(self) -> None:
        """Watches nothing any more; what is being looked at is not told."""
        self._is_closed = True
        self._unwatch()

    def _look(self, named: "Mapping[str, tuple[Sequence[str], Python | None]]") -> None:
        """In a thread of its own."""
        owners = self._dpkg.owners({path for paths, _ in named.values() for path in paths})
        found: dict[str, PackageVersion] = {}
        for name, (paths, python) in named.items():
            owned = [owners[path] for path in paths if path in owners]
            package = owned[0] if owned else None
            if package is None and python is not None:
                package = distribution_of(python.entry_point.partition(":")[0], python.path)
            if package is not None:
                found[name] = package
        try:
            self._loop.call_soon_threadsafe(self._found, found)
        except RuntimeError:  # the daemon has ended meanwhile
            return

    def _found(self, packages: Mapping[str, PackageVersion]) -> None:
        self._looks = False
        if self._is_closed:
            return
        self._tell(Looked(at=self._clock(), packages=packages))
        if self._is_stale:
            self._is_stale = False
            self.look()

    def _watch(self) -> None:
        if self._watched is not None:
            return
        from bridge.monitors.watched_paths import WatchedPaths  # most daemons have no task that asks, and start faster

        try:
            self._watched = WatchedPaths((self._dpkg.status,))
        except DeviceError as error:
            _log.warning("%s: updates of packages are noticed at the next start", error)
            return
        self._loop.add_reader(self._watched.fileno(), self._read, self._watched)

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._watched is not None:
            self._loop.remove_reader(self._watched.fileno())
            self._watched.close()
            self._watched = None

    def _read(self, watched: "WatchedPaths") -> None:
        if watched.read().paths:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_later(QUIET_SECONDS, self.look)


def named_of(registration: Registration, file: str | None) -> "tuple[Sequence[str], Python | None]":
    """What tells of which package a task is: the file that it stands in, or else its program, or its Python module."""
    paths = () if file is None else (str(Path(file).absolute()),)
    match registration.run:
        case Exec(arguments=(program, *_)) if not program.names:
            return (*paths, program.texts[0]), None
        case Python() as python:
            return paths, python
        case _:
            return paths, None

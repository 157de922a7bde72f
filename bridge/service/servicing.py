"""Looks which packages brought the tasks that want to run when they were updated. It compares no versions.

There is nothing to do, and nothing is watched, while no task asks for `ServicingComplete`. To find the owner of a file
takes dpkg a tenth of a second and more, and us no less: it is done in a thread, one at a time, and not again while
dpkg has installed nothing. A directory on a task's path that does not answer holds up the look at all tasks.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.dispatch.decisions import Looked
from bridge.dispatch.servicing import asks_for_servicing
from bridge.errors import DeviceError, HandlerError
from bridge.hosts.accounts import account_of
from bridge.hosts.invocation import PATH
from bridge.model.packages import PackageVersion
from bridge.model.tasks import Exec, Python, Registration
from bridge.monitors.monitor import Clock
from bridge.service.opened import guarded
from bridge.service.packages import Dpkg, distribution_of
from bridge.service.reach import find_program

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
        self._asked: tuple[Collection[str], object] | None = None
        self._owned: Mapping[str, PackageVersion] = {}

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
        threading.Thread(target=self._look, args=(asking, self.files), name="servicing", daemon=True).start()

    def close(self) -> None:
        """Watches nothing any more; what is being looked at is not told."""
        self._is_closed = True
        self._unwatch()

    def _look(self, asking: Sequence[Registration], files: Mapping[str, str]) -> None:
        """In a thread of its own. A mistake in it is named, and ends this look alone."""
        found: Mapping[str, PackageVersion] = {}
        try:
            found = guarded(lambda: self._packages_of(asking, files))
        except DeviceError as error:
            _log.error("which packages brought the tasks cannot be told: %s", error)
        try:
            self._loop.call_soon_threadsafe(self._found, found)
        except RuntimeError:  # the daemon has ended meanwhile
            return

    def _packages_of(self, asking: Sequence[Registration], files: Mapping[str, str]) -> Mapping[str, PackageVersion]:
        named = {each.name: named_of(each, files.get(each.name)) for each in asking}
        owners = self._owners({path for paths, _ in named.values() for path in paths})
        found: dict[str, PackageVersion] = {}
        for name, (paths, python) in named.items():
            owned = [owners[path] for path in paths if path in owners]
            package = owned[0] if owned else None
            if package is None and python is not None:
                package = distribution_of(python.entry_point.partition(":")[0], python.path)
            if package is not None:
                found[name] = package
        return found

    def _owners(self, paths: Collection[str]) -> Mapping[str, PackageVersion]:
        """As dpkg's; its lists are read where they may say something else than when they were read last."""
        if not paths:
            return {}
        asked = (paths, self._dpkg.written())
        if asked != self._asked:
            self._owned = self._dpkg.owners(paths)
            self._asked = asked
        return self._owned

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
        case Exec(arguments=(program, *_)) as run if not program.names:
            return (*paths, *_found_as(program.texts[0], run, registration.runs_as)), None
        case Python() as python:
            return paths, python
        case _:
            return paths, None


def _found_as(program: str, run: Exec, user: str | int | None) -> Iterator[str]:
    """The path of a program: of one that is called by its bare name, where a run of this user would find it."""
    if "/" in program:
        yield os.path.join(run.cwd, program)
        return
    try:
        account = account_of(user)
    except HandlerError:  # its runs fail, and `explain` says why
        return
    for folder in run.environment.get("PATH", PATH).split(os.pathsep):
        candidate = os.path.join(run.cwd, folder, program)
        if not find_program(os.fsencode(candidate), "", run.cwd, account).failure:
            yield candidate
            return

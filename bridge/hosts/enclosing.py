"""Puts runs into control groups of their own, and says when something happens there. It starts and ends no process.

To write a pid into cgroup.procs takes the kernel 10 ms and more, so a thread does it, and only for runs that are there
for a while. What a process had started before it was moved is moved after it, as far as `belongings` finds it.
"""

import asyncio
import logging
import os
import select
from collections.abc import Callable, Container
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from bridge.hosts.cgroups import NAME, ControlGroup, membership, remove
from bridge.hosts.marks import Mark
from bridge.hosts.processes import belongings

MOST_SWEEPS = 8
"""How often we look for processes that were started before their parents were moved."""

log = logging.getLogger(__name__)


class Enclosures:
    """The control groups of one host's runs, in `folder`. `changed` is called by the loop, with the instance id."""

    def __init__(self, loop: asyncio.AbstractEventLoop, folder: Path, changed: Callable[[str], None]) -> None:
        self._loop = loop
        self._folder = folder
        self._changed = changed
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hwbridge-cgroups")
        # The kernel's files are always readable; only an epoll of our own can wait for POLLPRI alone.
        self._epoll = select.epoll()
        self._watched: dict[int, tuple[str, ControlGroup]] = {}
        self._left: set[Path] = set()
        loop.add_reader(self._epoll.fileno(), self._read)

    async def enclose(self, instance_id: str, main: int, mark: Mark, spawned: Container[int]) -> ControlGroup | None:
        """Makes a group, and moves the run there; None if that cannot be. Nobody may reap `main` meanwhile."""
        folder = self._folder / f"{NAME}{instance_id}"
        try:
            group = await self._loop.run_in_executor(self._thread, _enclose, folder, main, mark, spawned)
        except OSError as error:
            log.debug("%s: no control group: %s", instance_id, error)
            return None
        self._watched[group.fileno()] = instance_id, group
        self._epoll.register(group, select.EPOLLPRI)
        return group

    def release(self, group: ControlGroup) -> None:
        """Removes the group; a folder that the kernel still holds is tried again with the next one."""
        instance_id, _ = self._watched.pop(group.fileno())
        self._epoll.unregister(group)
        group.close()
        self._left.add(self._folder / f"{NAME}{instance_id}")
        self._left = {folder for folder in self._left if not remove(folder)}

    def close(self) -> None:
        """Ends the thread. The groups are released before."""
        self._left = {folder for folder in self._left if not remove(folder)}
        if not self._epoll.closed:
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
        self._thread.shutdown()

    def _read(self) -> None:
        for descriptor, _ in self._epoll.poll(0):
            instance_id, group = self._watched[descriptor]
            group.changed()
            self._changed(instance_id)


def _enclose(folder: Path, main: int, mark: Mark, spawned: Container[int]) -> ControlGroup:
    group = ControlGroup(folder)
    try:
        group.add(main)
    except OSError:
        group.close()
        remove(folder)
        raise
    with suppress(OSError):
        for _ in range(MOST_SWEEPS):
            if not _sweep(group, main, mark, spawned):
                break
    return group


def _sweep(group: ControlGroup, main: int, mark: Mark, spawned: Container[int]) -> bool:
    """Moves what belongs to the run and is where we are; whether there was anything.

    What is elsewhere was moved by whoever is in charge of that, as pam_systemd(8) does.
    """
    ours = membership(os.getpid())
    found = belongings(main, mark, spawned).processes
    outside = [process.pid for process in found if membership(process.pid) == ours]
    for pid in outside:
        group.add(pid)
    return bool(outside)

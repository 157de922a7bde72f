"""The host of a daemon: each kind of handler has a host of its own, and this knows which. It runs nothing itself."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from bridge.hosts.classes import ClassHost
from bridge.hosts.command import CommandHost
from bridge.hosts.families import Families
from bridge.hosts.host import Ended, Host
from bridge.hosts.starting import Starts
from bridge.hosts.workers import WorkerHost
from bridge.model.tasks import CancellationReason, Exec, Handler, Instance, Python, ServedClass


class HandlerHost:
    """Runs what tasks run. `ended` is called by the loop, never from inside `start`, `cancel` or `kill`.

    Makes this process a subreaper; whoever has the loop calls `reap_orphans` when SIGCHLD comes. `progressed` is told
    how far a run is, by its id. `wall_time` gives the microseconds since 1970 of a time of ours, as handlers know it.
    `cgroup` is the folder in which runs get control groups (`folder_for_runs`), None for a host that makes none.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        socket_path: str,
        wall_time: Callable[[int], int],
        ended: Callable[[Ended], None],
        progressed: Callable[[str, int], None] = lambda instance_id, progress: None,
        *,
        cgroup: Path | None = None,
    ) -> None:
        self._families = Families(loop, cgroup)
        self._commands = CommandHost(loop, self._families, socket_path, wall_time, ended)
        self._workers = WorkerHost(loop, self._families, socket_path, wall_time, ended, progressed)
        self.classes = ClassHost(loop, wall_time, ended)
        self._hosts: Mapping[type[Handler], Host] = {
            Exec: self._commands,
            Python: self._workers,
            ServedClass: self.classes,
        }
        self._starts = Starts(loop, self._start, ended)

    def start(self, instance: Instance) -> None:
        """Starts the run, after those that wait to be started."""
        self._starts.put(instance)

    def _start(self, instance: Instance) -> None:
        self._hosts[type(instance.task.run)].start(instance)

    def cancel(self, instance_id: str, reason: CancellationReason) -> None:
        """Asks the run to end, wherever it is."""
        if self._starts.withdraw(instance_id):
            return
        for host in self._hosts.values():
            host.cancel(instance_id, reason)

    def kill(self, instance_id: str) -> None:
        """Ends the run and everything that it started."""
        if self._starts.withdraw(instance_id):
            return
        for host in self._hosts.values():
            host.kill(instance_id)

    def run_of(self, pid: int) -> str | None:
        """The id of the run that a process belongs to, where that can be known."""
        # Asked with each raise, and workers are there without runs: to look costs a file of the kernel's.
        runs = self._commands.has_runs or self._workers.has_runs
        family = self._families.family_of(pid) if runs else None
        if family is None:
            return self.classes.run_of(pid)
        return self._commands.run_of(family) or self._workers.run_of(family)

    def reap_orphans(self) -> None:
        """Reaps the processes that we adopted and that have ended. To be called when SIGCHLD comes."""
        self._families.reap_orphans()

    async def close(self) -> None:
        """Ends every worker, kills what is left, and waits until it is gone."""
        self._starts.withdraw_all()
        for host in (self.classes, self._workers, self._commands):
            await host.close()

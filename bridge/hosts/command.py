"""The `exec` host: runs a task's program, and ends with it all that it started. It decides no retry and no time limit.

A run is over when its main process and everything that this one started are over. What outlives the main process may
end by itself within the task's cancel_grace (as in `cmd | tee`); then it is killed, and the run has failed.

Where control groups can be made, a run that is there for a while gets one: it is then killed as a whole, and what has
shed every mark is found too. Group, descendants and marks count as well: a run is not in its group from the beginning.
"""

import asyncio
import logging
import math
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from bridge.errors import HandlerError
from bridge.hosts.accounts import account_of
from bridge.hosts.cgroups import ControlGroup
from bridge.hosts.enclosing import Enclosures
from bridge.hosts.endings import ending, left_line, unkillable_line
from bridge.hosts.host import Ended
from bridge.hosts.invocation import invocation_of
from bridge.hosts.marks import Mark, limit_of
from bridge.hosts.processes import (
    Belongings,
    Process,
    become_subreaper,
    belongings,
    process_of,
    reap,
    reap_orphans,
    send,
    send_to_group,
)
from bridge.hosts.spawning import Child, spawn
from bridge.model.durations import MICROSECONDS
from bridge.model.tasks import CancellationReason, Instance

KILL_SECONDS = 5.0
"""How long a killed process has to go: one that sleeps in the kernel, or that we may not kill, can stay for ever."""
LOOK_AGAIN_SECONDS = 0.005
"""When to look again at a process that is just executing a program, and so cannot be told from others."""
MOST_UNSURE_LOOKS = 200
"""How often we look again at most, so that a program that takes for ever to be executed holds up no run for ever."""
ENCLOSE_AFTER_SECONDS = 0.02
"""How long a run is there before it is given a control group: most handlers are over by then, and pay nothing."""
MOST_WATCHED = 64
"""Descriptors for what one run left behind; where it is more, the rest is found when the first ones end."""

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class _Run:
    """A run, and what is known of its end. `deadline`, on the loop's clock, ends our patience, then our killing."""

    instance: Instance
    child: Child
    mark: Mark
    main_ended: bool = False
    canceled_at: float | None = None
    killing: bool = False
    deadline: float = math.inf
    left_behind: Sequence[Process] = ()
    unsure_looks: int = 0
    watched: dict[int, int] = field(default_factory=dict)
    next_look: asyncio.Handle | None = None
    group: ControlGroup | None = None
    enclose_later: asyncio.TimerHandle | None = None
    enclosing: asyncio.Task[ControlGroup | None] | None = None

    @property
    def main(self) -> int:
        """The pid of the main process and of its group: kept as a zombie until the run is over, so nobody else's."""
        return self.child.process.pid


class CommandHost:
    """Runs programs. `ended` is called by the loop, never from inside `start`, `cancel` or `kill`.

    Makes this process a subreaper; whoever has the loop calls `reap_orphans` when SIGCHLD comes.
    `wall_time` gives the microseconds since 1970 of a time of ours: what a handler is told. `cgroup` is the folder in
    which runs get control groups (`folder_for_runs`), None for a host that makes none.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        socket_path: str,
        wall_time: Callable[[int], int],
        ended: Callable[[Ended], None],
        *,
        cgroup: Path | None = None,
    ) -> None:
        become_subreaper()
        self._loop = loop
        self._socket_path = socket_path
        self._wall_time = wall_time
        self._ended = ended
        self._runs: dict[str, _Run] = {}
        self._finished = asyncio.Event()
        self._enclosures = None if cgroup is None else Enclosures(loop, cgroup, self._group_changed)

    def start(self, instance: Instance) -> None:
        """Starts the task's program; what hinders it becomes the run's `Ended`."""
        try:
            account = account_of(instance.task.user)
            mark = Mark.of(instance.instance_id)
            raised_at = self._wall_time(instance.raised.at)
            child = spawn(invocation_of(instance, account, self._socket_path, raised_at), account, mark)
        except HandlerError as error:
            failed = Ended(instance_id=instance.instance_id, succeeded=False, detail=str(error))
            self._loop.call_soon(self._ended, failed)
            return
        run = _Run(instance=instance, child=child, mark=mark)
        self._runs[instance.instance_id] = run
        self._loop.add_reader(child.pidfd, self._main_ended, run)
        self._loop.add_reader(child.output, self._printed, run)
        if self._enclosures is not None:
            run.enclose_later = self._loop.call_later(ENCLOSE_AFTER_SECONDS, self._enclose, run, self._enclosures)
        log.debug("%s %s: pid %d", instance.task.name, instance.instance_id, run.main)

    def cancel(self, instance_id: str, reason: CancellationReason) -> None:
        """Sends TERM to the run's process group, and to those of its processes that were orphaned outside of it."""
        run = self._runs.get(instance_id)
        if run is None:
            return
        log.debug("%s %s: TERM, %s", run.instance.task.name, instance_id, reason.name)
        if run.canceled_at is None:
            run.canceled_at = self._loop.time()
        orphans = [process for process in self._belongings(run).processes if process.parent == os.getpid()]
        _terminate(run, orphans)

    def kill(self, instance_id: str) -> None:
        """Sends KILL to all that the run started, and again until nothing is left, for at most `KILL_SECONDS`."""
        run = self._runs.get(instance_id)
        if run is not None and not run.killing:
            self._start_killing(run, self._belongings(run))
            self._look_soon(run)

    def run_of(self, pid: int) -> str | None:
        """The id of the run that a process belongs to, by the mark that it carries; None where it is of none."""
        limit = limit_of(pid) if self._runs and pid > 0 else None
        if limit is None:
            return None
        return next((instance_id for instance_id in self._runs if Mark.of(instance_id).limit == limit), None)

    async def close(self) -> None:
        """Kills every run and waits until each has been reported, at most `KILL_SECONDS`."""
        while self._runs:
            for instance_id in list(self._runs):
                self.kill(instance_id)
            self._finished.clear()
            await self._finished.wait()
        if self._enclosures is not None:
            self._enclosures.close()

    def reap_orphans(self) -> None:
        """Reaps the processes that we adopted and that have ended. To be called when SIGCHLD comes."""
        reap_orphans(self._main_processes())

    def _main_processes(self) -> set[int]:
        return {run.main for run in self._runs.values()}

    def _belongings(self, run: _Run) -> Belongings:
        found = belongings(run.main, run.mark, self._main_processes())
        if run.group is not None:
            _add_enclosed(found, run.main, run.group)
        return found

    def _enclose(self, run: _Run, enclosures: Enclosures) -> None:
        mains = frozenset(self._main_processes())
        run.enclosing = self._loop.create_task(enclosures.enclose(run.instance.instance_id, run.main, run.mark, mains))
        run.enclosing.add_done_callback(lambda task: self._enclosed(run, task.result()))

    def _enclosed(self, run: _Run, group: ControlGroup | None) -> None:
        run.group = group
        run.enclosing = None
        if run.main_ended or run.killing:
            self._look_soon(run)

    def _group_changed(self, instance_id: str) -> None:
        run = self._runs.get(instance_id)
        if run is not None and run.main_ended:
            self._look_soon(run)

    def _printed(self, run: _Run) -> None:
        if not run.child.output.read():
            self._loop.remove_reader(run.child.output)

    def _main_ended(self, run: _Run) -> None:
        self._loop.remove_reader(run.child.pidfd)
        run.main_ended = True
        if not run.killing:
            grace_began = self._loop.time() if run.canceled_at is None else run.canceled_at
            run.deadline = grace_began + run.instance.task.cancel_grace / MICROSECONDS["s"]
        self._look(run)

    def _look(self, run: _Run) -> None:
        """Looks what is there of the run: nothing, then it is over; else waits for it, kills it, or gives it up."""
        if run.enclosing is not None:  # until then the main process' pid must not be anybody else's
            return
        found = self._belongings(run)
        late = self._loop.time() >= run.deadline
        run.unsure_looks += found.unsure
        unsure = found.unsure and run.unsure_looks < MOST_UNSURE_LOOKS
        if run.main_ended and not found.processes and not unsure:
            self._finish(run)
        elif late and run.killing and not unsure:
            self._give_up(run, found)
        else:
            if run.killing:
                _kill(run, found.processes)
            elif late and found.processes:
                self._start_killing(run, found)
            self._watch(run, found)

    def _start_killing(self, run: _Run, found: Belongings) -> None:
        run.killing = True
        run.deadline = self._loop.time() + KILL_SECONDS
        if run.main_ended:
            run.left_behind = found.processes
        _kill(run, found.processes)

    def _watch(self, run: _Run, found: Belongings) -> None:
        look_again = found.unsure
        for process in found.processes:
            if process.pid in run.watched or len(run.watched) == MOST_WATCHED:
                continue
            try:
                pidfd = os.pidfd_open(process.pid)
            except OSError:  # it ended just now, or we have no descriptor left
                look_again = True
                continue
            run.watched[process.pid] = pidfd
            self._loop.add_reader(pidfd, self._left_over_ended, run, process.pid)
        at = self._loop.time() + LOOK_AGAIN_SECONDS if look_again else run.deadline
        self._next_look(run, self._loop.call_at(at, self._look, run))

    def _left_over_ended(self, run: _Run, pid: int) -> None:
        self._unwatch(run, pid)
        self._look_soon(run)

    def _unwatch(self, run: _Run, pid: int) -> None:
        pidfd = run.watched.pop(pid)
        self._loop.remove_reader(pidfd)
        os.close(pidfd)
        reap(pid)

    def _look_soon(self, run: _Run) -> None:
        self._next_look(run, self._loop.call_soon(self._look, run))

    def _next_look(self, run: _Run, handle: asyncio.Handle | None) -> None:
        if run.next_look is not None:
            run.next_look.cancel()
        run.next_look = handle

    def _give_up(self, run: _Run, found: Belongings) -> None:
        main = None if run.main_ended else process_of(run.main)
        unkillable = [process for process in (main, *found.processes) if process is not None and not process.ended]
        if unkillable:  # else the main process ended just now, and `_main_ended` is about to be called
            self._finish(run, [unkillable_line(unkillable, _reason_to_stay(unkillable))])

    def _finish(self, run: _Run, faults: Sequence[str] = ()) -> None:
        output, process = run.child.output, run.child.process
        status = process.wait() if run.main_ended else None
        if status is None:
            # Whenever it ends, reap_orphans does what is left to do: Popen is to forget it.
            process.returncode = -signal.SIGKILL
        if run.left_behind:
            faults = [left_line(run.left_behind), *faults]
        self._next_look(run, None)
        for pid in list(run.watched):
            self._unwatch(run, pid)
        if run.enclose_later is not None:
            run.enclose_later.cancel()
        self._loop.remove_reader(run.child.pidfd)
        os.close(run.child.pidfd)
        self._loop.remove_reader(output)
        output.read_the_rest()
        output.close()
        del self._runs[run.instance.instance_id]
        self._finished.set()
        ended = ending(run.instance.instance_id, status, faults, killed=run.killing)
        suspended, throttled = self._leave_group(run)
        self._ended(replace(ended, output=output.text(), suspended=suspended, throttled=throttled))

    def _leave_group(self, run: _Run) -> tuple[int | None, int | None]:
        """Removes the run's control group, if it has one; how often it was frozen, and its CPU time cut."""
        if run.group is None or self._enclosures is None:
            return None, None
        counts = run.group.suspended, run.group.throttled()
        self._enclosures.release(run.group)
        return counts


def _add_enclosed(found: Belongings, main: int, group: ControlGroup) -> None:
    """Adds what is in the run's control group. Where we see nothing there but the kernel does, we are unsure."""
    known = {main, *(process.pid for process in found.processes)}
    for pid in group.processes():
        process = None if pid in known else process_of(pid)
        if process is not None and not process.ended:
            found.processes.append(process)
    if not found.processes and group.changed():
        found.unsure = True


def _terminate(run: _Run, processes: Sequence[Process]) -> None:
    """TERM to the run's process group, and to its main process and `processes` where they have left the group."""
    with suppress(PermissionError):
        send_to_group(run.main, signal.SIGTERM)
    for process in (process_of(run.main), *processes):
        if process is not None and process.group != run.main:
            with suppress(PermissionError):
                send(process, signal.SIGTERM)


def _kill(run: _Run, processes: Sequence[Process]) -> None:
    """KILL to the run's process group, its main process and `processes`, whichever group they are in by now."""
    if run.group is not None:
        run.group.kill()
    with suppress(PermissionError):  # what we may not end is named when we give up
        send_to_group(run.main, signal.SIGKILL)
    for process in (process_of(run.main), *processes):
        if process is not None:
            with suppress(PermissionError):
                send(process, signal.SIGKILL)


def _reason_to_stay(processes: Sequence[Process]) -> str:
    for process in processes:
        try:
            send(process, signal.SIGKILL)
        except PermissionError as error:
            return str(error.strerror)
    return "still there after SIGKILL"

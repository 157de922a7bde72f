"""Starts processes, and ends with each all that it started: such a family is over when none of it is left.

Whoever starts one says what it is given; nothing here knows tasks, runs or limits of time. What outlives the main
process may end by itself within the grace (as in `cmd | tee`); then it is killed, and that is a fault.

Where control groups can be made, a family that is there for a while gets one: it is then killed as a whole, and what
has shed every mark is found too. Group, descendants and marks count as well: it is not in its group from the beginning.
"""

import asyncio
import math
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bridge.hosts.accounts import Account
from bridge.hosts.cgroups import ControlGroup
from bridge.hosts.enclosing import Enclosures
from bridge.hosts.endings import left_line, unkillable_line
from bridge.hosts.invocation import Invocation
from bridge.hosts.marks import Mark, limit_of
from bridge.hosts.output import Output
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


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How often the kernel froze a family and cut its CPU time since it began, None where it does not say."""

    suspended: int | None = None
    throttled: int | None = None


NOT_COUNTED = Counts()


class Over(msgspec.Struct, frozen=True, kw_only=True):
    """A family is over. `status` is the main process', as `subprocess` has it; None where it could not be ended.

    `faults` are what else went wrong, a line each. `killed`: it was, and did not end by itself. `output` is the end of
    what it printed and nobody has taken.
    """

    status: int | None
    faults: Sequence[str]
    killed: bool
    output: str
    counts: Counts


@dataclass(slots=True, kw_only=True)
class _Family:
    """A main process, and what is known of its end.

    `deadline`, on the loop's clock, ends our patience, then our killing; `grace` is in seconds.
    """

    name: str
    grace: float
    over: Callable[[Over], None]
    child: Child
    mark: Mark
    main_ended: bool = False
    terminated_at: float | None = None
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
        """The pid of the main process and of its group: kept as a zombie until the family is over, so nobody else's."""
        return self.child.process.pid


class Families:
    """Makes this process a subreaper; whoever has the loop calls `reap_orphans` when SIGCHLD comes.

    `cgroup` is the folder in which families get control groups (`folder_for_runs`), None where they get none.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, cgroup: Path | None = None) -> None:
        become_subreaper()
        self._loop = loop
        self._families: dict[str, _Family] = {}
        self._finished = asyncio.Event()
        self._enclosures = None if cgroup is None else Enclosures(loop, cgroup, self._group_changed)

    def start(
        self, name: str, invocation: Invocation, account: Account, grace: float, over: Callable[[Over], None]
    ) -> int:
        """Starts the main process; its pid. All of the family carry the mark of `name`, which is an instance id.

        `over` is called by the loop, never from inside a method. Raises `HandlerError` that says what hinders it.
        """
        mark = Mark.of(name)
        family = _Family(name=name, grace=grace, over=over, child=spawn(invocation, account, mark), mark=mark)
        self._families[name] = family
        self._loop.add_reader(family.child.pidfd, self._main_ended, family)
        self._loop.add_reader(family.child.output, self._printed, family)
        if self._enclosures is not None:
            family.enclose_later = self._loop.call_later(ENCLOSE_AFTER_SECONDS, self._enclose, family, self._enclosures)
        return family.main

    def terminate(self, name: str) -> None:
        """Sends TERM to the family's process group, and to those of its processes that were orphaned outside of it."""
        family = self._families.get(name)
        if family is None:
            return
        if family.terminated_at is None:
            family.terminated_at = self._loop.time()
        orphans = [process for process in self._belongings(family).processes if process.parent == os.getpid()]
        _terminate(family, orphans)

    def kill(self, name: str) -> None:
        """Sends KILL to the whole family, and again until nothing is left, for at most `KILL_SECONDS`."""
        family = self._families.get(name)
        if family is not None and not family.killing:
            self._start_killing(family, self._belongings(family))
            self._look_soon(family)

    def beside_main(self, name: str) -> Belongings:
        """What there is now of a family that is not over, but for its main process."""
        return self._belongings(self._families[name])

    def has_main(self, name: str) -> bool:
        """Whether the main process of a family that is not over is there; what outlives it is told as a fault."""
        return not self._families[name].main_ended

    def output(self, name: str) -> Output:
        """What a family prints that is not over."""
        return self._families[name].child.output

    def counts(self, name: str) -> Counts:
        """What the kernel did to a family that is not over."""
        return _counts(self._families[name])

    def family_of(self, pid: int) -> str | None:
        """The family that a process belongs to, by the mark that it carries; None where it is of none."""
        limit = limit_of(pid) if self._families and pid > 0 else None
        if limit is None:
            return None
        return next((family.name for family in self._families.values() if family.mark.limit == limit), None)

    async def close(self) -> None:
        """Kills every family and waits until each has been reported, at most `KILL_SECONDS`."""
        while self._families:
            for name in list(self._families):
                self.kill(name)
            self._finished.clear()
            await self._finished.wait()
        if self._enclosures is not None:
            self._enclosures.close()

    def reap_orphans(self) -> None:
        """Reaps the processes that we adopted and that have ended. To be called when SIGCHLD comes."""
        reap_orphans(self._main_processes())

    def _main_processes(self) -> set[int]:
        return {family.main for family in self._families.values()}

    def _belongings(self, family: _Family) -> Belongings:
        found = belongings(family.main, family.mark, self._main_processes())
        if family.group is not None:
            _add_enclosed(found, family.main, family.group)
        return found

    def _enclose(self, family: _Family, enclosures: Enclosures) -> None:
        mains = frozenset(self._main_processes())
        family.enclosing = self._loop.create_task(enclosures.enclose(family.name, family.main, family.mark, mains))
        family.enclosing.add_done_callback(lambda task: self._enclosed(family, task.result()))

    def _enclosed(self, family: _Family, group: ControlGroup | None) -> None:
        family.group = group
        family.enclosing = None
        if family.main_ended or family.killing:
            self._look_soon(family)

    def _group_changed(self, name: str) -> None:
        family = self._families.get(name)
        if family is not None and family.main_ended:
            self._look_soon(family)

    def _printed(self, family: _Family) -> None:
        if not family.child.output.read():
            self._loop.remove_reader(family.child.output)

    def _main_ended(self, family: _Family) -> None:
        self._loop.remove_reader(family.child.pidfd)
        family.main_ended = True
        if not family.killing:
            grace_began = self._loop.time() if family.terminated_at is None else family.terminated_at
            family.deadline = grace_began + family.grace
        self._look(family)

    def _look(self, family: _Family) -> None:
        """Looks what is there of the family: nothing, then it is over; else waits for it, kills it, or gives it up."""
        if family.enclosing is not None:  # until then the main process' pid must not be anybody else's
            return
        found = self._belongings(family)
        late = self._loop.time() >= family.deadline
        family.unsure_looks += found.unsure
        unsure = found.unsure and family.unsure_looks < MOST_UNSURE_LOOKS
        if family.main_ended and not found.processes and not unsure:
            self._finish(family)
        elif late and family.killing and not unsure:
            self._give_up(family, found)
        else:
            if family.killing:
                _kill(family, found.processes)
            elif late and found.processes:
                self._start_killing(family, found)
            self._watch(family, found)

    def _start_killing(self, family: _Family, found: Belongings) -> None:
        family.killing = True
        family.deadline = self._loop.time() + KILL_SECONDS
        if family.main_ended:
            family.left_behind = found.processes
        _kill(family, found.processes)

    def _watch(self, family: _Family, found: Belongings) -> None:
        look_again = found.unsure
        for process in found.processes:
            if process.pid in family.watched or len(family.watched) == MOST_WATCHED:
                continue
            try:
                pidfd = os.pidfd_open(process.pid)
            except OSError:  # it ended just now, or we have no descriptor left
                look_again = True
                continue
            family.watched[process.pid] = pidfd
            self._loop.add_reader(pidfd, self._left_over_ended, family, process.pid)
        at = self._loop.time() + LOOK_AGAIN_SECONDS if look_again else family.deadline
        self._next_look(family, self._loop.call_at(at, self._look, family))

    def _left_over_ended(self, family: _Family, pid: int) -> None:
        self._unwatch(family, pid)
        self._look_soon(family)

    def _unwatch(self, family: _Family, pid: int) -> None:
        pidfd = family.watched.pop(pid)
        self._loop.remove_reader(pidfd)
        os.close(pidfd)
        reap(pid)

    def _look_soon(self, family: _Family) -> None:
        self._next_look(family, self._loop.call_soon(self._look, family))

    def _next_look(self, family: _Family, handle: asyncio.Handle | None) -> None:
        if family.next_look is not None:
            family.next_look.cancel()
        family.next_look = handle

    def _give_up(self, family: _Family, found: Belongings) -> None:
        main = None if family.main_ended else process_of(family.main)
        unkillable = [process for process in (main, *found.processes) if process is not None and not process.ended]
        if unkillable:  # else the main process ended just now, and `_main_ended` is about to be called
            self._finish(family, [unkillable_line(unkillable, _reason_to_stay(unkillable))])

    def _finish(self, family: _Family, faults: Sequence[str] = ()) -> None:
        output, process = family.child.output, family.child.process
        status = process.wait() if family.main_ended else None
        if status is None:
            # Whenever it ends, reap_orphans does what is left to do: Popen is to forget it.
            process.returncode = -signal.SIGKILL
        if family.left_behind:
            faults = [left_line(family.left_behind), *faults]
        self._next_look(family, None)
        for pid in list(family.watched):
            self._unwatch(family, pid)
        if family.enclose_later is not None:
            family.enclose_later.cancel()
        self._loop.remove_reader(family.child.pidfd)
        os.close(family.child.pidfd)
        self._loop.remove_reader(output)
        output.read_the_rest()
        output.close()
        del self._families[family.name]
        self._finished.set()
        counts = _counts(family)
        if family.group is not None and self._enclosures is not None:
            self._enclosures.release(family.group)
        family.over(
            Over(status=status, faults=tuple(faults), killed=family.killing, output=output.text(), counts=counts)
        )


def _counts(family: _Family) -> Counts:
    if family.group is None:
        return NOT_COUNTED
    return Counts(suspended=family.group.suspended, throttled=family.group.throttled())


def _add_enclosed(found: Belongings, main: int, group: ControlGroup) -> None:
    """Adds what is in the family's control group. Where we see nothing there but the kernel does, we are unsure."""
    known = {main, *(process.pid for process in found.processes)}
    enclosed = group.processes()
    for pid in enclosed:
        process = None if pid in known else process_of(pid)
        if process is not None and not process.ended:
            found.processes.append(process)
    if not found.processes and main not in enclosed and group.changed():
        found.unsure = True


def _terminate(family: _Family, processes: Sequence[Process]) -> None:
    """TERM to the family's process group, and to its main process and `processes` where they have left the group."""
    with suppress(PermissionError):
        send_to_group(family.main, signal.SIGTERM)
    for process in (process_of(family.main), *processes):
        if process is not None and process.group != family.main:
            with suppress(PermissionError):
                send(process, signal.SIGTERM)


def _kill(family: _Family, processes: Sequence[Process]) -> None:
    """KILL to the family's process group, its main process and `processes`, whichever group they are in by now."""
    if family.group is not None:
        family.group.kill()
    with suppress(PermissionError):  # what we may not end is named when we give up
        send_to_group(family.main, signal.SIGKILL)
    for process in (process_of(family.main), *processes):
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

"""Ends what the runs of former daemons have left, before anything of theirs is run again. It asks nobody to end.

Left is what carries a mark of those runs or is in one of their control groups, the process groups that this leads, and
all that it started. We ourselves and our ancestors are spared, as a handler may have started us: nobody else is.
"""

import os
import select
import signal
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bridge.hosts.cgroups import NAME, kill, membership, processes_in, remove
from bridge.hosts.marks import Starts, limit_of
from bridge.hosts.processes import Process, environment_of, process_of, send
from bridge.model.text import printable

ROUND_MILLISECONDS = 100
"""How long killed processes have to go until we look what is there by now."""
UNSURE_MILLISECONDS = 5
"""When to look again at processes that are just executing a program, and cannot be told from others."""
MOST_WATCHED = 64


class Stayed(msgspec.Struct, frozen=True, kw_only=True):
    """A process that could not be ended, and why."""

    process: Process
    why: str

    def __str__(self) -> str:
        return f"{printable(self.process.name)} (pid {self.process.pid}): {self.why}"


@dataclass(slots=True, kw_only=True)
class _Round:
    """What one look into /proc has found. `unsure`: a process was just executing a program."""

    left: Sequence[Process]
    unsure: bool


def kill_leftovers(starts: Collection[str], cgroup: Path | None = None, seconds: float = 5.0) -> tuple[Stayed, ...]:
    """Kills all that is left of runs with the instance ids `START-NUMBER`, for each of `starts`; what stayed.

    Blocks until nothing is left, at most `seconds`; not at all where `starts` is empty. `cgroup` is the folder where
    runs get their control groups: those of these runs are removed from it. Processes that we may not look into (as a
    user, those of others) are not found.
    """
    if not starts:
        return ()
    marks = Starts(frozenset(starts))
    spared = _ourselves_and_ancestors()
    deadline = time.monotonic() + seconds
    calm_before = True
    while True:
        folders = _folders(cgroup, marks)
        for folder in folders:
            if spared.isdisjoint(processes_in(folder)):
                kill(folder)
        found = _look(marks, spared)
        stayed = _kill(found)
        calm = len(stayed) == len(found.left) and not found.unsure
        # Where processes just forked, one look is not enough: it goes from pid to pid, and may miss who does so too.
        if (calm and calm_before) or time.monotonic() >= deadline:
            for folder in folders:
                remove(folder)
            refused = {one.process.pid for one in stayed}
            others = [process for process in found.left if process.pid not in refused and _is_there(process)]
            return (*stayed, *(Stayed(process=process, why="still there after SIGKILL") for process in others))
        calm_before = calm


def _is_there(process: Process) -> bool:
    now = process_of(process.pid)
    return now is not None and now.started_at == process.started_at and not now.ended


def _ourselves_and_ancestors() -> frozenset[int]:
    spared = {1}
    pid = os.getpid()
    while pid not in spared and (process := process_of(pid)) is not None:
        spared.add(pid)
        pid = process.parent
    return frozenset(spared)


def _folders(cgroup: Path | None, marks: Starts) -> list[Path]:
    if cgroup is None:
        return []
    return [folder for folder in cgroup.glob(f"{NAME}*") if folder.name.removeprefix(NAME) in marks]


def _look(marks: Starts, spared: frozenset[int]) -> _Round:
    """Reads /proc once."""
    living, unsure = {}, False
    marked: set[int] = set()
    for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))):
        process = process_of(pid)
        if process is None or process.ended or process.group == 0:  # the kernel's own threads have no group
            continue
        living[pid] = process
        carries = pid not in spared and _carries(pid, marks)
        unsure |= carries is None
        if carries:
            marked.add(pid)
    return _Round(left=[living[pid] for pid in _with_theirs(marked, living, spared)], unsure=unsure)


def _carries(pid: int, marks: Starts) -> bool | None:
    """Whether it is of one of these runs; None while it is just executing a program, and has no environment."""
    limit = limit_of(pid)
    if limit is not None and limit in marks:
        return True
    if any(part.startswith(NAME) and part.removeprefix(NAME) in marks for part in membership(pid).split("/")):
        return True
    entries = environment_of(pid)
    return None if entries is None else any(entry in marks for entry in entries)


def _with_theirs(marked: Iterable[int], living: Mapping[int, Process], spared: frozenset[int]) -> set[int]:
    """These processes, the members of groups that they lead or led, and all that these have started."""
    groups = {living[pid].group for pid in marked}
    theirs = {group for group in groups if group in marked or group not in living}
    children: dict[int, list[int]] = {}
    for process in living.values():
        children.setdefault(process.parent, []).append(process.pid)
    to_visit = [*marked, *(pid for pid, process in living.items() if process.group in theirs)]
    found: set[int] = set()
    while to_visit:
        pid = to_visit.pop()
        if pid not in found and pid not in spared:
            found.add(pid)
            to_visit += children.get(pid, ())
    return found


def _kill(found: _Round) -> list[Stayed]:
    """Sends KILL to what was found, and waits a little for its end; what we may not kill."""
    refused = []
    with ExitStack() as descriptors:
        poll, watched = select.poll(), 0
        for process in found.left:
            try:
                send(process, signal.SIGKILL)
            except PermissionError as error:
                refused.append(Stayed(process=process, why=str(error.strerror)))
                continue
            if watched < MOST_WATCHED and _watch(process.pid, poll, descriptors):
                watched += 1
        if watched:
            _wait_for_ends(poll, watched)
        elif found.unsure:
            poll.poll(UNSURE_MILLISECONDS)
    return refused


def _watch(pid: int, poll: select.poll, descriptors: ExitStack) -> bool:
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:  # it is gone, or we have no descriptor left
        return False
    descriptors.callback(os.close, pidfd)
    poll.register(pidfd, select.POLLIN)
    return True


def _wait_for_ends(poll: select.poll, watched: int) -> None:
    until = time.monotonic() + ROUND_MILLISECONDS / 1000
    while watched and (left := until - time.monotonic()) > 0:
        for pidfd, _ in poll.poll(left * 1000):
            poll.unregister(pidfd)
            watched -= 1

"""Finds and ends the processes that a run started, wherever they went. Nothing here decides that they must end.

A process belongs to a run if it is in the process group of the run's main process, if it carries the run's mark, or if
its parent belongs. We are a subreaper (prctl(2)), so whatever a run leaves behind is a descendant of ours. What changes
its group *and* sheds both marks *and* loses its parent cannot be found this way; only a cgroup holds that.
"""

import ctypes
import os
import signal
from collections.abc import Container, Sequence
from dataclasses import dataclass, field

import msgspec

from bridge.errors import DeviceError
from bridge.hosts.marks import Mark, limit_of

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_CHILDREN = "children"  # proc(5), /proc/PID/task/TID/children


def become_subreaper() -> None:
    """Makes orphans among our descendants our children, instead of init's: prctl(2), PR_SET_CHILD_SUBREAPER.

    Raises `DeviceError` if the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise DeviceError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) was refused")


def reap_orphans(spawned: Container[int]) -> None:
    """Reaps every ended child of ours but the `spawned` ones, whose status somebody else waits for.

    To be called when SIGCHLD comes: nobody else waits for processes that we have adopted.
    """
    for pid in children(os.getpid()):
        if pid not in spawned:
            reap(pid)


def bear_bursts_of_signals() -> None:
    """Keeps Python from complaining when more signals come than asyncio's wakeup descriptor holds: it wakes us anyway.

    A few hundred processes that end at once do that. To be called after the last `add_signal_handler`, which undoes it.
    """
    descriptor = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(descriptor, warn_on_full_buffer=False)


def reap(pid: int) -> None:
    """Reaps the process if it has ended and is a child of ours."""
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG)
    except ChildProcessError:
        return


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """A process as /proc/PID/stat shows it (proc(5)); `started_at` in the kernel's ticks tells pids apart in time."""

    pid: int
    name: str
    state: str
    parent: int
    group: int
    threads: int
    started_at: int
    environment_end: int

    @property
    def ended(self) -> bool:
        """Whether it has ended, and only waits to be reaped; one whose first thread ended before others has not."""
        return self.state in "ZX" and self.threads <= 1


@dataclass(slots=True, kw_only=True)
class Belongings:
    """The living processes of a run but for its main process.

    `unsure` tells that a process cannot be told from others now, as it is just executing a program: look again soon.
    """

    processes: list[Process] = field(default_factory=list)
    unsure: bool = False


def belongings(main: int, mark: Mark, spawned: Container[int]) -> Belongings:
    """What the run with the main process `main` and this mark has started and not ended.

    `spawned` are the main processes of all runs, which are looked into for their own run only. Where nothing is left
    behind, this reads one small file for each of our threads, and not all of /proc.
    """
    found = Belongings()
    visited = {main}
    while True:
        ours = [(pid, False) for pid in children(os.getpid()) if pid not in spawned]
        before = len(visited)
        ended = _visit([*ours, *((pid, True) for pid in children(main))], main, mark, visited, found)
        if not ended or len(visited) == before:
            return found
        # What a process that ended had started became ours after we listed our children: list them again.


def _visit(to_visit: list[tuple[int, bool]], main: int, mark: Mark, visited: set[int], found: Belongings) -> bool:
    """Looks at these processes and their descendants; whether one of them had ended.

    A process comes with whether its parent belongs to the run.
    """
    one_ended = False
    while to_visit:
        pid, parent_belongs = to_visit.pop()
        if pid in visited:
            continue
        visited.add(pid)
        process = process_of(pid)
        if process is None or process.ended:
            one_ended = True
            continue
        belongs = parent_belongs or process.group == main or _carries(pid, mark)
        if belongs is None:
            found.unsure = True
        elif belongs:
            found.processes.append(process)
        to_visit += [(child, bool(belongs)) for child in children(pid)]
    return one_ended


def children(pid: int) -> list[int]:
    """The pids of the children of `pid`; none where the process is gone."""
    found, listed = [], False
    for thread in _threads(pid):
        try:
            with open(f"/proc/{pid}/task/{thread}/{_CHILDREN}", encoding="ascii") as file:
                found += [int(child) for child in file.read().split()]
            listed = True
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found if listed else _children_without_their_files(pid)


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")
    except (FileNotFoundError, ProcessLookupError):
        return []


def _children_without_their_files(pid: int) -> list[int]:
    """The same from all of /proc: for kernels without CONFIG_PROC_CHILDREN."""
    import psutil  # late: 9 ms, and Debian's kernels never need it

    try:
        return [child.pid for child in psutil.Process(pid).children()]
    except psutil.NoSuchProcess:
        return []


def process_of(pid: int) -> Process | None:
    """The process as it is now, or None where it is gone, or hidden from us (proc(5), hidepid)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            stat = file.read()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    # proc(5): "pid (comm) state ppid pgrp ..."; the name itself may hold anything, parentheses and newlines too.
    before, _, after = stat.rpartition(b") ")
    fields = after.split()
    return Process(
        pid=pid,
        name=before.partition(b" (")[2].decode(errors="backslashreplace"),
        state=fields[0].decode(),
        parent=int(fields[1]),
        group=int(fields[2]),
        threads=int(fields[17]),
        started_at=int(fields[19]),
        environment_end=int(fields[48]),
    )


def _carries(pid: int, mark: Mark) -> bool | None:
    """Whether a process carries the mark; None while it is just executing a program, and has no environment."""
    if limit_of(pid) == mark.limit:
        return True
    entries = environment_of(pid)
    return None if entries is None else mark.entry in entries


def environment_of(pid: int) -> Sequence[bytes] | None:
    """The entries of its environment, none where we may not look; None while it is just executing a program."""
    for _ in range(2):
        try:
            environment = _environment(pid)
        except PermissionError:  # it has taken another user's rights
            return ()
        if environment:
            return environment.split(b"\0")
        # Empty, or not there yet: between the new memory and the new environment of execve(2), its end is 0.
        process = process_of(pid)
        if process is None or process.ended:
            return ()
        if process.environment_end == 0:
            return None
    return ()


def _environment(pid: int) -> bytes:
    """The environment as the process got it. A thread that has ended shows none, and others may go on.

    Raises `PermissionError` if no thread shows it and one may not be looked at.
    """
    refused: PermissionError | None = None
    for thread in _threads(pid):
        try:
            with open(f"/proc/{pid}/task/{thread}/environ", "rb") as file:
                environment = file.read()
        except (FileNotFoundError, ProcessLookupError):
            continue
        except PermissionError as error:  # where we are not root, that of an ended thread too
            refused = error
            continue
        if environment:
            return environment
    if refused is not None:
        raise refused
    return b""


def send(process: Process, number: signal.Signals) -> None:
    """Sends the signal to this very process: never to one that got its pid later.

    Raises `PermissionError` where we may not. A process that is gone is fine.
    """
    try:
        pidfd = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        now = process_of(process.pid)
        if now is not None and now.started_at == process.started_at:
            signal.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        return
    finally:
        os.close(pidfd)


def send_to_group(group: int, number: signal.Signals) -> None:
    """Sends the signal to every process of the group.

    Raises `PermissionError` where we may signal none of them. A group that is gone is fine.
    """
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return

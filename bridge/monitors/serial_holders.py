"""Who else has a serial port open, as /proc and lock files tell. Nothing here opens a port, or ends who holds it.

What is open in a process of another user, or of one with more rights than ours, is seen with CAP_SYS_PTRACE only
(proc_pid_fd(5)). Locks are seen by everybody: those of flock(2), and the files of UUCP, which minicom and pppd make.
"""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass

_PROCESSES = "/proc"
_LOCK_FILES = "/run/lock"
_FLOCK = re.compile(
    r"^\d+: FLOCK .* (?P<pid>\d+) (?P<major>[0-9a-f]+):(?P<minor>[0-9a-f]+):(?P<inode>\d+) ", re.MULTILINE
)
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Holders:
    """The processes that have a device open; `is_all` is False where there are some that we may not look at."""

    processes: tuple[str, ...]
    is_all: bool

    def __str__(self) -> str:
        if self.processes:
            others = len(self.processes) - _MOST_NAMED
            more = f" and {others} more" if others > 0 else ""
            return f"open in {', '.join(self.processes[:_MOST_NAMED])}{more}"
        if not self.is_all:
            return "open in a program that may not be seen: only root with CAP_SYS_PTRACE sees all of them"
        return "though no process here has it open"


def holders_of(node: str, *, own: bool = False) -> Holders:
    """The processes that have the device at `node` open, or have locked it; with `own`, us too.

    One that goes meanwhile is left out. It takes as long as looking at every open file of the machine. Raises OSError
    where there is no such node.
    """
    found = os.stat(node)
    pids = {*_locked_by(found), *_claimed_by(node)}
    is_all = True
    for pid in map(int, filter(str.isdecimal, os.listdir(_PROCESSES))):
        try:
            if _has_open(pid, found.st_rdev):
                pids.add(pid)
        except PermissionError:
            is_all = False
        except OSError:  # it has ended
            continue
    named = ((pid, _name_of(pid)) for pid in sorted(pids) if own or pid != os.getpid())
    return Holders(tuple(f"{name} (pid {pid})" for pid, name in named if name is not None), is_all)


def _has_open(pid: int, device: int) -> bool:
    folder = f"{_PROCESSES}/{pid}/fd"
    return any(_is_open(f"{folder}/{name}", device) for name in os.listdir(folder))


def _is_open(file: str, device: int) -> bool:
    try:
        if not os.readlink(file).startswith("/dev/"):  # most are not, and to follow them may wait for a network
            return False
        found = os.stat(file)
    except FileNotFoundError:  # closed meanwhile
        return False
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == device


def _locked_by(found: os.stat_result) -> Iterator[int]:
    """Who has an flock(2) on this file (proc_locks(5))."""
    try:
        with open(f"{_PROCESSES}/locks") as file:
            locks = file.read()
    except OSError:
        return
    for lock in _FLOCK.finditer(locks):
        device = os.makedev(int(lock["major"], 16), int(lock["minor"], 16))
        if (device, int(lock["inode"])) == (found.st_dev, found.st_ino):
            yield int(lock["pid"])


def _claimed_by(node: str) -> Iterator[int]:
    """Who has a lock file for this device (Filesystem Hierarchy Standard, /run/lock): its process id in decimal."""
    try:
        with open(f"{_LOCK_FILES}/LCK..{os.path.basename(node)}") as file:
            claim = file.read(100).strip()
    except (OSError, UnicodeError):
        return
    if claim.isdecimal():
        yield int(claim)


def _name_of(pid: int) -> str | None:
    """What a process is called; None of one that has ended."""
    try:
        with open(f"{_PROCESSES}/{pid}/comm", errors="backslashreplace") as name:
            return name.read().strip()
    except OSError:
        return None

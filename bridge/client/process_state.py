"""What a process has besides what Python holds, and each run in it finds as the last one left it. It changes nothing.

A worker compares it before and after a run: where a handler has closed its standard output, has set a timer or given
up rights, the run after it is to be in another process, as a program's is.

Source of the semantics: execve(2), fork(2), proc(5).
"""

import fcntl
import os
import signal
import sys

MOST_DESCRIPTORS = 256
"""More are open where a handler forgets to close its files: usually 1024 are all that a process may have."""
_STATUS = tuple(
    f"{name}:"
    for name in (
        *("Umask", "Uid", "Gid", "Groups", "NoNewPrivs", "Seccomp", "Cpus_allowed"),
        *("SigBlk", "SigIgn", "SigCgt", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"),
    )
)
_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
_OF_THE_RUN = "HWBRIDGE_INSTANCE_ID"


def process_state() -> object:
    """What the process has now: two that are equal are as good for a run.

    None where that cannot be told, which is a change too: a standard stream or descriptor may be closed.
    """
    try:
        return (
            [(stream, stream.closed) for stream in (sys.stdin, sys.stdout, sys.stderr)],
            [_descriptor(each) for each in (0, 1, 2)],
            _has_room(),
            {name: value for name, value in os.environ.items() if name != _OF_THE_RUN},
            [signal.getsignal(number) for number in range(1, signal.NSIG)],
            [signal.getitimer(timer) for timer in _TIMERS],
            [line for line in _read("/proc/self/status").splitlines() if line.startswith(_STATUS)],
            _read("/proc/self/limits"),
            (os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)),
            _file(os.stat("/")),
        )
    except Exception:  # of whatever a handler has put into the place of what is asked here
        return None


def _descriptor(descriptor: int) -> tuple[int, int, int]:
    """What is open there, and how: with O_NONBLOCK, printing much fails."""
    return *_file(os.fstat(descriptor)), fcntl.fcntl(descriptor, fcntl.F_GETFL)


def _file(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _has_room() -> bool:
    lowest = os.dup(0)
    os.close(lowest)
    return lowest < MOST_DESCRIPTORS


def _read(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read()

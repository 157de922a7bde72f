"""How the end of a program is told: one line, the outcome first. Nothing here waits for or ends a process."""

import os
import signal
from collections.abc import Sequence

from bridge.hosts.host import Ended
from bridge.hosts.processes import Process
from bridge.model.text import printable

_MOST_NAMED = 5


def ending(instance_id: str, status: int | None, faults: Sequence[str], *, killed: bool = False) -> Ended:
    """The end of a run whose main process ended with `status`, as `subprocess` has it: -9 for SIGKILL.

    `status` is None where the main process could not be ended. `faults` are what else went wrong, a line each. A run
    that was `killed` cannot ask to be run again.

    >>> ending("1", os.EX_TEMPFAIL, ()).again, ending("1", os.EX_TEMPFAIL, (), killed=True).again
    (True, False)
    """
    if status == os.EX_TEMPFAIL and not faults and not killed:
        return Ended(instance_id=instance_id, succeeded=False, again=True, detail=f"exit {status}: to be run again")
    lines = [status_line(status), *faults] if status else list(faults)
    return Ended(instance_id=instance_id, succeeded=not lines, detail="; ".join(lines) or "exit 0")


def status_line(status: int) -> str:
    """What a process ended with.

    >>> status_line(3), status_line(-11)
    ('exit 3', 'killed by SIGSEGV')
    """
    if status >= 0:
        return f"exit {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:  # the real-time signals between SIGRTMIN and SIGRTMAX have no names
        return f"killed by signal {-status}"


def left_line(processes: Sequence[Process]) -> str:
    """What to say of processes that outlived the main process, and had to be killed for it."""
    return f"left {_counted(processes)} behind: {_listed(processes)}"


def unkillable_line(processes: Sequence[Process], reason: str) -> str:
    """What to say of processes that did not go although they were killed."""
    return f"cannot kill {_counted(processes)}: {_listed(processes)}: {reason}"


def _counted(processes: Sequence[Process]) -> str:
    return f"{len(processes)} process{'es' if len(processes) > 1 else ''}"


def _listed(processes: Sequence[Process]) -> str:
    named = [f"{printable(process.name)} (pid {process.pid})" for process in processes[:_MOST_NAMED]]
    return ", ".join(named) + (", ..." if len(processes) > _MOST_NAMED else "")

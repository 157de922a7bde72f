"""Waiting for what a process does. It starts and ends none."""

import os
import select
import subprocess
import time
from collections.abc import Callable
from contextlib import closing

from daemon import DEADLINE_SECONDS, LOOK_EVERY_MILLISECONDS


class _Ended:
    """Whether a process has ended."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._descriptor = os.pidfd_open(process.pid)
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN)

    def soon(self) -> bool:
        return bool(self._poll.poll(LOOK_EVERY_MILLISECONDS))

    def close(self) -> None:
        os.close(self._descriptor)


def wait_until(condition: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    """Waits until the condition holds, while the process lives."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    with closing(_Ended(process)) as ended:
        while not condition():
            assert time.monotonic() < deadline, "not in time"
            assert not ended.soon() or condition(), "the process ended before"


def wait_for_end(pid: int) -> None:
    """Waits until the process has ended, and leaves it to be reaped."""
    descriptor = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    assert poll.poll(DEADLINE_SECONDS * 1000)
    os.close(descriptor)

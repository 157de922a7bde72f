"""A program as a process of the guest: it is started, waited for, frozen and ended. What it does, others know."""

import os
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab.inside.machine import PROJECT
from tests.lab.inside.waiting import wait_until

STOP_SECONDS = 30


class GuestProcess(ABC):
    """Runs from when it is built until its block ends, which begins when it is ready."""

    ended_by = signal.SIGTERM

    def __init__(self, command: Sequence[str | Path], log: Path, user: int = 0) -> None:
        """What it says is written to `log`, in whose directory it is at home."""
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                cwd=PROJECT,
                env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(log.parent)},
                user=user,
                group=user,
                extra_groups=[],
            )
        self.pid = self._process.pid
        self._pidfd = os.pidfd_open(self.pid)
        self.exit_status: int | None = None

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it does what it is there for."""

    def wait_until(self, condition: Callable[[], bool], *, what: str) -> None:
        """Waits for the condition while the process lives."""
        wait_until(condition, what=what, process=self._pidfd)

    def freeze(self) -> None:
        """Stops the process where it stands (SIGSTOP)."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on (SIGCONT)."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Ends the process as nothing else does (SIGKILL)."""
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """Asks it to end, and kills it where it does not."""
        self._process.send_signal(self.ended_by)
        self.thaw()  # a frozen one would not see it
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self.exit_status = self._process.returncode
        os.close(self._pidfd)

    def __enter__(self) -> Self:
        try:
            self.wait_until(self.is_ready, what=f"{type(self).__name__} is ready")
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.end()

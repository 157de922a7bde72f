"""A command that goes on while a test looks at it, such as `hwbridge monitor`. Nothing is asserted here."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from daemon import DEADLINE_SECONDS, Argument, Daemon, environment_of


@contextmanager
def started(daemon: Daemon, *arguments: Argument) -> Iterator[subprocess.Popen[str]]:
    """A command that talks to the daemon; when the block ends it is killed."""
    command = [sys.executable, "-m", "bridge", *arguments, "--socket", daemon.socket]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment_of(None)
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """The exit code, and what was printed on stdout and stderr since somebody read it."""
    out, err = process.communicate(timeout=DEADLINE_SECONDS)
    return process.returncode, out, err


def is_connected(pid: int) -> bool:
    """Whether the process has a socket."""
    with suppress(FileNotFoundError):  # a descriptor that was closed meanwhile
        return any(os.readlink(each).startswith("socket:") for each in Path(f"/proc/{pid}/fd").iterdir())
    return False

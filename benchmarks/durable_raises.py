"""Durable raises over the API of the real daemon: how many a second it answers one caller, and 64 at once.

What is raised waits for a condition that nothing tells, so that no handler takes the machine's time. On a disk that
takes 10 ms to flush, callers that wait together share one flush. Nothing of the daemon's is bypassed.
"""

import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.journal import slow_flush
from benchmarks.result import Result, in_turns

CALLERS = 64
SECONDS = 1.0
ROUNDS = 3
LEAST_RATIO = 20
LEAST_RATE = 3000
ROOT = Path(__file__).parents[1]
GUID = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
CALL = f'{{"method":"org.hwbridge.Raise","parameters":{{"trigger":"{GUID}"}}}}\0'.encode()
RULES = '[[condition]]\nname = "never"\nsource = "udev"\nmatch = { subsystem = "no such" }\n'
TASKS = f"""
[[task]]
name = "lamp"
triggers = [{{ custom = "{GUID}" }}]
conditions = ["never"]
run = {{ exec = ["/usr/bin/true"] }}
"""


def measure() -> Iterator[Result]:
    """Two rows: a slow flush, and this disk."""
    alone, together = _rates("-m", "benchmarks.durable_raises")
    yield Result(
        name=f"the daemon's durable raises of {CALLERS} callers, 10 ms a flush",
        value=together,
        unit="raises/s",
        against="one caller",
        baseline=alone,
    )
    yield Result(name="the same, to those of one caller", value=together / alone, unit="x", at_least=LEAST_RATIO)
    alone, together = _rates("-m", "bridge")
    yield Result(
        name=f"the daemon's durable raises of {CALLERS} callers, this disk",
        value=together,
        unit="raises/s",
        against="one caller",
        baseline=alone,
        at_least=LEAST_RATE,
    )


def _rates(*program: str) -> tuple[float, float]:
    with _daemon(*program) as path:
        alone, together = in_turns(lambda: _rate(path, 1), lambda: _rate(path, CALLERS), rounds=ROUNDS)
    return alone, together


@contextmanager
def _daemon(*program: str) -> Iterator[str]:
    """The socket of a daemon, whose state is on a disk, and not in memory."""
    with TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        for name, text in (("rules", RULES), ("tasks", TASKS)):
            Path(folder, name).mkdir()
            Path(folder, name, "a.toml").write_text(text)
        options = [f"--{name}={folder}/{name}" for name in ("rules", "tasks", "socket", "state")]
        command = [sys.executable, *program, "run", *options]
        log = Path(folder, "log")
        with log.open("wb") as file, subprocess.Popen(command, stderr=file, cwd=ROOT) as process:
            try:
                while "hwbridge: ready" not in log.read_text():
                    assert process.poll() is None, "the daemon does not start"
                yield f"{folder}/socket"
            finally:
                process.terminate()


def _rate(path: str, callers: int) -> float:
    """Answers a second, each caller raising as soon as it was answered."""
    answered = 0
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        for _ in range(callers):
            caller = stack.enter_context(socket.socket(socket.AF_UNIX))
            caller.connect(path)
            selector.register(caller, selectors.EVENT_READ)
            caller.sendall(CALL)
        begin = time.perf_counter()
        while (taken := time.perf_counter() - begin) < SECONDS:
            for key, _ in selector.select(SECONDS):
                caller = key.fileobj  # type: ignore[assignment]  # the sockets registered above
                answer = caller.recv(4096)
                assert b'"Raised"' in answer, answer
                answered += answer.count(b"\0")
                caller.sendall(CALL)
    return answered / taken


if __name__ == "__main__":
    from bridge.cli import main

    with slow_flush():
        sys.exit(main())

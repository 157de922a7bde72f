"""A warm Python handler: from a raise being sent over the API until the handler's `run` is entered.

The baseline is what a program costs before it does anything: /bin/true, started and ended. The worker, the daemon and
its store are the real ones; the handler tells by the same clock as we when it was entered.
"""

import os
import select
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.result import Result, in_turns

RAISES = 40
PAUSE_SECONDS = 0.02
"""Before each raise, which is not to wait for the end of a run, nor for what is then written down; before each program
too: after a pause everything takes longer."""
AT_MOST = 0.5
ROOT = Path(__file__).parents[1]
GUID = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
CALL = f'{{"method":"org.hwbridge.Raise","parameters":{{"trigger":"{GUID}"}}}}\0'.encode()
HANDLER = """\
import os, time
entered = os.open({entered!r}, os.O_WRONLY)
class Handler:
    def run(self, instance):
        os.write(entered, time.monotonic_ns().to_bytes(8, "little"))
"""
TASKS = """
[[task]]
name = "warm"
triggers = [{{ custom = "{guid}" }}]
concurrency = "queue"
run = {{ python = "handler:Handler", path = ["{folder}"] }}
"""


def measure() -> Iterator[Result]:
    """A row for each durability: in memory, where only we are measured, and on this disk."""
    for durability, goal in (("memory", AT_MOST), ("full", AT_MOST)):
        with _daemon(durability) as raised:
            warm, spawned = in_turns(raised, _spawn)
        yield Result(
            name=f"raise to a warm Python handler, durability {durability}",
            value=warm * 1e6,
            unit="us",
            against="/bin/true",
            baseline=spawned * 1e6,
            at_most=goal,
        )


@contextmanager
def _daemon(durability: str) -> Iterator["_Raises"]:
    with TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        for name in ("rules", "tasks"):
            Path(folder, name).mkdir()
        Path(folder, "tasks/a.toml").write_text(TASKS.format(guid=GUID, folder=folder))
        Path(folder, "handler.py").write_text(HANDLER.format(entered=f"{folder}/entered"))
        Path(folder, "hwbridge.toml").write_text(f'[store]\ndurability = "{durability}"\n')
        os.mkfifo(f"{folder}/entered")
        options = [f"--{name}={folder}/{name}" for name in ("rules", "tasks", "socket", "state")]
        command = [sys.executable, "-m", "bridge", "run", f"--config={folder}/hwbridge.toml", *options]
        log = Path(folder, "log")
        with log.open("wb") as file, subprocess.Popen(command, stderr=file, cwd=ROOT) as process:
            try:
                while "hwbridge: ready" not in log.read_text():
                    assert process.poll() is None, f"the daemon does not start: {log.read_text()}"
                with _Raises(f"{folder}/socket", f"{folder}/entered") as raised:
                    yield raised
            finally:
                process.terminate()


class _Raises:
    """A caller of the daemon, to be called for the median of many raises, in seconds; the first one warms up."""

    def __init__(self, path: str, entered: str) -> None:
        self._entered = os.open(entered, os.O_RDWR)
        self._caller = socket.socket(socket.AF_UNIX)
        self._caller.connect(path)
        self._raise()

    def __call__(self) -> float:
        return statistics.median(self._raise() for _ in range(RAISES))

    def _raise(self) -> float:
        select.select((), (), (), PAUSE_SECONDS)
        begin = time.monotonic_ns()
        self._caller.sendall(CALL)
        entered = int.from_bytes(os.read(self._entered, 8), "little")
        answer = self._caller.recv(4096)
        assert b'"Raised"' in answer, answer
        return (entered - begin) / 1e9

    def __enter__(self) -> "_Raises":
        return self

    def __exit__(self, *_: object) -> None:
        self._caller.close()
        os.close(self._entered)


def _spawn() -> float:
    """The median of starting and ending /bin/true, in seconds."""
    taken = []
    for _ in range(RAISES):
        select.select((), (), (), PAUSE_SECONDS)
        begin = time.perf_counter()
        subprocess.Popen(["/bin/true"], stdin=subprocess.DEVNULL).wait()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


if __name__ == "__main__":
    for row in measure():
        print(row, row.ratio)

"""What others notice of hostile clients (tests/system/hostile.py): how long their calls take, and the daemon's memory.

Attackers are another user where we are root. The machine's processors are shared by attackers, daemon and who asks.
"""

import select
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.daemon import daemon, socket_of
from benchmarks.result import Result
from bridge.client.connection import Connection

HARNESS = Path(__file__).parents[1] / "tests/system"
SECONDS = 4.0
PAUSE_SECONDS = 0.002
NOBODY = "65534"
METHOD = "org.hwbridge.Status"


def measure() -> Iterator[Result]:
    """For each attack how long a call of others takes, alone and with its connection; and the most memory of all."""
    sys.path.append(str(HARNESS))  # its files import each other as the tests beside it do
    from hostile import ATTACKS

    with daemon() as process:
        socket = socket_of(process)
        Path(socket).parent.chmod(0o755)  # others may come in
        resident = psutil.Process(process.pid).memory_info
        with _running([sys.executable, "-c", "print(flush=True)\nwhile True: pass"]):
            calls, _ = _asked(socket)
        yield Result(name="others' calls beside one who only computes, p99", value=_p99(calls), unit="ms")
        before = resident().rss
        most = before
        for name in ATTACKS:
            with _running([sys.executable, str(HARNESS / "hostile.py"), name, socket, NOBODY, NOBODY]):
                calls, connections = _asked(socket)
                most = max(most, resident().rss)
            words = name.replace("_", " ")
            yield Result(name=f"others' calls under attack ({words}), p99", value=_p99(calls), unit="ms", at_most=10)
            yield Result(name=f"  with a new connection each ({words}), p99", value=_p99(connections), unit="ms")
        yield Result(
            name="memory under these attacks, the most",
            value=most / 2**20,
            unit="MiB",
            against="MiB before them",
            baseline=before / 2**20,
        )


def _p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98] * 1000


def _asked(socket: str) -> tuple[list[float], list[float]]:
    """How long calls took, on a connection that was there before, and with a connection of their own."""
    calls, connections = [], []
    with Connection(socket, timeout_seconds=60) as connection:
        end = time.perf_counter() + SECONDS
        while (begin := time.perf_counter()) < end:
            connection.call(METHOD, {})
            calls.append(time.perf_counter() - begin)
            select.select([], [], [], PAUSE_SECONDS)
            begin = time.perf_counter()
            with Connection(socket, timeout_seconds=60) as new:
                new.call(METHOD, {})
            connections.append(time.perf_counter() - begin)
            select.select([], [], [], PAUSE_SECONDS)
    return calls, connections


@contextmanager
def _running(command: list[str]) -> Iterator[None]:
    """The program runs, from its first line on."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        program.stdout.readline()
        try:
            yield
        finally:
            program.kill()

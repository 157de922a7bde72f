"""Watchers: what 50 that are told 10 000 facts each take from the rate at which the real daemon dispatches.

Callers raise as fast as they are answered, and what they raise latches: two facts a raise. The watchers are in a
process of their own, read what they are sent, and count it; that all were told everything is asserted.
"""

import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.daemon import ROOT, daemon, socket_of
from benchmarks.result import Result, in_turns

WATCHERS = 50
FACTS = 10_000
FACTS_OF_A_RAISE = 2
CALLERS = 16
ROUNDS = 5
LEAST_RATIO = 0.8
GUID = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
RAISE = f'{{"method":"org.hwbridge.Raise","parameters":{{"trigger":"{GUID}"}}}}\0'.encode()
WATCH = b'{"method":"org.hwbridge.Watch","parameters":{},"more":true}\0'
TASKS = f"""
[[task]]
name = "lamp"
triggers = [{{ custom = "{GUID}" }}]
conditions = ["UserPresent"]
run = {{ exec = ["/usr/bin/true"] }}
"""


def measure() -> Iterator[Result]:
    """One row, and one about how far behind the watchers were."""
    with TemporaryDirectory() as tasks:
        Path(tasks, "a.toml").write_text(TASKS)
        with daemon(Path(tasks)) as process:
            path = socket_of(process)
            alone, watched = in_turns(lambda: _rate(path), lambda: _watched_rate(path), rounds=ROUNDS)
    yield Result(
        name=f"facts told to {WATCHERS} watchers, the rate of dispatch",
        value=watched,
        unit="facts/s",
        against="nobody watches",
        baseline=alone,
    )
    yield Result(name="the same, to that without watchers", value=watched / alone, unit="x", at_least=LEAST_RATIO)


def _watched_rate(path: str) -> float:
    with _watchers(path) as told:
        rate = _rate(path)
        told()
    return rate


@contextmanager
def _watchers(path: str) -> Iterator[Callable[[], None]]:
    """Watchers, in another process; what they are by now, waits until each was told everything."""
    command = [sys.executable, "-m", "benchmarks.watchers", path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        said = iter(process.stdout.readline, "")
        assert next(said) == "ready\n"

        def told() -> None:
            assert next(said) == f"{FACTS} to {FACTS}\n", "somebody was not told everything"

        yield told


def _rate(path: str) -> float:
    """Facts a second, with callers that raise as soon as they are answered."""
    asked = answered = 0
    raises = FACTS // FACTS_OF_A_RAISE
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        begin = time.perf_counter()
        for _ in range(CALLERS):
            caller = stack.enter_context(socket.socket(socket.AF_UNIX))
            caller.connect(path)
            selector.register(caller, selectors.EVENT_READ)
            caller.sendall(RAISE)
            asked += 1
        while answered < raises:
            for key, _ in selector.select():
                caller = key.fileobj  # type: ignore[assignment]  # the sockets registered above
                answer = caller.recv(4096)
                assert b'"Raised"' in answer, answer
                answered += 1
                if asked < raises:
                    caller.sendall(RAISE)
                    asked += 1
        return FACTS / (time.perf_counter() - begin)


def _watch(path: str) -> None:
    """The process that watches: says when it does, and then how many facts the least and the most were told."""
    told: dict[socket.socket, int] = {}
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        for _ in range(WATCHERS):
            watcher = stack.enter_context(socket.socket(socket.AF_UNIX))
            watcher.connect(path)
            watcher.sendall(WATCH)
            selector.register(watcher, selectors.EVENT_READ)
            told[watcher] = 0
        _sees_calls_taken(path)
        print("ready", flush=True)
        while min(told.values()) < FACTS:
            for key, _ in selector.select():
                watcher = key.fileobj  # type: ignore[assignment]  # the sockets registered above
                read = watcher.recv(1 << 18)
                assert b'"gap"' not in read
                told[watcher] += read.count(b"\0")
        print(f"{min(told.values())} to {max(told.values())}", flush=True)


def _sees_calls_taken(path: str) -> None:
    """Returns when the daemon has taken what was called before: it takes turns, and one call of each at least."""
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(path)
        for _ in range(3):
            caller.sendall(b'{"method":"org.hwbridge.Status"}\0')
            while not caller.recv(1 << 16).endswith(b"\0"):
                pass


if __name__ == "__main__":
    _watch(sys.argv[1])

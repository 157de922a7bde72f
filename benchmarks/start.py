"""From the start of the daemon's process to its `ready`, against a Python that imports the same libraries."""

import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.daemon import daemon
from benchmarks.result import Result, in_turns

LIBRARIES = "asyncio, argparse, logging, tomllib, importlib.metadata, ctypes, msgspec, pyudev, evdev"


def measure() -> Iterator[Result]:
    """One row."""
    value, baseline = in_turns(_start, _import)
    yield Result(
        name="start of the daemon to ready",
        value=value,
        unit="ms",
        against="importing the same libraries",
        baseline=baseline,
        at_most=2,
    )


def _start() -> float:
    begin = time.perf_counter()
    with daemon():
        return (time.perf_counter() - begin) * 1000


def _import() -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {LIBRARIES}"], check=True)
    return (time.perf_counter() - begin) * 1000

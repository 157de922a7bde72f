"""What the daemon costs while nothing happens: resident memory, and how often it wakes up in ten seconds."""

import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.daemon import daemon
from benchmarks.result import Result

SECONDS = 10


def measure() -> Iterator[Result]:
    """Two rows, of one daemon."""
    with daemon() as process:
        status = Path(f"/proc/{process.pid}/status")
        time.sleep(1)  # noqa: TID251  # what the start still has to do is not idling
        before = _wake_ups(process.pid)
        time.sleep(SECONDS)  # noqa: TID251  # the ten idle seconds themselves
        wake_ups = _wake_ups(process.pid) - before
        resident = next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    yield Result(name="resident memory of the idle daemon", value=resident / 1024, unit="MiB", at_most=30)
    yield Result(name=f"wake-ups in {SECONDS} idle seconds", value=wake_ups, unit="", at_most=0)


def _wake_ups(pid: int) -> int:
    """Each time that a thread went to sleep it had been awake: voluntary switches, proc(5)."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    lines = (line for thread in threads for line in (thread / "status").read_text().splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))

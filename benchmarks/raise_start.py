"""`hwbridge raise` as it is installed, from its start to its end, against the same Python with nothing to do."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.daemon import daemon, socket_of
from benchmarks.result import Missing, Result, in_turns

NAME = "hwbridge raise, from start to exit"
INSTALLED = Path(sys.executable).parent / "hwbridge"
ROUNDS = 41
AT_MOST = 1.5
TRIGGER = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
TASKS = f"""
[[task]]
name = "waits for ever"                  # what is raised is accepted and written down; no run is in the way
triggers = [{{ custom = "{TRIGGER}" }}]
conditions = ["SessionDisconnected"]
run = {{ exec = ["/bin/true"] }}
"""


def measure() -> Iterator[Result | Missing]:
    """One row."""
    if not INSTALLED.exists():
        yield Missing(NAME, f"{INSTALLED} is not there: pip install --editable .")
        return
    with TemporaryDirectory() as folder:
        tasks = Path(folder) / "tasks.toml"
        tasks.write_text(TASKS)
        yield _measured(tasks)


def _measured(tasks: Path) -> Result:
    with daemon(tasks) as process:
        raised = [str(INSTALLED), "raise", TRIGGER, "--data", "jack=desk", "--socket", socket_of(process)]
        value, baseline = in_turns(
            lambda: _milliseconds(raised), lambda: _milliseconds([sys.executable, "-c", "pass"]), rounds=ROUNDS
        )
    return Result(name=NAME, value=value, unit="ms", against="python -c pass", baseline=baseline, at_most=AT_MOST)


def _milliseconds(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - begin) * 1000

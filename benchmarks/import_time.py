"""What `import bridge` costs: an interpreter that does nothing else, against one that does nothing at all."""

import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.result import Result, in_turns


def measure() -> Iterator[Result]:
    """One row."""
    importing, empty = in_turns(lambda: _run("import bridge"), lambda: _run("pass"), rounds=21)
    yield Result(name="import bridge, beyond an empty interpreter", value=importing - empty, unit="ms", at_most=15)


def _run(program: str) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return (time.perf_counter() - begin) * 1000

"""`python -m tests.lab.inside TOOLS SCENARIO...`, in the guest: runs scenarios, prints each one's result as JSON.

TOOLS is where the lab's tools are unpacked; each result is a line.

A scenario that fails is a result like any other, and does not end the ones after it.
"""

import json
import sys
import time
import traceback
from pathlib import Path

from tests.lab.inside import machine
from tests.lab.inside.clock import LAST
from tests.lab.inside.scenarios import SCENARIOS
from tests.lab.inside.workplace import Workplace


def run(name: str, tools: Path) -> dict[str, object]:
    """Runs the scenario and tells what it saw, or how it failed, how long that took, and how the daemon ended."""
    began = time.monotonic()
    place = Workplace(name, tools)
    seen: dict[str, object] = {}
    failure = None
    try:
        seen = SCENARIOS[name](place)
    except Exception:  # a scenario is to this program what a handler is to the daemon: its failure is its own
        failure = traceback.format_exc()
    return {
        "scenario": name,
        "seen": seen,
        "failure": failure,
        "log": "".join(log.read_text(errors="replace") for log in (place.log, place.recorder_log) if log.exists()),
        "exit_status": place.exit_status,
        "seconds": round(time.monotonic() - began),
    }


def main() -> int:
    """Runs the scenarios named on the command line, in that order."""
    machine.prepare()
    tools, *names = sys.argv[1:]
    for name in names:
        sys.stdout.write(json.dumps(run(name, Path(tools))) + "\n")
        sys.stdout.flush()
        if name == LAST:
            machine.end_at_once()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.lab.inside SCENARIO...`, in the guest: runs scenarios, prints each one's result as a line of JSON.

A scenario that fails is a result like any other, and does not end the ones after it.
"""

import json
import sys
import traceback

from tests.lab.inside import machine
from tests.lab.inside.scenarios import SCENARIOS
from tests.lab.inside.workplace import Workplace


def run(name: str) -> dict[str, object]:
    """Runs the scenario and tells what it saw, or how it failed, with the log and exit status of the daemon."""
    place = Workplace(name)
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
    }


def main() -> int:
    """Runs the scenarios named on the command line, in that order."""
    machine.prepare()
    for name in sys.argv[1:]:
        sys.stdout.write(json.dumps(run(name)) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""CPU for each packet of a 1 kHz mouse that no rule asks about, against triggerhappy, both in the lab's guest."""

import json
import sys
from collections.abc import Iterator

from benchmarks.result import Missing, Result
from tests.lab.guest import GuestError, LabMissingError, find_lab, run_in_guest

NAME = "CPU per packet of a mouse that no rule asks about"
GUEST_SECONDS = 300


def measure() -> Iterator[Result | Missing]:
    """One row; the guest runs `benchmarks.mouse_in_guest`."""
    try:
        lab = find_lab()
        command = [sys.executable, "-m", "benchmarks.mouse_in_guest", str(lab.triggerhappy)]
        guest = run_in_guest(command, timeout_seconds=GUEST_SECONDS)
        costs = json.loads(guest.stdout.splitlines()[-1])
    except (LabMissingError, GuestError) as error:
        yield Missing(NAME, str(error).splitlines()[0])
        return
    except (IndexError, ValueError):
        yield Missing(NAME, f"the guest's program failed: {guest.console[-300:]!r}")
        return
    yield Result(name=NAME, value=costs["hwbridge"], unit="us", against="thd", baseline=costs["thd"], at_most=0.02)

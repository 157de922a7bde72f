"""An hour of timers: what it takes to decide upon an hour of events that put filters off, on the virtual clock.

A heartbeat once a second, watched by each kind of filter; the last of them is let run out.
"""

import time
from collections.abc import Iterator

from benchmarks.declared import rules_of
from benchmarks.result import Result, in_turns
from bridge.mapping.table import RuleTable
from bridge.model.events import Event
from bridge.sources.evdev import fields_of_code
from bridge.testing.replay import Replay

HOUR = 3_600_000_000
BETWEEN = 1_000_000
"""Microseconds from one event to the next."""
FILTERS = ('quiet_for = "5m"', 'debounce = "20ms"', 'hold_for = "50ms"', 'edge = true\nholdoff = "1s"')


def measure() -> Iterator[Result]:
    """One row for each filter."""
    of_code = fields_of_code({"device": "/dev/input/event3", "name": "heartbeat"}, 1, 30)
    events = [Event("evdev", at, {**of_code, "value": at // BETWEEN % 2}) for at in range(0, HOUR, BETWEEN)]
    for written in FILTERS:
        rules = rules_of(['{ code = "KEY_A", value = 1 }'], more=written)

        def hour(rules: RuleTable = rules) -> float:
            begin = time.perf_counter()
            for _ in Replay(rules).events(events):
                pass
            return (time.perf_counter() - begin) * 1000

        (taken,) = in_turns(hour)
        yield Result(name=f"an hour of timers, 3 600 events: {written.splitlines()[0]}", value=taken, unit="ms")

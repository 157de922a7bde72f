"""What a clock monitor tells whoever asks for some of it: waited for, or until there is nothing to wait for."""

import select
import time
from collections.abc import Sequence

from bridge.mapping.asking import interest_of
from bridge.mapping.interest import Interest
from bridge.mapping.load.rules import load_rules
from bridge.model.events import Event, Origin
from bridge.monitors.clock import TELLS, ClockMonitor
from bridge.service.clock import monotonic
from bridge.toml.document import parse

DEADLINE_SECONDS = 60
Said = tuple[Origin, str, str | int, int]
"""Origin and name of an event, and zone and offset, or the value and 0."""


def asking(*names: str) -> Interest:
    """What a rule asks for that wants events of these names."""
    rule = f"""
    [[rule]]
    name = "clock"
    source = "system"
    match = {{ name = {list(names)} }}
    raise = "{{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}}"
    """
    table, problems = load_rules([parse("rules.toml", rule.replace("'", '"').encode())])
    assert not problems
    return interest_of("system", table)


class Heard:
    """A monitor, watching from now on, and what it has told since the last question."""

    def __init__(self, monitor: ClockMonitor, *names: str) -> None:
        self.monitor = monitor
        self.start = said(monitor.watch(asking(*(names or TELLS))))
        self._poll = select.poll()
        self._poll.register(monitor.fileno(), select.POLLIN)

    def all(self) -> list[Said]:
        """What has come, and what comes of what was done up to now: the kernel has queued it by the time it is done."""
        told: list[Event] = []
        while self._poll.poll(self._milliseconds()) or self._is_due():
            told += self.monitor.read()
        return said(told)

    def wait(self) -> list[Said]:
        """The same, but something has to come before a deadline."""
        end = time.monotonic() + DEADLINE_SECONDS
        while not (told := self.all()):
            left = end - time.monotonic()
            assert left > 0, "nothing was told"
            self._poll.poll(left * 1000)
        return told

    def _milliseconds(self) -> float:
        at = self.monitor.deadline()
        return 0 if at is None else max(0, at - monotonic()) / 1000 + 1

    def _is_due(self) -> bool:
        at = self.monitor.deadline()
        return at is not None and at <= monotonic()


def said(events: Sequence[Event]) -> list[Said]:
    """What events say, in short."""
    return [_said(event) for event in events]


def _said(event: Event) -> Said:
    fields = event.fields
    if fields["name"] == "TimeZoneChange":
        return event.origin, "TimeZoneChange", fields["zone"], int(fields["offset"])
    return event.origin, str(fields["name"]), fields["value"], 0

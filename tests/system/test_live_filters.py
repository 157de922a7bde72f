"""Filters in the running daemon: they go by the times of the events, however late those are read."""

import asyncio
import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pytest
from daemon import Daemon

from bridge.hosts.inline import InlineHost
from bridge.mapping.interest import Interest
from bridge.model.events import DeviceGone, Event
from bridge.model.tasks import Instance
from bridge.monitors.monitor import MonitorReport
from bridge.pipeline.load.tasks import load_tasks
from bridge.pipeline.pipeline import Pipeline
from bridge.service.bridge import Bridge
from bridge.service.clock import monotonic
from bridge.service.declarations import Declarations
from bridge.toml.document import parse
from tests.pure.said import GUID, event_of, table_of

MARK = "{0C7E4B60-94B4-4A0E-A2B5-3E2E8B7C5D09}"
HELD = f"""
[[rule]]
name = "held"
match = {{ code = "KEY_A", value = 1 }}
hold_for = "100ms"
[[rule]]
name = "mark"
match = {{ code = "KEY_B", value = 1 }}
hold_for = "150ms"
raise = "{MARK}"
"""


class Keys:
    """A monitor whose events wait until somebody reads them; only `ring` says that there are some."""

    def __init__(self) -> None:
        self.waiting: list[Event | DeviceGone] = []
        self._descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        return self._descriptor

    def ring(self) -> None:
        os.eventfd_write(self._descriptor, 1)

    def watch(self, interest: Interest) -> Sequence[Event | DeviceGone]:
        return ()

    def read(self) -> Sequence[Event | DeviceGone]:
        told, self.waiting = self.waiting, []
        return told

    def snapshot(self) -> Sequence[Event]:
        return ()

    def report(self) -> MonitorReport:
        return MonitorReport()

    def close(self) -> None:
        os.close(self._descriptor)


def raised_before_the_mark(late: list[Event | DeviceGone], begin: int) -> list[str]:
    """Which triggers are raised until that of the rule `mark` is, if `late` lies unread in a monitor that is silent."""
    tasks = "".join(
        f'[[task]]\nname = "{name}"\ntriggers = [{{ custom = "{guid}" }}]\nrun = {{ exec = ["true"] }}\n'
        for name, guid in (("held", GUID), ("mark", MARK))
    )

    async def run() -> list[str]:
        loop, marked = asyncio.get_running_loop(), asyncio.Event()
        started: list[str] = []

        def start(instance: Instance) -> None:
            started.append(instance.task.name)
            if instance.task.name == "mark":
                marked.set()

        numbers = count(1)
        bridge = Bridge(loop, monotonic, Pipeline(lambda: str(next(numbers))))
        bridge.use(InlineHost({"held": start, "mark": start}, bridge.ended))
        table = table_of(HELD)
        registrations, problems = load_tasks([parse("tasks.toml", tasks.encode())], table)
        assert problems == []
        bridge.declare(Declarations(table, registrations))
        first, silent = Keys(), Keys()
        bridge.add("first", first)
        bridge.add("silent", silent)
        first.waiting = [event_of(begin, "KEY_A", ["1"]), event_of(begin, "KEY_B", ["1"])]
        first.ring()
        silent.waiting = late
        async with asyncio.timeout(60):
            await marked.wait()
        await bridge.stop()
        return started

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("after", "expected"), [(99_999, ["mark"]), (100_000, ["held", "mark"]), (120_000, ["held", "mark"])]
)
def test_a_key_that_was_let_go_in_time_was_let_go_in_time_though_it_is_read_late(
    after: int, expected: list[str]
) -> None:
    begin = monotonic()

    assert raised_before_the_mark([event_of(begin + after, "KEY_A", ["0"])], begin) == expected


def test_the_daemon_raises_when_a_key_has_been_held_for_long_enough(daemon: Daemon, tmp_path: Path) -> None:
    recording = tmp_path / "held.jsonl"
    key = '"source": "evdev", "device": "/dev/input/event7", "code": "KEY_POWER", "value"'
    lines = ['{"hwbridge-recording": 1}', f'{{"at": 0, {key}: 1}}', f'{{"at": 600, {key}: 0}}']
    recording.write_text("\n".join(lines))
    rule = f'[[rule]]\nname = "long"\nsource = "evdev"\nraise = "{GUID}"\n'
    daemon.rules(f'{rule}match = {{ code = "KEY_POWER", value = 1 }}\nhold_for = "300ms"\n')
    daemon.task("off", "say off")
    daemon.options = (*daemon.options, "--play", recording)

    with daemon:
        daemon.wait_for_words("off")

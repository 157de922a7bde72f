"""Sleep is noticed by a daemon that has nothing to do, and everything is looked at after it. Here no machine sleeps."""

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from itertools import count

import pytest

from bridge.hosts.inline import InlineHost
from bridge.mapping.interest import Interest
from bridge.mapping.load.rules import load_rules
from bridge.model.events import Event, Origin
from bridge.model.tasks import Exec, Instance, Registration
from bridge.model.templates import Template
from bridge.model.triggers import TimeTrigger
from bridge.monitors.monitor import MonitorReport
from bridge.monitors.timer_descriptor import NEVER, Rang, TimerClock
from bridge.pipeline.facts import Declared
from bridge.pipeline.pipeline import Pipeline
from bridge.service import sleep
from bridge.service.bridge import Bridge
from bridge.service.clock import monotonic
from bridge.service.declarations import Declarations
from bridge.sources.system import SYSTEM
from bridge.toml.document import parse

HOUR = 3_600_000_000
HOURLY = Registration(name="hourly", triggers=(TimeTrigger(HOUR),), run=Exec(arguments=(Template.parse("/bin/true"),)))
RULE = b"""
[[rule]]
name = "zone"
source = "system"
match = { name = "TimeZoneChange" }
raise = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
"""


class MadeTimer:
    """A timer that goes off when a test says so."""

    def __init__(self) -> None:
        self._reads, self._writes = os.pipe()
        self.at: int | None = None
        self.sets = 0

    def fileno(self) -> int:
        return self._reads

    def set(self, at: int | None) -> Rang:
        self.at, self.sets = at, self.sets + 1
        return Rang.NOT_YET

    def read(self) -> Rang:
        os.read(self._reads, 1)
        return Rang.CLOCK_SET

    def ring(self) -> None:
        os.write(self._writes, b"!")

    def close(self) -> None:
        os.close(self._reads)
        os.close(self._writes)


class MadeMonitor:
    """A zone that changed while nobody could tell."""

    def __init__(self) -> None:
        self._reads, self._writes = os.pipe()
        self.looks = 0

    def fileno(self) -> int:
        return self._reads

    def watch(self, interest: Interest) -> Sequence[Event]:
        return [self._event("Made/West", Origin.START)]

    def read(self) -> Sequence[Event]:
        return []

    def snapshot(self) -> Sequence[Event]:
        return []

    def resync(self) -> Sequence[Event]:
        self.looks += 1
        return [self._event("Made/East", Origin.RESYNC)]

    def report(self) -> MonitorReport:
        return MonitorReport()

    def close(self) -> None:
        os.close(self._reads)
        os.close(self._writes)

    def _event(self, zone: str, origin: Origin) -> Event:
        return Event(
            "system", monotonic(), SYSTEM.checked({"name": "TimeZoneChange", "zone": zone, "offset": 3600}), origin
        )


class Machine:
    """The clocks and timers of a machine that can be put to sleep."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.timers = {clock: MadeTimer() for clock in TimerClock}
        self.slept = 7 * HOUR
        monkeypatch.setattr(sleep, "asleep", lambda: self.slept)
        monkeypatch.setattr(sleep, "_opened", self.timers.__getitem__)

    def sleep(self, microseconds: int, rings: TimerClock) -> None:
        """It has slept so long, and this timer goes off."""
        self.slept += microseconds
        self.timers[rings].ring()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def new_bridge() -> Bridge:
    numbers = count(1)
    return Bridge(asyncio.get_running_loop(), monotonic, Pipeline(lambda: str(next(numbers))))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0)


def test_a_task_that_became_due_while_the_machine_slept_runs_when_it_has_woken(machine: Machine) -> None:
    async def run() -> list[str]:
        ran = list[str]()

        def start(instance: Instance) -> None:
            ran.append(instance.task.name)

        bridge = new_bridge()
        bridge.use(InlineHost({"hourly": start}, bridge.ended))
        tables, _ = load_rules([])
        bridge.tell(Declared(at=monotonic(), rules=tables, tasks=(HOURLY,)))
        due = machine.timers[TimerClock.BOOT].at
        assert due is not None
        assert ran == []

        machine.sleep(HOUR, TimerClock.BOOT)
        await until(lambda: ran != [])
        await bridge.stop()
        return ran

    assert asyncio.run(run()) == ["hourly"]


def test_an_idle_daemon_that_was_asleep_looks_at_everything_and_hears_what_became_of_it(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bridge")

    async def run() -> tuple[int, int, int]:
        bridge, monitor = new_bridge(), MadeMonitor()
        rules, problems = load_rules([parse("rules.toml", RULE)])
        assert not problems
        bridge.declare(Declarations(rules, ()))
        bridge.add("system.clock", monitor)
        assert (bridge.raised, monitor.looks) == (0, 0)

        machine.sleep(HOUR, TimerClock.WALL)
        await until(lambda: monitor.looks > 0)
        await bridge.stop()
        return bridge.events, bridge.raised, monitor.looks

    assert asyncio.run(run()) == (2, 1, 1)
    assert "resumed after 3600 s of sleep" in caplog.messages


def test_a_clock_that_was_set_is_no_sleep_and_nothing_is_looked_at(machine: Machine) -> None:
    async def run() -> int:
        bridge, monitor = new_bridge(), MadeMonitor()
        bridge.add("system.clock", monitor)
        timer = machine.timers[TimerClock.WALL]
        before = timer.sets

        machine.sleep(0, TimerClock.WALL)
        await until(lambda: timer.sets > before)
        await bridge.stop()
        return monitor.looks

    assert asyncio.run(run()) == 0


def test_the_timer_that_tells_of_sleep_is_never_due_so_that_it_wakes_nobody_else(machine: Machine) -> None:
    async def run() -> None:
        bridge = new_bridge()
        assert machine.timers[TimerClock.WALL].at == NEVER
        assert machine.timers[TimerClock.BOOT].at is None

        machine.sleep(HOUR, TimerClock.WALL)
        await until(lambda: machine.timers[TimerClock.WALL].sets > 1)
        assert machine.timers[TimerClock.WALL].at == NEVER
        await bridge.stop()

    asyncio.run(run())


def test_what_is_due_is_asked_of_the_clock_that_goes_on_in_sleep(machine: Machine) -> None:
    async def run() -> tuple[int | None, int]:
        bridge = new_bridge()
        bridge.use(InlineHost({}, bridge.ended))
        at = monotonic()
        tables, _ = load_rules([])
        bridge.tell(Declared(at=at, rules=tables, tasks=(HOURLY,)))
        due = machine.timers[TimerClock.BOOT].at
        await bridge.stop()
        return due, at + HOUR + machine.slept

    due, wanted = asyncio.run(run())
    assert due == wanted

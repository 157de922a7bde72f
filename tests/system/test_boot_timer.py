"""Sleep is noticed: a timer on boot time wakes us, and what is due by then happens. Here no machine goes to sleep."""

import asyncio
import select
from itertools import count

import pytest

from bridge.hosts.inline import InlineHost
from bridge.mapping.table import RuleTable
from bridge.model.tasks import Exec, Instance, Registration
from bridge.model.templates import Template
from bridge.model.triggers import TimeTrigger
from bridge.pipeline.facts import Declared
from bridge.pipeline.pipeline import Pipeline
from bridge.service import bridge as service
from bridge.service.boot_timer import BootTimer
from bridge.service.bridge import Bridge
from bridge.service.clock import asleep, monotonic

HOUR = 3_600_000_000


def test_a_boot_timer_goes_off_when_its_time_has_come_and_is_silent_when_it_is_cleared() -> None:
    timer = BootTimer()
    poll = select.poll()
    poll.register(timer.fileno(), select.POLLIN)
    timer.set(monotonic() + asleep() + HOUR)
    assert poll.poll(0) == []

    timer.set(monotonic() + asleep())
    assert poll.poll(60_000) == [(timer.fileno(), select.POLLIN)]
    timer.clear()
    assert poll.poll(0) == []
    timer.clear()  # nothing is left to be heard, and nothing is waited for

    timer.set(monotonic() + asleep())
    timer.set(None)
    assert poll.poll(0) == []
    timer.close()


def test_a_task_that_became_due_while_the_machine_slept_runs_when_it_has_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    slept = asleep()
    monkeypatch.setattr(service, "asleep", lambda: slept)
    task = Registration(
        name="hourly",
        triggers=(TimeTrigger(HOUR),),
        run=Exec(arguments=(Template.parse("/bin/true"),)),
    )

    async def run() -> list[str]:
        numbers, ran, done = count(1), list[str](), asyncio.Event()

        def start(instance: Instance) -> None:
            ran.append(instance.task.name)
            done.set()

        bridge = Bridge(asyncio.get_running_loop(), monotonic, Pipeline(lambda: str(next(numbers))))
        bridge.use(InlineHost({"hourly": start}, bridge.ended))
        bridge.tell(Declared(at=monotonic(), rules=RuleTable(), tasks=(task,)))
        assert ran == []

        monkeypatch.setattr(service, "asleep", lambda: slept + HOUR)
        bridge._woken()  # what the timer on boot time would do now
        async with asyncio.timeout(60):
            await done.wait()
        await bridge.stop()
        return ran

    assert asyncio.run(run()) == ["hourly"]

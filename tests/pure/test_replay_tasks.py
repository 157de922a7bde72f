"""Replay with tasks: what goes on after the last event and what does not, when time begins, what a start restores."""

from collections.abc import Callable, Sequence
from textwrap import dedent

from bridge.dispatch.decisions import Finished
from bridge.dispatch.kept import Kept, Restored
from bridge.hosts.host import Ended
from bridge.hosts.inline import InlineHost
from bridge.mapping.load.rules import load_rules
from bridge.model.events import Event
from bridge.model.guid import Guid
from bridge.model.tasks import Instance, InstanceState, Registration
from bridge.model.triggers import Raised
from bridge.pipeline.load.tasks import load_tasks
from bridge.pipeline.pipeline import Outcome
from bridge.testing.replay import Overdue, Replay, inline_host
from bridge.testing.transcript import text_of
from bridge.toml.document import parse

GUID = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
SECOND = 1_000_000
RULES = f"""
    [[rule]]
    name = "held"
    source = "evdev"
    match = {{ code = "KEY_A", value = 1 }}
    raise = "{GUID}"
    hold_for = "3s"
    """


def task(triggers: str, more: str = "") -> str:
    return f'[[task]]\nname = "t"\ntriggers = [{triggers}]\nrun = {{ exec = ["x"] }}\n{more}\n'


CUSTOM = f'{{ custom = "{GUID}" }}'
TABLE, _ = load_rules([parse("rules.toml", dedent(RULES).encode())])


def tasks_of(text: str) -> tuple[Registration, ...]:
    tasks, problems = load_tasks([parse("tasks.toml", text.encode())], TABLE)
    assert problems == []
    return tasks


def pressed(at: int) -> Event:
    return Event("evdev", at, {"device": "/dev/input/event1", "type": "EV_KEY", "code": "KEY_A", "value": 1})


def plugged(at: int, action: str = "add") -> Event:
    return Event("udev", at, {"action": action, "subsystem": "tty", "devpath": "/tty/USB0"})


def told(outcomes: Sequence[Outcome]) -> list[str]:
    lines = (text_of(outcome) for outcome in outcomes)
    return [line.replace(GUID, "it").replace("000000 ", " ") for line in lines if line is not None]


def run_of(tasks: str, *events: Event, until: int | None = None, begin: int = 0) -> list[str]:
    return told(list(Replay(TABLE, tasks_of(tasks), begin=begin).events(events, until)))


def raises(lines: list[str]) -> list[str]:
    return [line for line in lines if " raised " in line]


def test_time_triggers_go_off_between_events_and_while_filters_run_out_and_not_after() -> None:
    assert raises(run_of(task('{ time = "2s" }'), pressed(3 * SECOND))) == [
        "2. raised TimeTrigger t",
        "4. raised TimeTrigger t",
        "6. raised it held",
        "6. raised TimeTrigger t",
    ]


def test_with_an_end_time_triggers_go_off_up_to_it() -> None:
    lines = run_of(task('{ time = "2s" }'), until=6 * SECOND)

    assert lines == [
        line
        for at, run in ((2, 1), (4, 2), (6, 3))
        for line in (f"{at}. raised TimeTrigger t", f"{at}. activated t {run}", f"{at}. completed t {run} succeeded")
    ]


def test_periods_count_from_where_the_recording_begins() -> None:
    begin = 1_700_000_000 * SECOND

    assert raises(run_of(task('{ time = "2s" }'), plugged(begin + 5 * SECOND), begin=begin)) == [
        "1700000002. raised TimeTrigger t",
        "1700000004. raised TimeTrigger t",
    ]


def test_a_gathering_of_a_device_watcher_runs_out() -> None:
    assert run_of(task('{ device_watcher = { subsystem = "tty" } }'), plugged(SECOND)) == [
        "1.100000 raised DeviceWatcherTrigger t",
        "1.100000 activated t 1",
        "1.100000 completed t 1 succeeded",
    ]


def test_what_is_to_be_tried_again_waits_for_the_end_that_is_given() -> None:
    def fail(instance: Instance) -> None:
        raise RuntimeError

    def lines(until: int | None) -> list[str]:
        tasks = tasks_of(task(CUSTOM, "retry = { attempts = 2 }"))
        return told(list(Replay(TABLE, tasks, inline_host({"t": fail})).events([pressed(0)], until)))

    first = ["3. raised it held", "3. activated t 1", "3. completed t 1 failed"]
    assert lines(None) == first
    assert lines(4 * SECOND) == [*first, "4. activated t 2", "4. completed t 2 failed"]


def test_what_a_host_says_of_a_runs_end_is_told() -> None:
    class Asking(InlineHost):
        """Every run asks to be run again, and was frozen twice."""

        def start(self, instance: Instance) -> None:
            self._ended(
                Ended(
                    instance_id=instance.instance_id, succeeded=False, detail="", again=True, suspended=2, throttled=5
                )
            )

    def make_host(ended: Callable[[Ended | Overdue], None]) -> InlineHost:
        return Asking({}, ended)

    outcomes = Replay(TABLE, tasks_of(task(CUSTOM)), make_host).events([pressed(0)])
    (finished,) = (each for each in outcomes if isinstance(each, Finished))

    assert (finished.state, finished.suspended, finished.throttled) == (InstanceState.AGAIN, 2, 5)
    assert finished.again_at == 4 * SECOND


def test_what_was_kept_starts_when_the_daemon_does_and_numbers_go_on() -> None:
    replay = Replay(TABLE, tasks_of(task(CUSTOM)))
    list(replay.events([pressed(0)]))
    raised = Raised(at=0, trigger=Guid(GUID), rule="held", key="k")
    owed = tuple(Kept(number=number, task="t", raised=raised, instance_id=run) for number, run in ((7, "1"), (8, None)))
    tasks = tasks_of(task(CUSTOM, 'concurrency = "queue"'))

    assert told(list(replay.start(TABLE, tasks, restored=Restored(at=replay.now, owed=owed)))) == [
        "3. activated t 2",
        "3. completed t 2 succeeded",
        "3. activated t 3",
        "3. completed t 3 succeeded",
    ]

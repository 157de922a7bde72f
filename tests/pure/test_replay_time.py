"""The replay's own time: it waits where it is told to, and stands still for runs, which are over in their order."""

from collections.abc import Callable

from bridge.dispatch.decisions import Activate, Finished
from bridge.hosts.host import Ended
from bridge.mapping.load.rules import load_rules
from bridge.model.events import Event
from bridge.model.tasks import CancellationReason, Instance
from bridge.pipeline.load.tasks import load_tasks
from bridge.testing.replay import Overdue, Replay
from bridge.testing.transcript import text_of
from bridge.toml.document import parse

GUID = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
RULES = f"""
[[rule]]
name = "pressed"
source = "evdev"
match = {{ code = "KEY_A", value = 1 }}
raise = "{GUID}"

[[rule]]
name = "held"
source = "evdev"
match = {{ code = "KEY_A", value = 1 }}
raise = "{GUID}"
hold_for = "2s"
"""
TASKS = "".join(
    f'[[task]]\nname = "{name}"\ntriggers = [{{ custom = "{GUID}" }}]\nrun = {{ exec = ["x"] }}\n'
    for name in ("one", "two")
)
SECOND = 1_000_000


def pressed(at: int) -> Event:
    return Event("evdev", at, {"device": "/dev/input/event1", "type": "EV_KEY", "code": "KEY_A", "value": 1})


class Host:
    """Runs that take time: the one started last is over first. A run of a number in `overdue` is over its limit."""

    overdue: tuple[str, ...] = ()

    def __init__(self, ended: Callable[[Ended | Overdue], None]) -> None:
        self._tell = ended
        self.told: list[str] = []
        self.running: list[str] = []

    def start(self, instance: Instance) -> None:
        self.running.append(instance.instance_id)
        self.told.append(f"start {instance.instance_id}")

    def cancel(self, instance_id: str, reason: CancellationReason) -> None:
        self.told.append(f"cancel {instance_id} {reason.name}")

    def kill(self, instance_id: str) -> None:
        self.told.append(f"kill {instance_id}")

    async def close(self) -> None:
        return

    def wait_for_first(self) -> None:
        if self.running:
            first = self.running.pop(0)
            if first in self.overdue:
                self._tell(Overdue(first))
            self._tell(Ended(instance_id=first, succeeded=first not in self.overdue, detail=""))


class HostOverItsLimit(Host):
    overdue = ("1",)


def replay_of(
    make_host: Callable[[Callable[[Ended | Overdue], None]], Host] | None = None,
    wait_until: Callable[[int], None] | None = None,
) -> Replay:
    table, problems = load_rules([parse("rules.toml", RULES.encode())])
    tasks, more = load_tasks([parse("tasks.toml", TASKS.encode())], table)
    assert [*problems, *more] == []
    return Replay(table, tasks, make_host, wait_until=wait_until)


def shown(replay: Replay, *events: Event, until: int | None = None) -> list[str]:
    lines = (text_of(outcome) for outcome in replay.events(events, until))
    return [line.replace(GUID, "it") for line in lines if line is not None]


def test_runs_that_take_time_are_over_at_the_time_of_their_start_and_in_their_order() -> None:
    assert shown(replay_of(Host), pressed(SECOND), until=SECOND) == [
        "1.000000 raised it pressed",
        "1.000000 activated one 1",
        "1.000000 activated two 2",
        "1.000000 completed one 1 succeeded",
        "1.000000 completed two 2 succeeded",
    ]


def test_all_runs_of_an_event_are_started_before_one_is_waited_for() -> None:
    hosts: list[Host] = []

    def make_host(ended: Callable[[Ended | Overdue], None]) -> Host:
        hosts.append(Host(ended))
        return hosts[0]

    running = [
        [*hosts[0].running]
        for outcome in replay_of(make_host).events([pressed(SECOND)], SECOND)
        if isinstance(outcome, Activate | Finished)
    ]

    assert hosts[0].told == ["start 1", "start 2"]
    assert running == [["1"], ["1", "2"], ["2"], []]


def test_a_run_over_its_limit_is_canceled_where_time_stands_and_has_failed() -> None:
    assert shown(replay_of(HostOverItsLimit), pressed(SECOND), until=SECOND)[3:] == [
        "1.000000 canceled one 1 ExecutionTimeExceeded",
        "1.000000 completed one 1 failed",
        "1.000000 completed two 2 succeeded",
    ]


def test_it_waits_before_time_goes_on_to_an_event_a_timer_and_the_end() -> None:
    waited: list[str] = []
    replay = replay_of(wait_until=lambda at: waited.append(f"wait until {at // SECOND}"))

    for outcome in replay.events([pressed(SECOND), pressed(SECOND), pressed(9 * SECOND)], 10 * SECOND):
        line = text_of(outcome) or ""
        if "raised" in line:
            waited.append(line.replace(GUID, "it"))

    assert waited == [
        "wait until 1",
        "1.000000 raised it pressed",
        "1.000000 raised it pressed",
        "wait until 3",
        "3.000000 raised it held",
        "wait until 9",
        "9.000000 raised it pressed",
        "wait until 10",
    ]


def test_time_that_is_waited_for_changes_nothing_in_what_happens() -> None:
    events = [pressed(SECOND), pressed(4 * SECOND)]

    assert shown(replay_of(wait_until=lambda at: None), *events) == shown(replay_of(), *events)

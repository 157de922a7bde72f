"""Triggers of time: when they go off, what is missed, and what a restart, a reboot and sleep do to them."""

from itertools import count

import pytest

from bridge.dispatch.decisions import Activate, Completed, Decision, Dropped, Resumed
from bridge.dispatch.dispatcher import Dispatcher
from bridge.dispatch.kept import Kept, Restored, TaskForgotten, TaskKept, TaskState
from bridge.model.conditions import MAINS, ConditionLost, ConditionMet
from bridge.model.guid import Guid
from bridge.model.tasks import Concurrency, Exec, Expiry, Registration
from bridge.model.templates import Template
from bridge.model.triggers import CustomSystemEventTrigger, MaintenanceTrigger, Raised, TimeTrigger, Trigger

GUID = Guid("{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}")
SECOND = 1_000_000
PERIOD = 10 * SECOND


def task(*triggers: Trigger, definition: str = "one", **more: object) -> Registration:
    return Registration(
        name="t",
        triggers=triggers or (TimeTrigger(PERIOD),),
        run=Exec(arguments=(Template.parse("/bin/true"),)),
        definition=definition,
        **more,  # type: ignore[arg-type]  # fields of several types by name
    )


class Daemon:
    """A dispatcher whose runs succeed at once, and what it has told the store."""

    def __init__(self, *tasks: Registration, at: int = 0, restored: Restored | None = None) -> None:
        ids = count(1)
        self.dispatcher = Dispatcher(lambda: str(next(ids)))
        self.state: TaskState | None = None
        self.runs: list[tuple[int, str]] = []
        self.dropped: list[str] = []
        if restored is not None:
            self.take(self.dispatcher.restore(restored))
        self.take(self.dispatcher.declare(tasks, at))

    def take(self, decisions: list[Decision]) -> None:
        for each in decisions:
            match each:
                case Activate(at=at, instance=instance):
                    self.runs.append((at, str(instance.raised.trigger)))
                    self.take(
                        self.dispatcher.completed(Completed(at=at, instance_id=instance.instance_id, succeeded=True))
                    )
                case TaskKept(state=state):
                    self.state = state
                case TaskForgotten():
                    self.state = None
                case Dropped(reason=reason):
                    self.dropped.append(reason)

    def advance(self, at: int) -> None:
        while (due := self.dispatcher.deadline) is not None and due <= at:
            self.take(self.dispatcher.advance(due))

    def times(self) -> list[int]:
        return [at for at, _ in self.runs]


def test_a_time_trigger_goes_off_after_each_period() -> None:
    daemon = Daemon(task(), at=3)
    daemon.advance(35 * SECOND)

    assert daemon.runs == [(3 + number * PERIOD, "TimeTrigger") for number in (1, 2, 3)]


def test_a_one_shot_goes_off_once_and_is_spent() -> None:
    daemon = Daemon(task(TimeTrigger(PERIOD, one_shot=True)))
    daemon.advance(100 * SECOND)

    assert daemon.times() == [PERIOD]
    assert daemon.state is not None
    assert (daemon.state.spent, daemon.state.due) == (frozenset({0}), {})


def test_the_same_registration_keeps_the_phase_and_another_starts_anew() -> None:
    daemon = Daemon(task())
    daemon.take(daemon.dispatcher.declare([task()], 4 * SECOND))
    daemon.advance(12 * SECOND)
    assert daemon.times() == [PERIOD]

    daemon.take(daemon.dispatcher.declare([task(definition="two")], 15 * SECOND))
    daemon.advance(30 * SECOND)
    assert daemon.times() == [PERIOD, 25 * SECOND]


def restarted(daemon: Daemon, at: int, *tasks: Registration) -> Daemon:
    states = (daemon.state,) if daemon.state is not None else ()
    return Daemon(*(tasks or (task(),)), at=at, restored=Restored(at=at, tasks=states))


def test_a_restart_keeps_the_phase() -> None:
    daemon = restarted(Daemon(task()), 4 * SECOND)
    daemon.advance(25 * SECOND)

    assert daemon.times() == [PERIOD, 2 * PERIOD]


def test_what_was_missed_while_the_daemon_was_down_goes_off_once_and_in_phase_after_that() -> None:
    daemon = restarted(Daemon(task()), 47 * SECOND)
    daemon.advance(61 * SECOND)

    assert daemon.times() == [47 * SECOND, 50 * SECOND, 60 * SECOND]


def test_a_clock_that_was_set_back_delays_by_a_period_at_most() -> None:
    daemon = Daemon(task(), restored=Restored(at=0, tasks=(TaskState(name="t", definition="one", due={0: 10**15}),)))

    assert daemon.dispatcher.deadline == PERIOD


def test_a_one_shot_that_went_off_does_not_after_a_restart_until_it_says_something_else() -> None:
    one_shot = TimeTrigger(PERIOD, one_shot=True)
    first = Daemon(task(one_shot))
    first.advance(PERIOD)
    again = restarted(first, 12 * SECOND, task(one_shot))
    again.advance(100 * SECOND)
    other = restarted(first, 12 * SECOND, task(one_shot, definition="two"))
    other.advance(100 * SECOND)

    assert (again.times(), other.times()) == ([], [22 * SECOND])


def test_sleep_counts_for_triggers_of_time_and_what_was_slept_through_goes_off_once() -> None:
    daemon = Daemon(task())
    daemon.take(daemon.dispatcher.resumed(Resumed(at=2 * SECOND, asleep=33 * SECOND)))
    daemon.advance(2 * SECOND)
    assert daemon.times() == [2 * SECOND]

    daemon.advance(10 * SECOND)
    assert daemon.times()[1:] == [7 * SECOND]  # 40 s after the registration: 33 s were slept


def test_a_quiet_file_task_without_time_triggers_writes_nothing() -> None:
    assert Daemon(task(CustomSystemEventTrigger(GUID))).dispatcher.owed() == []


def test_maintenance_waits_for_the_mains_and_what_was_missed_is_one_run() -> None:
    daemon = Daemon(task(MaintenanceTrigger(PERIOD)))
    daemon.take(daemon.dispatcher.turned([ConditionLost(at=1, name=MAINS)]))
    daemon.advance(45 * SECOND)
    assert daemon.runs == []

    daemon.take(daemon.dispatcher.turned([ConditionMet(at=45 * SECOND, name=MAINS)]))
    assert daemon.runs == [(45 * SECOND, "MaintenanceTrigger")]


def test_a_machine_that_tells_nothing_of_its_mains_has_them() -> None:
    daemon = Daemon(task(MaintenanceTrigger(PERIOD)))
    daemon.advance(PERIOD)

    assert daemon.times() == [PERIOD]


def test_another_trigger_of_a_maintenance_task_does_not_wait_for_the_mains() -> None:
    daemon = Daemon(task(MaintenanceTrigger(PERIOD), CustomSystemEventTrigger(GUID)))
    daemon.take(daemon.dispatcher.turned([ConditionLost(at=1, name=MAINS)]))
    daemon.advance(PERIOD)
    daemon.take(daemon.dispatcher.raised(Raised(at=11 * SECOND, trigger=GUID)))

    assert daemon.runs == [(11 * SECOND, str(GUID))]


@pytest.mark.parametrize("expires", [5 * SECOND, Expiry.NEVER])
def test_a_raise_that_waits_too_long_is_dropped_at_its_age(expires: int | Expiry) -> None:
    daemon = Daemon(
        task(CustomSystemEventTrigger(GUID), expires=expires, run_limit=None, concurrency=Concurrency.QUEUE)
    )
    dispatcher = daemon.dispatcher
    dispatcher.raised(Raised(at=0, trigger=GUID))
    dispatcher.raised(Raised(at=SECOND, trigger=GUID))
    daemon.advance(6 * SECOND - 1)
    assert (dispatcher.waiting, daemon.dropped) == (1, [])

    daemon.advance(6 * SECOND)
    assert daemon.dropped == (["Expired"] if expires == 5 * SECOND else [])


def test_what_is_owed_since_an_earlier_boot_is_dropped_where_it_expires_with_the_boot() -> None:
    owed = tuple(Kept(number=number, task="t", raised=Raised(at=-1, trigger=GUID)) for number in (1, 2))
    restored = Restored(at=0, owed=owed, earlier_boot=frozenset({1}))
    daemon = Daemon(task(CustomSystemEventTrigger(GUID), expires=Expiry.BOOT), restored=restored)

    assert daemon.dropped == ["Expired"]
    assert len(daemon.runs) == 1

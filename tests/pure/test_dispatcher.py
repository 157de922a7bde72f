"""The dispatcher: never two at once of one key, no raise lost or answered twice, deadlines honoured."""

from itertools import count

import pytest

from bridge.dispatch.decisions import Activate, Cancel, Completed, Decision, Dropped, Finished, Kill
from bridge.dispatch.dispatcher import Dispatcher
from bridge.model.guid import Guid
from bridge.model.tasks import CancellationReason, Concurrency, Exec, Instance, Registration
from bridge.model.templates import Template
from bridge.model.triggers import CustomSystemEventTrigger, Raised

GUIDS = [Guid(f"{{9118718B-FF80-4AFE-BAF1-D88A4525F3A{digit}}}") for digit in "ABC"]
ECHO = Exec(arguments=(Template.parse("/bin/echo"),))


def task(name: str = "t", *triggers: Guid, **more: object) -> Registration:
    return Registration(
        name=name,
        triggers=tuple(CustomSystemEventTrigger(guid) for guid in triggers or GUIDS[:1]),
        run=ECHO,
        **more,  # type: ignore[arg-type]  # fields of several types by name
    )


def raised(number: int, key: str = "", trigger: Guid = GUIDS[0]) -> Raised:
    return Raised(at=number, trigger=trigger, rule="r", key=key, details={"n": str(number)})


def dispatcher_of(*registrations: Registration) -> Dispatcher:
    ids = count(1)
    dispatcher = Dispatcher(lambda: str(next(ids)))
    assert dispatcher.declare(registrations, 0) == []
    return dispatcher


def over(instance_id: str, at: int = 100, *, succeeded: bool = True) -> Completed:
    return Completed(at=at, instance_id=instance_id, succeeded=succeeded)


def started(decisions: list[Decision]) -> list[Instance]:
    return [each.instance for each in decisions if isinstance(each, Activate)]


def said(decisions: list[Decision]) -> list[tuple[object, ...]]:
    """The decisions in short: what, and for which run or why."""
    told: list[tuple[object, ...]] = []
    for each in decisions:
        match each:
            case Activate(instance=instance):
                told.append(("start", instance.instance_id, instance.raised.at, instance.merged))
            case Cancel(instance=instance, reason=reason):
                told.append(("cancel", instance.instance_id, reason.name))
            case Kill(instance=instance):
                told.append(("kill", instance.instance_id))
            case Finished(instance=instance, state=state):
                told.append((state.value, instance.instance_id))
            case Dropped(reason=reason, merged=merged):
                told.append(("drop", reason.value, merged))
    return told


def reasons(decisions: list[Decision]) -> list[CancellationReason | None]:
    """Why the runs that are over were canceled."""
    return [each.reason for each in decisions if isinstance(each, Finished)]


def raise_three(concurrency: Concurrency, **more: object) -> tuple[Dispatcher, list[tuple[object, ...]]]:
    dispatcher = dispatcher_of(task(concurrency=concurrency, **more))
    return dispatcher, said([each for number in (1, 2, 3) for each in dispatcher.raised(raised(number))])


def test_latest_has_one_running_and_one_follow_up_with_the_newest_details() -> None:
    dispatcher, decisions = raise_three(Concurrency.LATEST)

    assert decisions == [("start", "1", 1, 1)]
    assert said(dispatcher.completed(over("1"))) == [("succeeded", "1"), ("start", "2", 3, 2)]
    assert said(dispatcher.completed(over("2"))) == [("succeeded", "2")]


def test_batch_has_one_follow_up_with_the_details_of_all() -> None:
    dispatcher, decisions = raise_three(Concurrency.BATCH)

    (instance,) = started(dispatcher.completed(over("1")))
    assert decisions == [("start", "1", 1, 1)]
    assert instance.batch == ({"n": "2"}, {"n": "3"})
    assert (instance.raised, instance.merged) == (raised(3), 2)


def test_queue_runs_each_one_after_another_and_without_a_limit_none_is_ever_due() -> None:
    dispatcher, decisions = raise_three(Concurrency.QUEUE, run_limit=None)

    assert decisions == [("start", "1", 1, 1)]
    assert dispatcher.deadline is None
    assert said(dispatcher.completed(over("1")))[1:] == [("start", "2", 2, 1)]
    assert said(dispatcher.completed(over("2")))[1:] == [("start", "3", 3, 1)]


def test_ignore_drops_and_says_so_while_a_run_of_the_key_is_there() -> None:
    dispatcher, decisions = raise_three(Concurrency.IGNORE)

    assert decisions == [("start", "1", 1, 1), ("drop", "AlreadyRunning", 1), ("drop", "AlreadyRunning", 1)]
    assert said(dispatcher.completed(over("1"))) == [("succeeded", "1")]


def test_ignore_lets_another_key_wait_for_room() -> None:
    dispatcher = dispatcher_of(task(concurrency=Concurrency.IGNORE))
    dispatcher.raised(raised(1, "a"))

    assert said(dispatcher.raised(raised(2, "b"))) == []
    assert said(dispatcher.raised(raised(3, "b"))) == [("drop", "AlreadyRunning", 1)]
    assert said(dispatcher.completed(over("1")))[1:] == [("start", "2", 2, 1)]


def test_restart_cancels_what_runs_and_starts_the_newest_once_it_is_over() -> None:
    dispatcher, decisions = raise_three(Concurrency.RESTART)

    assert decisions == [("start", "1", 1, 1), ("cancel", "1", "Abort")]
    assert said(dispatcher.completed(over("1"))) == [("canceled", "1"), ("start", "2", 3, 2)]


def test_parallel_runs_one_key_several_times_up_to_max_running() -> None:
    dispatcher, decisions = raise_three(Concurrency.PARALLEL, max_running=2)

    assert decisions == [("start", "1", 1, 1), ("start", "2", 2, 1)]
    assert said(dispatcher.completed(over("2")))[1:] == [("start", "3", 3, 1)]


def test_max_running_counts_over_all_keys_and_what_waits_is_not_lost() -> None:
    dispatcher = dispatcher_of(task(max_running=2))
    keys = [dispatcher.raised(raised(number, key)) for number, key in enumerate("abcd", start=1)]

    assert [len(started(decisions)) for decisions in keys] == [1, 1, 0, 0]
    assert dispatcher.waiting == 2
    assert [each.raised.key for each in started(dispatcher.completed(over("2")))] == ["c"]
    assert [each.raised.key for each in started(dispatcher.completed(over("3")))] == ["d"]


def test_a_trigger_starts_each_of_its_tasks_once_in_their_order() -> None:
    twice = task("twice", GUIDS[0], GUIDS[0], GUIDS[1])
    dispatcher = dispatcher_of(twice, task("other", GUIDS[1]), task("last", GUIDS[0]))

    assert [each.task.name for each in started(dispatcher.raised(raised(1)))] == ["twice", "last"]
    assert [dispatcher.subscribers(guid) for guid in GUIDS] == [2, 2, 0]
    assert dispatcher.raised(raised(2, trigger=GUIDS[2])) == []


def test_a_full_queue_drops_the_oldest_and_says_so() -> None:
    dispatcher, _ = raise_three(Concurrency.QUEUE, queue_limit=2)

    assert said(dispatcher.raised(raised(4))) == [("drop", "QueueFull", 1)]
    assert said(dispatcher.completed(over("1")))[1:] == [("start", "2", 3, 1)]


@pytest.mark.parametrize(
    ("concurrency", "same_key", "other_key"),
    [
        (Concurrency.QUEUE, True, True),
        (Concurrency.PARALLEL, True, True),
        (Concurrency.BATCH, True, True),
        (Concurrency.LATEST, False, True),
        (Concurrency.RESTART, False, True),
        (Concurrency.IGNORE, False, True),
    ],
)
def test_a_task_is_busy_if_one_more_raise_would_push_another_out(
    concurrency: Concurrency, same_key: bool, other_key: bool
) -> None:
    dispatcher = dispatcher_of(task(concurrency=concurrency, queue_limit=1))
    dispatcher.raised(raised(1, "running"))

    assert not dispatcher.busy(GUIDS[0], "waiting")
    dispatcher.raised(raised(2, "waiting"))
    assert dispatcher.busy(GUIDS[0], "waiting") is same_key
    assert dispatcher.busy(GUIDS[0], "third") is other_key
    assert any(each[1:] == ("QueueFull", 1) for each in said(dispatcher.raised(raised(3, "third"))))


def test_a_run_over_its_limit_is_canceled_then_killed_and_counts_as_failed() -> None:
    dispatcher = dispatcher_of(task(run_limit=1_000, cancel_grace=50))
    dispatcher.raised(raised(10))

    assert dispatcher.deadline == 1_010
    assert dispatcher.advance(1_009) == []
    assert said(dispatcher.advance(1_010)) == [("cancel", "1", "ExecutionTimeExceeded")]
    assert dispatcher.deadline == 1_060
    assert said(dispatcher.advance(1_060)) == [("kill", "1")]
    assert dispatcher.deadline is None
    assert said(dispatcher.completed(over("1"))) == [("failed", "1")]


def test_who_looks_late_finds_both_deadlines_at_their_own_times() -> None:
    dispatcher = dispatcher_of(task(run_limit=1_000, cancel_grace=50))

    dispatcher.raised(raised(0))
    assert [(type(each), each.at) for each in dispatcher.advance(10**9)] == [(Cancel, 1_000), (Kill, 1_050)]


@pytest.mark.parametrize("reason", [each for each in CancellationReason if each.name != "ExecutionTimeExceeded"])
def test_a_run_that_someone_canceled_is_canceled_however_it_ends(reason: CancellationReason) -> None:
    dispatcher = dispatcher_of(task())
    dispatcher.raised(raised(0))

    assert said(dispatcher.cancel("1", reason, 5)) == [("cancel", "1", reason.name)]
    assert dispatcher.cancel("1", CancellationReason.Abort, 6) == []
    assert said(dispatcher.completed(over("1"))) == [("canceled", "1")]
    assert dispatcher.cancel("1", reason, 7) == []
    assert dispatcher.completed(over("1")) == []


def test_a_task_that_is_registered_again_keeps_its_runs_and_what_waits() -> None:
    dispatcher = dispatcher_of(task())
    dispatcher.raised(raised(1))
    dispatcher.raised(raised(2))

    assert dispatcher.declare([task(cancel_grace=7)], 3) == []
    (follow_up,) = started(dispatcher.completed(over("1")))
    assert (follow_up.raised.at, follow_up.task.cancel_grace) == (2, 7)


def test_more_room_after_a_registration_starts_what_waited() -> None:
    dispatcher = dispatcher_of(task())
    decisions = [each for number, key in enumerate("abc") for each in dispatcher.raised(raised(number, key))]

    assert [each.raised.key for each in started(decisions)] == ["a"]
    assert [each.raised.key for each in started(dispatcher.declare([task(max_running=3)], 9))] == ["b", "c"]


def test_a_task_that_is_gone_may_finish_its_runs_and_what_waits_is_dropped() -> None:
    dispatcher = dispatcher_of(task())
    for number in (1, 2, 3):
        dispatcher.raised(raised(number))

    assert said(dispatcher.declare([], 4)) == [("drop", "Unregistered", 2)]
    assert dispatcher.raised(raised(5)) == []
    assert said(dispatcher.completed(over("1"))) == [("succeeded", "1")]


def test_a_task_that_comes_back_does_not_run_beside_its_former_run() -> None:
    dispatcher = dispatcher_of(task())
    dispatcher.raised(raised(1))
    dispatcher.declare([], 2)
    dispatcher.declare([task()], 3)

    assert said(dispatcher.raised(raised(4))) == []
    assert said(dispatcher.completed(over("1"))) == [("succeeded", "1"), ("start", "2", 4, 1)]


@pytest.mark.parametrize("reason", CancellationReason)
def test_the_end_of_a_run_that_was_canceled_says_why(reason: CancellationReason) -> None:
    dispatcher = dispatcher_of(task())
    dispatcher.raised(raised(0))
    dispatcher.cancel("1", reason, 5)

    assert reasons(dispatcher.completed(over("1"))) == [reason]


def test_the_end_of_a_run_that_nobody_canceled_has_no_reason() -> None:
    dispatcher = dispatcher_of(task())
    dispatcher.raised(raised(0))

    assert reasons(dispatcher.completed(over("1", succeeded=False))) == [None]


def test_when_the_service_stops_every_run_is_canceled_and_what_waits_stays_owed() -> None:
    dispatcher = dispatcher_of(task("a"), task("b"))
    dispatcher.raised(raised(1))
    dispatcher.raised(raised(2))

    stopped = dispatcher.stop(3)
    assert said(stopped) == [("cancel", "1", "Terminating"), ("cancel", "2", "Terminating")]
    assert said(dispatcher.completed(over("1"))) == [("canceled", "1")]
    assert (dispatcher.running, dispatcher.waiting) == (1, 2)

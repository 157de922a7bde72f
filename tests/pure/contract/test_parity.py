"""The parity list of the Windows reference, as far as the pipeline decides it: one example for each line."""

import pytest

from bridge.dispatch.decisions import Activate, Cancel, Dropped, Finished, Kill, Latched, StoreTurned
from bridge.model.conditions import Named
from bridge.model.guid import Guid
from bridge.model.tasks import (
    CancellationReason,
    Concurrency,
    DropReason,
    Instance,
    InstanceState,
    Registration,
    RequestResult,
    Retry,
)
from bridge.model.triggers import (
    ApplicationTrigger,
    CustomSystemEventTrigger,
    OwnTrigger,
    Raised,
    Recurrence,
    SystemTrigger,
    TimeTrigger,
)
from bridge.pipeline.facts import ConditionSet, RegisterTask, UnregisterTask
from bridge.pipeline.pipeline import Fact
from tests.pure.contract.cases import GONE, INTERNET, PLUGGED, SECOND, ZONE, task
from tests.pure.contract.world import World


def world_with(*registrations: Registration) -> World:
    """A machine whose daemon has these tasks from callers of its API; every promise is checked all along."""
    world = World()
    for registration in registrations:
        world.tell(RegisterTask(at=world.now, registration=registration))
    return world


def told(world: World, fact: Fact) -> list[object]:
    """What a fact leads to, and only that."""
    before = len(world.outcomes)
    world.tell(fact)
    return world.outcomes[before:]


def raised(world: World, number: int = 1, key: str = "a", trigger: Guid = PLUGGED) -> Raised:
    return Raised(at=world.now, trigger=trigger, key=key, details={"n": str(number)})


def started(outcomes: list[object]) -> list[Instance]:
    return [each.instance for each in outcomes if isinstance(each, Activate)]


def canceled(outcomes: list[object]) -> list[tuple[str, CancellationReason]]:
    return [(each.instance.instance_id, each.reason) for each in outcomes if isinstance(each, Cancel)]


def from_api(**more: object) -> Registration:
    return task("t", from_file=False, **more)


def test_a_name_that_is_registered_twice_has_one_run_per_raise_and_one_id() -> None:
    first, second = from_api(), from_api(cancel_grace=7)
    world = world_with(first, second)

    (instance,) = started(told(world, raised(world)))
    assert instance.task == second
    assert first.task_id == second.task_id


def test_unregister_with_cancelling_ends_the_run_with_abort_and_kills_it_after_its_grace() -> None:
    world = world_with(from_api(cancel_grace=5 * SECOND))
    world.tell(raised(world))

    outcomes = told(world, UnregisterTask(at=world.now, name="t", cancel_task=True))
    assert canceled(outcomes) == [("1", CancellationReason.Abort)]
    world.go_on(world.now + 5 * SECOND - 1)
    assert not world.killed
    world.go_on(world.now + 1)
    assert world.killed == {"1"}


def test_unregister_without_cancelling_lets_the_run_finish_and_starts_none() -> None:
    world = world_with(from_api())
    world.tell(raised(world, 1))
    world.tell(raised(world, 2))

    outcomes = told(world, UnregisterTask(at=world.now, name="t", cancel_task=False))
    assert canceled(outcomes) == []
    assert [each.reason for each in outcomes if isinstance(each, Dropped)] == [DropReason.Unregistered]
    world.tell(raised(world, 3))
    world.complete("1")
    assert list(world.processes) == []
    assert world.store.owed == {}


def test_a_run_that_ignores_its_cancelling_is_killed_at_limit_and_grace_for_its_time() -> None:
    world = world_with(from_api(run_limit=25 * SECOND, cancel_grace=5 * SECOND))
    begun = world.now
    world.tell(raised(world))

    world.go_on(begun + 100 * SECOND)
    (cancel,) = [each for each in world.outcomes if isinstance(each, Cancel)]
    (kill,) = [each for each in world.outcomes if isinstance(each, Kill)]
    assert (cancel.at, cancel.reason) == (begun + 25 * SECOND, CancellationReason.ExecutionTimeExceeded)
    assert kill.at == begun + 30 * SECOND
    world.complete("1", succeeded=True)
    (finished,) = [each for each in world.outcomes if isinstance(each, Finished)]
    assert finished.state is InstanceState.FAILED


def test_raises_while_a_condition_is_not_met_are_one_run_when_it_is_with_the_number_merged() -> None:
    world = world_with(from_api(conditions=(Named(INTERNET),), concurrency=Concurrency.QUEUE))
    waiting = [each for number in (1, 2, 3) for each in told(world, raised(world, number))]

    assert started(waiting) == []
    assert [each.merged for each in waiting if isinstance(each, Latched)] == [1, 2, 3]
    (instance,) = started(told(world, ConditionSet(at=world.now, name=INTERNET, value=True)))
    assert (instance.merged, instance.raised.details) == (3, {"n": "3"})
    world.complete("1")
    assert list(world.processes) == []


def test_a_condition_that_is_unknown_holds_neither_way() -> None:
    world = world_with(from_api(conditions=(Named(INTERNET, wanted=False),)))

    assert started(told(world, raised(world))) == []
    assert len(started(told(world, ConditionSet(at=world.now, name=INTERNET, value=False)))) == 1


@pytest.mark.parametrize(
    ("cancels", "expected"), [(True, [("1", CancellationReason.ConditionLoss)]), (False, [])], ids=["flag", "no flag"]
)
def test_a_condition_that_is_lost_ends_the_run_only_where_the_task_says_so(
    cancels: bool, expected: list[tuple[str, CancellationReason]]
) -> None:
    world = world_with(from_api(conditions=(Named(INTERNET),), cancel_on_condition_loss=cancels))
    world.tell(ConditionSet(at=world.now, name=INTERNET, value=True))
    world.tell(raised(world))

    assert canceled(told(world, ConditionSet(at=world.now, name=INTERNET, value=False))) == expected


def test_a_trigger_that_no_task_has_starts_nothing_and_nothing_of_it_is_kept() -> None:
    world = world_with(from_api())

    assert told(world, raised(world, trigger=GONE)) == [raised(world, trigger=GONE)]
    assert world.store.owed == {}


@pytest.mark.parametrize("spelled", [str(PLUGGED), str(PLUGGED)[1:-1], str(PLUGGED).lower(), f"urn:uuid:{PLUGGED}"])
def test_every_spelling_of_a_guid_is_the_same_trigger(spelled: str) -> None:
    world = world_with(from_api())
    guid = Guid.parse(spelled.replace("{", "").replace("}", "") if spelled.startswith("urn") else spelled)

    assert len(started(told(world, raised(world, trigger=guid)))) == 1


def runs_of_three_lives(recurrence: Recurrence) -> list[int]:
    """How many runs two raises in each of three lives have: the first, a restart in the same boot, another boot."""
    world = world_with(task("t", CustomSystemEventTrigger(PLUGGED, recurrence), from_file=False))
    runs = []
    for life in range(3):
        if life:
            world.die()
            if life == 2:
                world.boot_again(3 * SECOND, -SECOND)
            world.start()
        before = len(started(world.outcomes))
        for number in (1, 2):
            world.tell(raised(world, number))
            for instance_id in list(world.processes):
                world.complete(instance_id)
        runs.append(len(started(world.outcomes)) - before)
    return runs


def test_once_is_once_a_boot() -> None:
    assert runs_of_three_lives(Recurrence.ONCE) == [1, 0, 1]


def test_one_shot_is_once_for_ever() -> None:
    assert runs_of_three_lives(Recurrence.ONE_SHOT) == [1, 0, 0]


def test_always_is_always() -> None:
    assert runs_of_three_lives(Recurrence.ALWAYS) == [2, 2, 2]


def test_a_one_shot_system_trigger_is_for_the_next_change_only() -> None:
    world = world_with(task("t", SystemTrigger(ZONE, one_shot=True), from_file=False))
    change = Raised(at=world.now, trigger=ZONE)

    assert [len(started(told(world, change))) for _ in range(2)] == [1, 0]


def test_a_process_that_dies_is_a_failed_run_that_is_tried_again_with_a_backoff() -> None:
    world = world_with(from_api(retry=Retry(attempts=2)), task("other", from_file=False))
    world.tell(raised(world))

    world.complete("1", succeeded=False)
    assert list(world.processes) == ["2"]
    world.go_on(world.now + SECOND)
    assert (world.processes["3"].attempt, world.processes["3"].redelivered) == (2, False)
    assert canceled(world.outcomes) == []


@pytest.mark.parametrize("reboots", [False, True], ids=["restart", "reboot"])
def test_registrations_ids_and_what_waits_for_a_condition_outlive_the_daemon(reboots: bool) -> None:
    registration = from_api(conditions=(Named(INTERNET),))
    world = world_with(registration)
    for number in (1, 2):
        world.tell(raised(world, number))

    world.die()
    if reboots:
        world.boot_again(3 * SECOND, -60 * SECOND)
    world.start()
    (instance,) = started(told(world, ConditionSet(at=world.now, name=INTERNET, value=True)))
    assert (instance.task, instance.task.task_id) == (registration, registration.task_id)
    assert (instance.merged, instance.raised.details, instance.redelivered) == (2, {"n": "2"}, False)


def test_what_may_have_run_when_the_daemon_died_is_run_again_and_says_so() -> None:
    world = world_with(from_api())
    world.tell(raised(world))

    world.die()
    world.start()
    (instance,) = world.processes.values()
    assert (instance.redelivered, instance.attempt, instance.raised.details) == (True, 1, {"n": "1"})


def test_what_was_never_committed_was_never_accepted() -> None:
    world = world_with(from_api())
    world.uncommitted = 5
    world.tell(raised(world))

    assert not world.processes
    world.die()
    world.uncommitted = 0
    world.start()
    assert not world.processes
    assert world.store.owed == {}


def test_a_registration_that_says_the_same_keeps_the_phase_of_its_timer() -> None:
    daily = task("t", TimeTrigger(10 * SECOND), from_file=False)
    world = world_with(daily)
    begun = world.now

    world.go_on(begun + 7 * SECOND)
    world.tell(RegisterTask(at=world.now, registration=daily))
    world.go_on(begun + 10 * SECOND)
    assert [each.at for each in world.outcomes if isinstance(each, Activate)] == [begun + 10 * SECOND]


def test_periods_that_passed_while_the_daemon_was_down_are_one_run() -> None:
    world = world_with(task("t", TimeTrigger(10 * SECOND), from_file=False))
    begun = world.now

    world.die()
    world.now = begun + 35 * SECOND
    world.start()
    assert len(started(world.outcomes)) == 1
    world.complete("1")
    world.go_on(begun + 40 * SECOND)
    assert [each.at for each in world.outcomes if isinstance(each, Activate)][1:] == [begun + 40 * SECOND]


def test_a_request_is_answered_by_what_the_task_is_and_does() -> None:
    world = world_with(task("t", ApplicationTrigger(), from_file=False), task("other", from_file=False))
    ask = world.pipeline.dispatcher.request_result
    request = Raised(at=world.now, trigger=OwnTrigger.APPLICATION, task="t")

    assert [ask("t"), ask("other"), ask("none")] == [
        RequestResult.Allowed,
        RequestResult.UnknownError,
        RequestResult.UnknownError,
    ]
    assert [each.task.name for each in started(told(world, request))] == ["t"]
    assert ask("t") is RequestResult.CurrentlyRunning
    world.complete("1")
    assert ask("t") is RequestResult.Allowed
    world.tell(StoreTurned(at=world.now, accepts=False))
    assert ask("t") is RequestResult.DisabledByPolicy

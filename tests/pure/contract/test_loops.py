"""A task whose runs raise its own trigger is noticed, slowed and stopped; a device that tells something is not."""

from itertools import pairwise

import pytest

from bridge.dispatch.decisions import Quarantined, Slowed
from bridge.model.triggers import Raised
from bridge.pipeline.facts import RegisterTask, ResetTask
from tests.pure.contract.cases import PLUGGED, SECOND, task
from tests.pure.contract.world import World

RUN = 100_000


def raised(world: World, cause: str | None = None) -> Raised:
    return Raised(at=world.now, trigger=PLUGGED, rule=None if cause else "r", key="a", cause=cause)


def loop(by_cause: bool, rounds: int, also: int | None = None) -> World:
    """A task, each of whose runs takes 100 ms and raises its trigger; `also`: somebody raises it that long after."""
    world = World()
    world.tell(RegisterTask(at=world.now, registration=task("t", from_file=False)))
    world.tell(raised(world))
    for _ in range(rounds):
        if not world.processes:
            if also is not None:
                world.go_on(world.now + also)
                world.tell(raised(world))
            deadline = world.pipeline.deadline
            if not world.processes and deadline is not None:
                world.go_on(deadline)
        for instance_id in list(world.processes):
            world.go_on(world.now + RUN // 2)
            world.tell(raised(world, instance_id if by_cause else None))
            world.go_on(world.now + RUN // 2)
            world.complete(instance_id)
    return world


def slowed(world: World) -> list[Slowed]:
    return [each for each in world.outcomes if isinstance(each, Slowed)]


def quarantined(world: World) -> list[Quarantined]:
    return [each for each in world.outcomes if isinstance(each, Quarantined)]


@pytest.mark.parametrize("by_cause", [True, False], ids=["raised by the run itself", "raised by hardware"])
def test_a_loop_is_held_for_twice_as_long_each_time_and_stopped_by_name(by_cause: bool) -> None:
    world = loop(by_cause, rounds=200)

    holds = [each.until - each.at for each in slowed(world)]
    assert holds[0] >= RUN
    assert len(holds) == 8
    assert all(later >= 2 * earlier for earlier, later in pairwise(holds))
    (stopped,) = quarantined(world)
    assert "raises its own trigger" in stopped.why
    assert world.processes == {}


def test_fifteen_such_runs_are_not_suspected() -> None:
    assert slowed(loop(by_cause=True, rounds=14)) == []


def test_what_a_loop_raised_last_is_kept_and_run_after_a_reset() -> None:
    world = loop(by_cause=True, rounds=200)

    (kept,) = world.store.owed.values()
    world.tell(ResetTask(at=world.now, name="t"))
    (instance,) = world.processes.values()
    assert (instance.raised, instance.merged) == (kept.raised, kept.merged)


def test_somebody_who_goes_on_raising_acquits_the_task() -> None:
    world = loop(by_cause=False, rounds=300, also=SECOND // 25)

    assert quarantined(world) == []


def test_a_device_that_raises_all_the_time_is_no_loop() -> None:
    world = World()
    world.tell(RegisterTask(at=world.now, registration=task("t", from_file=False)))
    for number in range(2_000):
        world.go_on(world.now + 10_000)
        world.tell(raised(world))
        if number % 5 == 4:
            for instance_id in list(world.processes):
                world.complete(instance_id)

    assert quarantined(world) == []


def test_while_one_key_is_held_another_that_waits_is_run() -> None:
    world = loop(by_cause=True, rounds=15)
    (looping,) = world.processes

    world.go_on(world.now + RUN // 2)
    world.tell(raised(world, looping))
    world.tell(Raised(at=world.now, trigger=PLUGGED, rule="r", key="b"))
    world.go_on(world.now + RUN // 2)
    world.complete(looping)
    assert [each.key for each in slowed(world)] == ["a"]
    assert [each.raised.key for each in world.processes.values()] == ["b"]

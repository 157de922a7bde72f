"""A task in any state: nothing is said to be in its way exactly if nothing waits and any raise starts a run at once."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.dispatch.decisions import Activate, Completed, StoreTurned
from bridge.dispatch.dispatcher import Dispatcher
from bridge.dispatch.explaining import Standing, What, Why, held_up
from bridge.dispatch.task import id_of
from bridge.model.conditions import MAINS, ConditionFact, ConditionLost, ConditionMet, ConditionUnknown, Named
from bridge.model.tasks import CancellationReason, Concurrency, Expiry, Registration, Retry
from bridge.model.triggers import (
    ApplicationTrigger,
    CustomSystemEventTrigger,
    MaintenanceTrigger,
    OwnTrigger,
    Raised,
    Recurrence,
    TimeTrigger,
    Trigger,
    TriggerId,
)
from tests.pure.test_dispatcher import ECHO, GUIDS

SECOND = 1_000_000
KEYS = ("", "a", "b", "new")
TRIGGERS: Sequence[Trigger] = (
    *(CustomSystemEventTrigger(GUIDS[0], recurrence) for recurrence in Recurrence),
    CustomSystemEventTrigger(GUIDS[1]),
    ApplicationTrigger(),
    TimeTrigger(5 * SECOND),
    MaintenanceTrigger(5 * SECOND),
)
registrations = st.builds(
    Registration,
    name=st.just("t"),
    triggers=st.lists(st.sampled_from(TRIGGERS), min_size=1, max_size=2, unique_by=id_of).map(tuple),
    run=st.just(ECHO),
    conditions=st.sampled_from([(), (Named("docked"),), (Named("docked"), Named("hot", wanted=False))]),
    concurrency=st.sampled_from(Concurrency),
    max_running=st.integers(1, 2),
    queue_limit=st.integers(1, 2),
    retry=st.builds(Retry, attempts=st.integers(1, 2)),
    expires=st.sampled_from([3 * SECOND, Expiry.NEVER]),
)


class World:
    """A dispatcher with one task, and its time."""

    def __init__(self, registration: Registration) -> None:
        self.registration = registration
        ids = count(1)
        self.dispatcher = Dispatcher(lambda: str(next(ids)))
        self.dispatcher.declare([registration], 0)
        self.now = 0

    def raise_one(self, place: int, key: str, *, by_rule: bool) -> None:
        triggers = self.registration.triggers
        trigger = id_of(triggers[place % len(triggers)])
        rule = "r" if by_rule else None
        self.dispatcher.raised(raise_of(trigger, key, self.now, rule))

    def complete(self, *, succeeded: bool, again: bool) -> None:
        for run in list(self.dispatcher.runs)[:1]:
            self.dispatcher.completed(
                Completed(at=self.now, instance_id=run.instance.instance_id, succeeded=succeeded, again=again)
            )

    def fail_all(self) -> None:
        for _ in range(30):
            self.wait(10 * SECOND)
            self.complete(succeeded=False, again=False)

    def turn(self, name: str, kind: type[ConditionFact]) -> None:
        self.dispatcher.turned([kind(at=self.now, name=name)])

    def wait(self, span: int) -> None:
        self.now += span
        while (due := self.dispatcher.deadline) is not None and due <= self.now:
            self.dispatcher.advance(due)

    def cancel(self) -> None:
        for run in list(self.dispatcher.runs)[:1]:
            self.dispatcher.cancel(run.instance.instance_id, CancellationReason.Abort, self.now)

    def store(self, *, accepts: bool) -> None:
        self.dispatcher.store_turned(StoreTurned(at=self.now, accepts=accepts))

    def reset(self) -> None:
        self.dispatcher.reset("t", self.now)

    # What is asked

    def reasons(self) -> list[Why]:
        task = self.dispatcher.tasks.get("t")
        assert task is not None
        return held_up(
            Standing(
                task=task,
                runs=list(self.dispatcher.runs),
                levels=self.dispatcher.levels,
                refusal="" if self.dispatcher.accepts else "the disk is full",
                now=self.now,
            )
        )

    def is_open(self) -> bool:
        """Nothing waits, and whatever is raised starts a run at once."""
        task = self.dispatcher.tasks.get("t")
        assert task is not None
        triggers = map(id_of, self.registration.triggers)
        return not any(True for _ in task.waiting) and all(
            self.starts(trigger, key) for trigger in triggers for key in KEYS
        )

    def starts(self, trigger: TriggerId, key: str) -> bool:
        probed: Dispatcher = deepcopy(self.dispatcher)
        return any(isinstance(each, Activate) for each in probed.raised(raise_of(trigger, key, self.now)))


def raise_of(trigger: TriggerId, key: str, at: int, rule: str | None = None) -> Raised:
    return Raised(at=at, trigger=trigger, key=key, rule=rule, task="t" if isinstance(trigger, OwnTrigger) else None)


Step = Callable[[World], None]
steps = st.one_of(
    st.builds(
        lambda place, key, by_rule: lambda world: world.raise_one(place, key, by_rule=by_rule),
        st.integers(0, 1),
        st.sampled_from(KEYS[:3]),
        st.booleans(),
    ),
    st.builds(
        lambda succeeded, again: lambda world: world.complete(succeeded=succeeded, again=again),
        st.booleans(),
        st.booleans(),
    ),
    st.builds(
        lambda name, kind: lambda world: world.turn(name, kind),
        st.sampled_from(["docked", "hot", MAINS]),
        st.sampled_from([ConditionMet, ConditionLost, ConditionUnknown]),
    ),
    st.builds(lambda span: lambda world: world.wait(span), st.sampled_from([1, SECOND // 2, SECOND, 6 * SECOND])),
    st.builds(lambda accepts: lambda world: world.store(accepts=accepts), st.booleans()),
    st.sampled_from([World.cancel, World.reset, World.fail_all]),
)
OPEN: Sequence[Step] = (
    lambda world: world.turn("docked", ConditionMet),
    lambda world: world.turn("hot", ConditionLost),
)
"""Without these first nearly every task with conditions would wait for them."""


@given(registration=registrations, begins_open=st.booleans(), done=st.lists(steps, max_size=12))
@settings(max_examples=400, deadline=None)
def test_nothing_is_in_the_way_exactly_if_any_raise_would_start_a_run(
    registration: Registration, begins_open: bool, done: list[Step]
) -> None:
    world = World(registration)
    for step in (*(OPEN if begins_open else ()), *done):
        step(world)

        assert (world.reasons() == []) is world.is_open()


@given(registration=registrations, done=st.lists(steps, max_size=12))
@settings(max_examples=100, deadline=None)
def test_each_reason_is_said_once_and_is_one_that_the_dispatcher_knows(
    registration: Registration, done: list[Step]
) -> None:
    world = World(registration)
    for step in done:
        step(world)

    reasons = world.reasons()
    unknown_to_it = {What.READY, What.USER, What.HANDLER, What.SERVER, What.MONITOR, What.DEVICE}
    assert len(set(reasons)) == len(reasons)
    assert {why.what for why in reasons}.isdisjoint(unknown_to_it)
    assert all(why.message.isprintable() for why in reasons)

"""The dispatcher in any order of raises, ends, cancellations, time and registrations: the books balance."""

from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from bridge.dispatch.decisions import Activate, Cancel, Decision, Dropped, Finished, Kill
from bridge.model.guid import Guid
from bridge.model.tasks import CancellationReason, Concurrency, Instance, InstanceState, Registration
from bridge.model.triggers import Raised
from tests.pure.test_dispatcher import GUIDS, dispatcher_of, over, said, task

registrations = st.builds(
    task,
    st.sampled_from(["one", "two"]),
    st.sampled_from(GUIDS[:2]),
    st.sampled_from(GUIDS[:2]),
    concurrency=st.sampled_from(Concurrency),
    max_running=st.integers(1, 3),
    queue_limit=st.integers(1, 3),
    run_limit=st.sampled_from([None, 20, 50]),
    cancel_grace=st.integers(0, 15),
)


class Dispatching(RuleBasedStateMachine):
    """Any order of raises, ends, cancellations, time and registrations; the books must balance after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.dispatcher = dispatcher_of()
        self.tasks: dict[str, Registration] = {}
        self.numbers = count(1)
        self.now = 0
        self.owed = 0  # raises without an answer yet
        self.running: dict[str, Instance] = {}
        self.starts: dict[str, int] = {}
        self.canceled: dict[str, int] = {}
        self.killed: set[str] = set()

    def take(self, decisions: list[Decision]) -> None:
        for each in decisions:
            match each:
                case Activate(instance=instance):
                    self.check_start(instance)
                    self.running[instance.instance_id] = instance
                    self.starts[instance.instance_id] = each.at
                    self.owed -= instance.merged
                case Dropped():
                    self.owed -= each.merged
                case Cancel(instance=instance):
                    assert instance.instance_id in self.running
                    assert instance.instance_id not in self.canceled
                    self.canceled[instance.instance_id] = each.at
                case Kill(instance=instance):
                    assert each.at == self.canceled[instance.instance_id] + instance.task.cancel_grace
                    assert instance.instance_id not in self.killed
                    self.killed.add(instance.instance_id)
                case Finished():
                    raise AssertionError("only a completed run finishes")

    def check_start(self, new: Instance) -> None:
        of_task = [each for each in self.running.values() if each.task.name == new.task.name]
        assert new.instance_id not in self.starts
        assert new.task == self.tasks[new.task.name]
        assert len(of_task) < new.task.max_running
        if new.task.concurrency is not Concurrency.PARALLEL:
            assert new.raised.key not in {each.raised.key for each in of_task}
        if new.task.concurrency is Concurrency.BATCH:
            assert new.batch[-1] == new.raised.details
        else:
            assert new.batch == ()

    @rule(trigger=st.sampled_from(GUIDS[:2]), keys=st.lists(st.sampled_from("aaab"), min_size=1, max_size=4))
    def raise_some(self, trigger: Guid, keys: list[str]) -> None:
        for key in keys:
            busy = self.dispatcher.busy(trigger, key)
            details = {"n": str(next(self.numbers))}
            decisions = self.dispatcher.raised(
                Raised(at=self.now, trigger=trigger, rule=None, key=key, details=details)
            )
            self.owed += sum(trigger in {one.guid for one in each.triggers} for each in self.tasks.values())
            assert busy is any(each[:2] == ("drop", "QueueFull") for each in said(decisions))
            self.take(decisions)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), succeeded=st.booleans())
    def complete(self, data: st.DataObject, succeeded: bool) -> None:
        instance_id = data.draw(st.sampled_from(sorted(self.running)))
        self.finish(instance_id, succeeded=succeeded)

    def finish(self, instance_id: str, *, succeeded: bool) -> None:
        instance = self.running.pop(instance_id)
        finished, *rest = self.dispatcher.completed(over(instance_id, self.now, succeeded=succeeded))
        assert isinstance(finished, Finished)
        assert finished.instance == instance
        if instance_id not in self.canceled:
            assert finished.state is (InstanceState.SUCCEEDED if succeeded else InstanceState.FAILED)
        self.take(rest)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        instance_id = data.draw(st.sampled_from(sorted(self.running)))
        self.take(self.dispatcher.cancel(instance_id, CancellationReason.Abort, self.now))
        assert instance_id in self.canceled

    @rule(step=st.integers(1, 60))
    def pass_time(self, step: int) -> None:
        self.now += step
        self.take(self.dispatcher.advance(self.now))

    @initialize(new=st.lists(registrations, min_size=1, max_size=2, unique_by=lambda each: each.name))
    def begin(self, new: list[Registration]) -> None:
        self.register(new)

    @rule(new=registrations)
    def register_one(self, new: Registration) -> None:
        self.register([each for each in self.tasks.values() if each.name != new.name] + [new])

    @rule(names=st.sets(st.sampled_from(["one", "two"])))
    def unregister(self, names: set[str]) -> None:
        self.register([each for each in self.tasks.values() if each.name not in names])

    def register(self, new: list[Registration]) -> None:
        self.tasks = {each.name: each for each in new}
        self.take(self.dispatcher.declare(new, self.now))

    @rule(concurrency=st.sampled_from(Concurrency))
    def change_concurrency(self, concurrency: Concurrency) -> None:
        self.register([replace(each, concurrency=concurrency) for each in self.tasks.values()])

    @invariant()
    def every_deadline_that_has_come_was_honoured(self) -> None:
        for instance_id, instance in self.running.items():
            limit = instance.task.run_limit
            if limit is not None and self.starts[instance_id] + limit <= self.now:
                assert instance_id in self.canceled
            if instance_id in self.canceled and self.canceled[instance_id] + instance.task.cancel_grace < self.now:
                assert instance_id in self.killed
        assert self.dispatcher.deadline is None or self.dispatcher.deadline >= self.now
        assert self.dispatcher.running == len(self.running)

    @invariant()
    def what_waits_and_who_is_quarantined_is_counted_right(self) -> None:
        tasks = self.dispatcher.tasks
        waiting = [pending for task in tasks for pending in task.waiting]
        assert self.dispatcher.waiting == sum(max(1, pending.weight) for pending in waiting)
        assert self.dispatcher.not_begun == len(waiting)
        assert {task.name for task in tasks.quarantined} == {task.name for task in tasks if task.quarantined}

    def teardown(self) -> None:
        while self.running or self.dispatcher.waiting:
            for name in self.tasks:  # ten failures in a row have it wait, and so does what looks like a loop
                self.take(self.dispatcher.reset(name, self.now))
            if self.dispatcher.deadline is not None:
                self.now = max(self.now, self.dispatcher.deadline)
                self.take(self.dispatcher.advance(self.now))
            for instance_id in sorted(self.running):
                self.finish(instance_id, succeeded=True)
        assert (self.dispatcher.running, self.dispatcher.waiting, self.dispatcher.deadline) == (0, 0, None)
        assert self.owed == 0  # no raise lost, none answered twice


Dispatching.TestCase.settings = settings(max_examples=120, stateful_step_count=40)
TestDispatchingInAnyOrder = pytest.mark.timeout(400)(Dispatching.TestCase)  # a failure is shrunk for up to 300 s

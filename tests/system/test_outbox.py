"""Decisions are carried out in their order, and none before what it needs has been written down."""

from itertools import count

import pytest

from bridge.dispatch.decisions import Activate, Cancel, Dropped
from bridge.dispatch.dispatcher import Dispatcher
from bridge.model.guid import Guid
from bridge.model.tasks import CancellationReason, Exec, Registration
from bridge.model.templates import Template
from bridge.model.triggers import CustomSystemEventTrigger, Raised
from bridge.pipeline.pipeline import Outcome
from bridge.service.outbox import Outbox

GUID = Guid("{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}")


class SlowStore:
    """Remembers what it is given, and says that it is written when it is told to."""

    def __init__(self) -> None:
        self.outlives_us = True
        self.tokens: list[object] = []
        self.written: list[list[object]] = []
        self.flushed: list[bool] = []

    def write(self, outcomes: list[object], times: object, *, flush: bool, token: object) -> None:
        self.written.append(outcomes)
        self.flushed.append(flush)
        self.tokens.append(token)


class Desk:
    """A dispatcher with one task, its outbox, and what was carried out."""

    def __init__(self) -> None:
        ids = count(1)
        self.dispatcher = Dispatcher(lambda: str(next(ids)))
        self.store = SlowStore()
        self.done: list[str] = []
        self.outbox = Outbox(self.store, self._carry_out)  # type: ignore[arg-type]  # a store of a test
        task = Registration(
            name="t",
            triggers=(CustomSystemEventTrigger(GUID),),
            run=Exec(arguments=(Template.parse("/bin/true"),)),
            max_running=9,
        )
        self.dispatcher.declare([task], 0)

    def _carry_out(self, outcome: Outcome) -> None:
        match outcome:
            case Activate(instance=instance):
                self.done.append(f"start {instance.instance_id}")
            case Cancel(instance=instance):
                self.done.append(f"cancel {instance.instance_id}")
            case Dropped():
                self.done.append("dropped")

    def raise_trigger(self, key: str) -> None:
        raised = Raised(at=1, trigger=GUID, key=key)
        self.outbox.put([raised, *self.dispatcher.raised(raised)], flush=True, then=self._answer(key))

    def _answer(self, key: str) -> object:
        return lambda why: self.done.append(f"answer {key}{' ' + why if why else ''}")

    def commit(self, many: int) -> None:
        tokens, self.store.tokens = self.store.tokens[:many], self.store.tokens[many:]
        self.outbox.written(tokens)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_run_starts_and_its_caller_is_answered_when_it_is_written(desk: Desk) -> None:
    desk.raise_trigger("a")
    assert desk.done == []

    desk.commit(1)
    assert desk.done == ["start 1", "answer a"]
    assert desk.store.flushed == [True]


def test_what_is_written_out_of_turn_waits_for_its_turn(desk: Desk) -> None:
    desk.raise_trigger("a")
    desk.raise_trigger("b")
    desk.store.tokens.reverse()
    desk.commit(1)
    assert desk.done == []

    desk.commit(1)
    assert desk.done == ["start 1", "answer a", "start 2", "answer b"]


def test_a_cancel_never_comes_before_the_start(desk: Desk) -> None:
    desk.raise_trigger("a")
    desk.outbox.put(desk.dispatcher.cancel("1", CancellationReason.Abort, 2))
    assert desk.done == []

    desk.commit(2)
    assert desk.done == ["start 1", "answer a", "cancel 1"]


def test_a_cancel_of_a_run_that_has_started_waits_for_nothing(desk: Desk) -> None:
    desk.raise_trigger("a")
    desk.commit(1)
    desk.raise_trigger("b")
    desk.outbox.put(desk.dispatcher.cancel("1", CancellationReason.Abort, 2))

    assert desk.done == ["start 1", "answer a", "cancel 1"]


def test_who_waits_can_be_refused_and_the_run_still_starts_when_it_is_written(desk: Desk) -> None:
    desk.raise_trigger("a")
    desk.outbox.refuse("the disk is full")
    assert desk.done == ["answer a the disk is full"]

    desk.commit(1)
    assert desk.done == ["answer a the disk is full", "start 1"]


def test_what_has_not_started_can_be_abandoned(desk: Desk) -> None:
    desk.raise_trigger("a")
    assert [instance.instance_id for instance in desk.outbox.abandon()] == ["1"]

    desk.commit(1)
    assert desk.done == ["answer a"]


def test_a_raise_that_nobody_hears_is_not_written(desk: Desk) -> None:
    desk.outbox.put([Raised(at=1, trigger=Guid("{9118718B-FF80-4AFE-BAF1-D88A4525F3AC}"))])

    assert desk.store.written == []


def test_without_a_store_everything_is_carried_out_at_once() -> None:
    desk = Desk()
    desk.outbox = Outbox(None, desk._carry_out)
    desk.raise_trigger("a")

    assert desk.done == ["start 1", "answer a"]


def test_what_would_not_outlive_the_daemon_is_waited_for_by_nobody(desk: Desk) -> None:
    desk.store.outlives_us = False

    desk.raise_trigger("a")

    assert desk.done == ["start 1", "answer a"]
    assert len(desk.store.written) == 1

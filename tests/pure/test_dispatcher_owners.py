"""Whom a raise reaches, and what is told of that: raises for one owner's tasks, who has heard, what was merged."""

import msgspec
from msgspec.structs import replace

from bridge.dispatch.decisions import Decision, Heard, Merged
from bridge.model.tasks import CancellationReason
from bridge.model.triggers import Raised
from tests.pure.test_dispatcher import GUIDS, dispatcher_of, over, raised, said, started, task

ALICE, BOB = 1000, 1001
FILES = task("files")
ALICES = replace(task("alices"), owner=ALICE, from_file=False)
BOBS = replace(task("bobs"), owner=BOB, from_file=False)


def raised_for(owner: int | None, number: int = 1) -> Raised:
    return msgspec.structs.replace(raised(number), owner=owner)


def owners_told(decisions: list[Decision]) -> list[frozenset[int | None]]:
    return [each.owners for each in decisions if isinstance(each, Heard)]


def test_a_raise_for_everybody_reaches_the_tasks_of_all_owners() -> None:
    dispatcher = dispatcher_of(FILES)
    dispatcher.register(ALICES, 0)

    decisions = dispatcher.raised(raised_for(None))

    assert [each.task.name for each in started(decisions)] == ["files", "alices"]
    assert owners_told(decisions) == [frozenset({None, ALICE})]


def test_a_raise_for_one_owner_reaches_that_owners_tasks_alone() -> None:
    dispatcher = dispatcher_of(FILES)
    dispatcher.register(ALICES, 0)
    dispatcher.register(BOBS, 0)

    decisions = dispatcher.raised(raised_for(ALICE))

    assert [each.task.name for each in started(decisions)] == ["alices"]
    assert owners_told(decisions) == [frozenset({ALICE})]
    assert dispatcher.subscribers(GUIDS[0], ALICE) == 1
    assert dispatcher.subscribers(GUIDS[0]) == 3


def test_a_raise_for_one_owner_cancels_no_run_of_anothers_task() -> None:
    dispatcher = dispatcher_of(task("files", GUIDS[1], cancel_on=(GUIDS[0],)))
    dispatcher.register(replace(task("alices", GUIDS[1], cancel_on=(GUIDS[0],)), owner=ALICE, from_file=False), 0)
    _, of_alice = started(dispatcher.raised(raised(1, trigger=GUIDS[1])))

    decisions = dispatcher.raised(raised_for(ALICE, number=2))

    assert said(decisions) == [("cancel", of_alice.instance_id, CancellationReason.ResourceRevocation.name)]


def test_a_full_queue_of_another_owner_makes_nobody_else_busy() -> None:
    dispatcher = dispatcher_of(replace(FILES, queue_limit=1))
    dispatcher.register(replace(ALICES, queue_limit=1), 0)
    for number in (1, 2):
        dispatcher.raised(msgspec.structs.replace(raised(number, key=str(number)), owner=None))
    dispatcher.unregister("alices", 3, cancel_task=True)
    dispatcher.register(ALICES, 3)

    assert dispatcher.busy(GUIDS[0], "new")
    assert not dispatcher.busy(GUIDS[0], "new", ALICE)


def test_who_has_not_heard_a_raise_is_not_told_to_have() -> None:
    assert owners_told(dispatcher_of(FILES).raised(raised(1, trigger=GUIDS[2]))) == []


def test_a_raise_that_joins_one_that_waits_is_told_to_be_merged() -> None:
    dispatcher = dispatcher_of(FILES)

    decisions = [each for number in (1, 2, 3, 4) for each in dispatcher.raised(raised(number))]

    assert [(each.at, each.merged) for each in decisions if isinstance(each, Merged)] == [(3, 2), (4, 3)]
    (follow_up,) = started(dispatcher.completed(over("1")))
    assert follow_up.merged == 3

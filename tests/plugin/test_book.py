"""The book of what a store would keep agrees with the dispatcher, whatever happens in whatever order."""

from collections.abc import Callable, Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.dispatch.kept import Kept, TaskKept, TaskState
from bridge.dispatch.waiting import Pending, pending_of_kept
from bridge.testing.bench import Bench
from tests.plugin.benches import bench_with, task

TRIGGERS = '{ custom = "scan.arrived" }, { time = "3s" }, { application = true }'
MORE = {
    "plain": "",
    "waiting": 'conditions = ["docked"]\nexpires = "5s"',
    "batched": 'conditions = ["docked"]\nconcurrency = "batch"\nqueue_limit = 2',
    "queued": 'concurrency = "queue"\nqueue_limit = 2\nretry = { attempts = 2 }',
    "restarted": 'concurrency = "restart"',
}
TASKS = [task(more, TRIGGERS, name) for name, more in MORE.items()]
TASKS.append(task("", '{ custom = "scan.arrived", recurrence = "once" }', "once"))


def end(bench: Bench, how: str) -> None:
    for name in MORE:
        held = bench.hold(name)
        if held.runs:
            getattr(held, how)()


def unless_busy(bench: Bench, key: str) -> None:
    guid = bench._declarations.rules.names["scan.arrived"].guid
    if not bench._replay.dispatcher.busy(guid, key):
        bench.raise_trigger("scan.arrived", key, n=str(len(bench.raised)))


STEPS: dict[str, Callable[[Bench], object]] = {
    "raise": lambda bench: unless_busy(bench, ""),
    "raise other": lambda bench: unless_busy(bench, "k"),
    "request": lambda bench: bench.request("plain") if "plain" in names_of(bench) else None,
    "met": lambda bench: bench.set_condition("docked", True),
    "lost": lambda bench: bench.set_condition("docked", False),
    "complete": lambda bench: end(bench, "complete"),
    "fail": lambda bench: end(bench, "fail"),
    "again": lambda bench: end(bench, "again"),
    "wait": lambda bench: bench.advance("1s"),
    "restart": lambda bench: bench.restart(),
    "reboot": lambda bench: bench.restart(reboot=True),
    "kill": lambda bench: bench.restart(kill=True),
    "declare": lambda bench: bench.replay(tasks="".join(TASKS).replace('"queue"', '"batch"')),
    "declare before": lambda bench: bench.replay(tasks="".join(TASKS)),
    "reset": lambda bench: [bench.reset(name) for name in bench.quarantined],
}


def names_of(bench: Bench) -> set[str]:
    return {each.name for each in bench._replay.dispatcher.tasks}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=30))
def test_what_is_owed_and_what_became_of_tasks_stands_in_the_book(steps: list[str]) -> None:
    bench = bench_with(*TASKS)
    for name in MORE:
        bench.hold(name)
    for step in steps:
        STEPS[step](bench)

        book, known = bench._told.book.restored(bench._replay.now), bench._replay.dispatcher.owed()
        assert meant(book.owed) == meant(each for each in known if isinstance(each, Kept))
        assert told(book.tasks) == told(each.state for each in known if isinstance(each, TaskKept))


def meant(owed: Iterable[Kept]) -> list[Pending]:
    """What a daemon that starts now would make of them."""
    return [pending_of_kept(each) for each in sorted(owed, key=lambda kept: kept.number)]


def told(states: Iterable[TaskState]) -> dict[str, TaskState]:
    """Those that say anything."""
    return {each.name: each for each in states if each != TaskState(name=each.name, definition=each.definition)}

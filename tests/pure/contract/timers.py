"""What is promised of triggers of time: each on its period, and a missed one once. Nothing here waits for one."""

from collections.abc import Iterator

from bridge.dispatch.kept import TaskState
from bridge.model.triggers import Raised
from tests.pure.contract.books import OWN, Books, Due, period_of


def on_time(books: Books, at: int, raised: Raised) -> None:
    """A trigger of time goes off, in a transaction of this time."""
    if raised.trigger not in OWN.values():
        return
    task = books.tasks.get(str(raised.task))
    assert task is not None, f"{raised}: there is no such task"
    places = task.answering(raised)
    assert places, f"{raised}: no trigger of the task, or a spent one"
    for place in places:
        due, period = task.due[place], period_of(task.registration.triggers[place])
        if due.is_missed:
            assert due.at <= raised.at <= at, f"{raised}: what was missed since {due.at} is made up for now"
            task.due[place] = Due(due.at + ((at - due.at) // period + 1) * period)
        elif due.is_exact:
            assert raised.at == due.at, f"{raised}: its period ends at {due.at}"
            task.due[place] = Due(due.at + period)
        else:
            assert raised.at <= due.at, f"{raised}: its period ends at {due.at} at the latest"
            task.due[place] = Due(raised.at + period)


def keep(books: Books, state: TaskState) -> None:
    """A phase that began anew is kept from now on."""
    task = books.tasks[state.name]
    for place, due in task.due.items():
        if not due.is_exact and place in state.due and state.definition == task.registration.definition:
            assert books.now < state.due[place] <= due.at, f"{state}: trigger {place} is due until {due.at}"
            task.due[place] = Due(state.due[place])


def end(books: Books, at: int) -> None:
    """After time has gone on: no trigger of time is late."""
    for due, what in expected(books):
        assert due > at, f"{what} was due at {due}, and it is {at}"


def expected(books: Books) -> Iterator[tuple[int, str]]:
    """When triggers of time go off next."""
    if not books.stopping:
        for name, task in books.tasks.items():
            for place, due in task.due.items():
                if place not in task.spent:
                    yield due.at, f"trigger {place} of {name}"

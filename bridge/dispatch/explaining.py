"""Why a raise would not start a run of a task: everything that the dispatcher knows to be in its way, in words.

It looks at a task as it stands. Nothing here decides what starts, and nothing knows what raises a trigger or whether
the program is there.
"""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum

import msgspec

from bridge.dispatch.runs import Run
from bridge.dispatch.task import Levels, Task, id_of, is_once_a_boot
from bridge.dispatch.waiting import Pending
from bridge.model.conditions import MAINS
from bridge.model.durations import format_roughly
from bridge.model.tasks import Concurrency
from bridge.model.text import count_of
from bridge.model.triggers import MaintenanceTrigger

_MOST_KEYS = 10
"""Of what waits for a time of its own, so many keys are told of one by one."""


class What(StrEnum):
    """What is in a task's way, or that nothing is: the words of `Why` in the interface, the first in the way first."""

    STORE = "store"
    QUARANTINED = "quarantined"
    EXPIRED = "expired"
    USER = "user"
    HANDLER = "handler"
    SERVER = "server"
    RUNNING = "running"
    WAITING = "waiting"
    CONDITION = "condition"
    MAINS = "mains"
    MONITOR = "monitor"
    DEVICE = "device"
    TRIGGER = "trigger"
    READY = "ready"


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is in a task's way; `subject` is which trigger, condition, key, device, program it is about."""

    what: What
    subject: str | None = None
    message: str


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a task stands at the time `now`: its runs, the levels, and why nothing new is accepted, "" where it is.

    `more_of` a condition by its name, which is not as it is wanted, says what else is known of it.
    """

    task: Task
    runs: Sequence[Run]
    levels: Levels
    refusal: str
    now: int
    more_of: Callable[[str], str] = lambda name: ""


def held_up(standing: Standing) -> list[Why]:
    """Everything that is in the way. Nothing is, exactly if nothing waits and any raise would start a run at once.

    That is a raise by a caller, for any key, by any of the task's triggers.
    """
    found = [
        *_not_accepted(standing),
        *_running(standing),
        *_waiting_for_time(standing),
        *_gates(standing),
    ]
    if not found and any(True for _ in standing.task.waiting):
        found.append(Why(what=What.WAITING, message=f"{_waiting(standing.task)} to be started"))
    return found


def _not_accepted(standing: Standing) -> Iterator[Why]:
    """Why raises of the task are not accepted, or all wait until somebody does something about it."""
    task = standing.task
    if standing.refusal:
        yield Why(what=What.STORE, message=f"new raises are refused: {standing.refusal}")
    if task.quarantined:
        message = f"{task.quarantined}; what is raised waits until it is reset{_so_many_wait(task)}"
        yield Why(what=What.QUARANTINED, message=message)
    triggers = task.registration.triggers
    spent = [place for place in range(len(triggers)) if task.is_spent(place)]
    for place in spent:
        what = What.EXPIRED if len(spent) == len(triggers) else What.TRIGGER
        yield Why(what=what, subject=str(id_of(triggers[place])), message=_spent(task, place))


def _spent(task: Task, place: int) -> str:
    if is_once_a_boot(task.registration.triggers[place]):
        return "it went off, and does so once a boot: it activates the task again after the next boot"
    return "it went off, and does so once only: it activates the task again when it is registered otherwise"


_MEANWHILE = {
    Concurrency.LATEST: "what is raised meanwhile waits",
    Concurrency.BATCH: "what is raised meanwhile waits",
    Concurrency.QUEUE: "what is raised meanwhile waits",
    Concurrency.IGNORE: "what is raised meanwhile is dropped",
    Concurrency.RESTART: "what is raised meanwhile cancels it",
    Concurrency.PARALLEL: "what is raised meanwhile waits",
}


def _running(standing: Standing) -> Iterator[Why]:
    """The runs that are there, where they keep another from starting."""
    task, count = standing.task, standing.task.count()
    registration = task.registration
    is_full = count >= registration.max_running
    if not count or (registration.concurrency is Concurrency.PARALLEL and not is_full):
        return
    of_key = "" if is_full else " of its key"
    limit = f"max_running = {registration.max_running}; " if is_full and registration.max_running > 1 else ""
    more = f"{limit}{_MEANWHILE[registration.concurrency].replace('meanwhile', f'meanwhile{of_key}')}"
    runs = sorted(standing.runs, key=lambda run: run.began)
    keys = {run.pending.key for run in runs}
    yield Why(
        what=What.RUNNING,
        subject=keys.pop() or None if len(keys) == 1 else None,
        message=f"{_runs(runs, standing.now)}; {more}{_so_many_wait(task)}",
    )


def _runs(runs: Sequence[Run], now: int) -> str:
    if not runs:
        return "a run of it is not over"
    oldest = runs[0]
    since = format_roughly(now - oldest.began)
    asked = f", asked to end: {oldest.canceled.name}" if oldest.canceled is not None else ""
    if len(runs) == 1:
        return f"run {oldest.instance.instance_id} goes on, since {since}{asked}"
    return f"{len(runs)} runs go on, the oldest, {oldest.instance.instance_id}, since {since}{asked}"


def _waiting_for_time(standing: Standing) -> Iterator[Why]:
    """What waits for a time, and a queue that is full."""
    task, registration = standing.task, standing.task.registration
    timed = [pending for pending in task.waiting if pending.due is not None and pending.due > standing.now]
    for pending in timed[:_MOST_KEYS]:
        yield Why(what=What.WAITING, subject=pending.key or None, message=_due(pending, standing.now))
    if len(timed) > _MOST_KEYS:
        yield Why(what=What.WAITING, message=f"{len(timed) - _MOST_KEYS} more wait for their time")
    if len(task.waiting) >= registration.queue_limit:
        message = "as many wait, so callers are refused (Busy), and for what devices raise the oldest is dropped"
        yield Why(what=What.WAITING, message=f"queue_limit = {registration.queue_limit}: {message}")


def _due(pending: Pending, now: int) -> str:
    assert pending.due is not None, "only what waits for a time is told of"
    left = format_roughly(pending.due - now)
    if not pending.has_run:
        return f"the task seems to raise its own trigger, and is slowed: its next run starts in {left}"
    if pending.attempt > 1:
        return f"its last run failed: attempt {pending.attempt} starts in {left}"
    return f"its last run asked to be run again: that is in {left}"


def _gates(standing: Standing) -> Iterator[Why]:
    """The levels that have to be otherwise."""
    task, levels = standing.task, standing.levels
    for condition in task.registration.conditions:
        level = levels.get(condition.name)
        if level is not condition.wanted:
            how = f"{'is not known' if level is None else 'does not hold'}{standing.more_of(condition.name)}"
            message = f"{condition} {how}{_so_many_wait(task)}"
            yield Why(what=What.CONDITION, subject=condition.name, message=message)
    waits_for_mains = any(isinstance(each, MaintenanceTrigger) for each in task.registration.triggers)
    if levels.get(MAINS) is False and (waits_for_mains or any(each.needs_mains for each in task.waiting)):
        yield Why(what=What.MAINS, message=f"there is no mains power, which maintenance waits for{_so_many_wait(task)}")


def _so_many_wait(task: Task) -> str:
    return f"; {_waiting(task)}" if any(True for _ in task.waiting) else ""


def _waiting(task: Task) -> str:
    count = sum(pending.merged for pending in task.waiting)
    return f"{count_of(count, 'raise')} {'waits' if count == 1 else 'wait'}"

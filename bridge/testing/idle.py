"""Why tasks did not run, or would not now: what was not raised, what waits and for what.

It looks at the dispatcher as it stands, and changes nothing there.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from bridge.dispatch.task import Levels, Task, id_of
from bridge.dispatch.waiting import Pending
from bridge.model.conditions import MAINS
from bridge.model.durations import format_at
from bridge.model.guid import Guid
from bridge.model.tasks import Concurrency
from bridge.model.text import count_of
from bridge.model.triggers import OwnTrigger, Trigger
from bridge.testing.told import Told

Names = Mapping[Guid, str]
"""What rules files call triggers."""


def never_ran(tasks: Iterable[Task], told: Told, names: Names, levels: Levels, now: int) -> Iterator[str]:
    """The tasks that no run was started of since the test began, and why."""
    ran = {run.task for run in told.runs.values()}
    for task in tasks:
        if task.name not in ran:
            reasons = [_raised(task, told, names), *_held_up_by(task, levels, now), *_dropped(task, told)]
            yield f"{task.name}: {'; '.join(reasons)}"


def held_up(tasks: Iterable[Task], told: Told, names: Names, levels: Levels, now: int) -> Iterator[str]:
    """The tasks that ran, of which something waits or does not come any more, and why."""
    ran = {run.task for run in told.runs.values()}
    for task in tasks:
        reasons = [*_held_up_by(task, levels, now), *_dropped(task, told), *_spent(task, names)]
        if task.name in ran and reasons:
            yield f"{task.name}: {'; '.join(reasons)}"


def _held_up_by(task: Task, levels: Levels, now: int) -> Iterator[str]:
    """What a task's raises wait for."""
    if task.quarantined:
        yield f"is quarantined: {task.quarantined}"
    waiting: Counter[str] = Counter()
    for pending in task.waiting:
        waiting["; ".join(_reasons(task, pending, levels, now))] += pending.merged
    for why, count in waiting.items():
        yield f"{count_of(count, 'raise')} {'waits' if count == 1 else 'wait'}{f': {why}' if why else ''}"


def _reasons(task: Task, pending: Pending, levels: Levels, now: int) -> Iterator[str]:
    """Everything that one raise waits for."""
    registration = task.registration
    for condition in registration.conditions:
        level = levels.get(condition.name)
        if level is not condition.wanted:
            yield f"{condition} {'is not known yet' if level is None else 'does not hold'}"
    if pending.needs_mains and levels.get(MAINS) is False:
        yield "there is no mains power"
    if pending.due is not None and pending.due > now:
        why = "it is run again" if pending.has_run else "the task seems to raise its own trigger, and is slowed"
        yield f"{why}: until {format_at(pending.due)}"
    if pending.key in task.running and registration.concurrency is not Concurrency.PARALLEL:
        yield "a run of its key is open"
    elif task.count() >= registration.max_running:
        yield f"max_running = {registration.max_running}, and {count_of(task.count(), 'run')} open"


def _raised(task: Task, told: Told, names: Names) -> str:
    """Whether any of its triggers went off."""
    wanted = dict.fromkeys(map(id_of, task.registration.triggers))
    own = {each.trigger for each in told.raised if each.task == task.name}
    common = {each.trigger for each in told.raised if each.task is None}
    was_raised = any(str(each) in (own if isinstance(each, OwnTrigger) else common) for each in wanted)
    shown = " or ".join(dict.fromkeys(_name_of(each, names) for each in task.registration.triggers))
    due = min(task.due.values(), default=None)
    return f"{shown} was {'' if was_raised else 'not '}raised{f', and is due at {format_at(due)}' if due else ''}"


def _dropped(task: Task, told: Told) -> Iterator[str]:
    reasons: Counter[str] = Counter()
    for each in told.dropped:
        if each.task == task.name:
            reasons[each.reason] += each.merged
    for reason, count in reasons.items():
        yield f"{count_of(count, 'raise')} dropped: {reason}"


def _spent(task: Task, names: Names) -> Iterator[str]:
    """The triggers that have gone off for the last time."""
    for place, trigger in enumerate(task.registration.triggers):
        if place in task.spent:
            yield f"{_name_of(trigger, names)} went off, and does so once only"
        elif place in task.spent_in_boot:
            yield f"{_name_of(trigger, names)} went off, and does so once a boot"


def _name_of(trigger: Trigger, names: Names) -> str:
    found = id_of(trigger)
    return names.get(found, str(found)) if isinstance(found, Guid) else str(found)

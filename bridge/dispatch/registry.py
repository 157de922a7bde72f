"""Which tasks there are, and who hears of a trigger or a condition. It knows nothing of what they do then."""

from collections.abc import Hashable, Iterator, Sequence
from typing import TypeVar

from bridge.dispatch.task import Task, id_of
from bridge.model.conditions import MAINS
from bridge.model.tasks import Registration
from bridge.model.triggers import MaintenanceTrigger, TriggerId

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class Registry:
    """The registered tasks, in the order in which they hear of a trigger: files' first, then by registration."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}
        self._subscribers: dict[TriggerId, dict[str, int]] = {}
        self._cancelers: dict[TriggerId, dict[str, None]] = {}
        self._waiters: dict[str, dict[str, None]] = {}
        self._quarantined: dict[str, Task] = {}

    def __iter__(self) -> Iterator[Task]:
        return iter(self._tasks.values())

    def __len__(self) -> int:
        return len(self._tasks)

    def get(self, name: str) -> Task | None:
        """The task of this name."""
        return self._tasks.get(name)

    def put(self, task: Task, before: Registration | None) -> None:
        """The task is registered, in place of what it was registered as `before`."""
        if before is not None:
            self._unlink(before)
        self._tasks[task.name] = task
        self._link(task.registration)
        self.note(task)

    def note(self, task: Task) -> None:
        """Something became of the task: it may be quarantined now, or be so no more."""
        if task.quarantined and self._tasks.get(task.name) is task:
            self._quarantined[task.name] = task
        else:
            self._quarantined.pop(task.name, None)

    @property
    def quarantined(self) -> tuple[Task, ...]:
        """The tasks that are quarantined, without looking at each: there may be many that are not."""
        return tuple(self._quarantined.values())

    def remove(self, task: Task) -> None:
        """The task is registered no more."""
        del self._tasks[task.name]
        self._quarantined.pop(task.name, None)
        self._unlink(task.registration)

    def order(self, names: Sequence[str]) -> None:
        """These come first, in this order."""
        first = {name: self._tasks[name] for name in names}
        self._tasks = {**first, **self._tasks}
        self._subscribers, self._cancelers, self._waiters = {}, {}, {}
        for task in self:
            self._link(task.registration)

    def subscribed(self, trigger: TriggerId, only: str | None = None) -> list[tuple[Task, int]]:
        """The tasks that this trigger still activates, or the `only` one; with its place among the task's triggers."""
        places = self._subscribers.get(trigger, {})
        names = places if only is None else {only} & places.keys()
        found = [(self._tasks[name], places[name]) for name in names]
        return [(task, place) for task, place in found if not task.is_spent(place)]

    def canceled_by(self, trigger: TriggerId) -> list[Task]:
        """The tasks whose runs this trigger cancels."""
        return [self._tasks[name] for name in self._cancelers.get(trigger, ())]

    def naming(self, trigger: TriggerId) -> list[Task]:
        """The tasks that this trigger activates, did so until it was spent, or whose runs it cancels."""
        names = {**self._subscribers.get(trigger, {}), **self._cancelers.get(trigger, {})}
        return [self._tasks[name] for name in names]

    def waiting_for(self, condition: str) -> list[Task]:
        """The tasks that ask for the condition of this name."""
        return [self._tasks[name] for name in self._waiters.get(condition, ())]

    def _link(self, registration: Registration) -> None:
        name = registration.name
        for place, trigger in enumerate(registration.triggers):
            self._subscribers.setdefault(id_of(trigger), {}).setdefault(name, place)
        for canceler in registration.cancel_on:
            self._cancelers.setdefault(canceler, {})[name] = None
        for condition in _levels_of(registration):
            self._waiters.setdefault(condition, {})[name] = None

    def _unlink(self, registration: Registration) -> None:
        name = registration.name
        for trigger in map(id_of, registration.triggers):
            _remove(self._subscribers, trigger, name)
        for canceler in registration.cancel_on:
            _remove(self._cancelers, canceler, name)
        for condition in _levels_of(registration):
            _remove(self._waiters, condition, name)


def _levels_of(registration: Registration) -> set[str]:
    mains = {MAINS} if any(isinstance(each, MaintenanceTrigger) for each in registration.triggers) else set[str]()
    return {each.name for each in registration.conditions} | mains


def _remove(names: dict[_Key, dict[str, _Value]], key: _Key, name: str) -> None:
    if key in names:
        names[key].pop(name, None)
        if not names[key]:
            del names[key]

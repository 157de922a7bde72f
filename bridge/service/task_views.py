"""A registered task as the interface shows it: what it is, what runs of it, what waits. Nothing is decided here."""

import os
from collections.abc import Mapping, Sequence

import msgspec

from bridge.dispatch.dispatcher import Dispatcher
from bridge.dispatch.runs import Run
from bridge.dispatch.task import Task, id_of, is_once_a_boot, is_one_shot
from bridge.dispatch.time_triggers import TIMED, period_of
from bridge.dispatch.waiting import Pending
from bridge.model.conditions import Named
from bridge.model.triggers import NamedTrigger, Trigger, TriggerId

View = Mapping[str, object]


class TaskViews:
    """Views of one moment. `wall_offset` is what the wall clock shows more than the dispatcher's, in microseconds.

    `names` are those that rules files give to triggers; of several for one, the first is shown.
    """

    def __init__(self, dispatcher: Dispatcher, wall_offset: int, names: Mapping[str, NamedTrigger]) -> None:
        self._names: dict[TriggerId, str] = {}
        for name, named in names.items():
            self._names.setdefault(named.guid, name)
        self._levels = dispatcher.levels
        self._wall_offset = wall_offset
        self._runs: dict[str, list[Run]] = {}
        for run in dispatcher.runs:
            self._runs.setdefault(run.instance.task.name, []).append(run)

    def view(self, task: Task) -> View:
        """The task, as the type `Task` of the interface."""
        registration = task.registration
        return {
            "name": task.name,
            "task_id": registration.task_id.text,
            "group": registration.group,
            "owner": registration.owner if registration.owner is not None else os.geteuid(),
            "user": registration.user,
            "from_file": registration.from_file,
            "state": self._state(task),
            "triggers": [self._trigger(task, place, each) for place, each in enumerate(registration.triggers)],
            "conditions": [self._condition(each) for each in registration.conditions],
            "running": [self._running(run) for run in self._runs.get(task.name, ())],
            "waiting": [self._waiting(task, pending) for pending in task.waiting],
            "failures": task.failures,
            "quarantined": task.quarantined or None,
            "definition": msgspec.Raw(registration.definition.encode()),
        }

    def _state(self, task: Task) -> str:
        waiting: Sequence[Pending] = tuple(task.waiting)
        states = {
            "quarantined": bool(task.quarantined),
            "running": bool(task.running),
            "latched": any(not task.gate(pending, self._levels) for pending in waiting),
            "waiting": bool(waiting),
            "expired": task.is_expired(),
        }
        return next((state for state, is_so in states.items() if is_so), "idle")

    def _trigger(self, task: Task, place: int, trigger: Trigger) -> View:
        due = task.due.get(place)
        return {
            "trigger": str(id_of(trigger)),
            "name": self._names.get(id_of(trigger)),
            "recurrence": "one_shot" if is_one_shot(trigger) else "once" if is_once_a_boot(trigger) else "always",
            "period": period_of(trigger) if id_of(trigger) in TIMED else None,
            "next_at": None if due is None else due + self._wall_offset,
            "spent": task.is_spent(place),
        }

    def _condition(self, condition: Named) -> View:
        level = self._levels.get(condition.name)
        state = "unknown" if level is None else "met" if level is condition.wanted else "lost"
        return {"name": condition.name, "wanted": condition.wanted, "state": state}

    def _running(self, run: Run) -> View:
        return {
            "instance_id": run.instance.instance_id,
            "trigger": str(run.instance.raised.trigger),
            "key": run.instance.raised.key,
            "started_at": run.began + self._wall_offset,
            "progress": run.progress,
            "canceled": run.canceled.name if run.canceled is not None else None,
            "merged": run.instance.merged,
            "attempt": run.instance.attempt,
            "redelivered": run.instance.redelivered,
        }

    def _waiting(self, task: Task, pending: Pending) -> View:
        return {
            "trigger": str(pending.raised.trigger),
            "key": pending.key,
            "raised_at": pending.raised.at + self._wall_offset,
            "latched": not task.gate(pending, self._levels),
            "due": None if pending.due is None else pending.due + self._wall_offset,
            "merged": pending.merged,
            "attempt": pending.attempt,
            "redelivered": pending.redelivered,
        }

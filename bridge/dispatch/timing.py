"""What time alone brings: raises of time triggers, what becomes due of runs and of what waits. It reads no clock."""

from msgspec.structs import replace

from bridge.dispatch.activations import Activations, heard
from bridge.dispatch.task import Task, id_of, is_one_shot
from bridge.dispatch.time_triggers import latest_due, period_of
from bridge.dispatch.waiting import Pending
from bridge.model.triggers import Raised


class Timing:
    """Lets time go on."""

    def __init__(self, activations: Activations) -> None:
        self._activations = activations

    @property
    def deadline(self) -> int | None:
        """When `advance` has something to do, or None."""
        runs, tasks = self._activations.runs.deadline, self._activations.wakes.first
        return min(runs, tasks) if runs is not None and tasks is not None else tasks if runs is None else runs

    def advance(self, at: int) -> None:
        """Does what is due by then, in order; of one instant first what becomes of runs."""
        activations = self._activations
        while (due := self.deadline) is not None and due <= at:
            if due == activations.runs.deadline:
                activations.told += activations.runs.advance(due)
            else:
                name = activations.wakes.pop()
                task = activations.tasks.get(name)
                assert task is not None, "who is unregistered is not waked"
                self._look(task, due)

    def _look(self, task: Task, at: int) -> None:
        for place, due in list(task.due.items()):
            if due <= at:
                self._raise(task, place, at)
        self._activations.start_ready(task, at)

    def _raise(self, task: Task, place: int, at: int) -> None:
        trigger = task.registration.triggers[place]
        period = period_of(trigger)
        due = task.due.pop(place)
        if not is_one_shot(trigger) or not self._activations.accepts:
            task.due[place] = latest_due(due, period, at) + period
        self._activations.keep(task)
        raised = Raised(at=at, trigger=id_of(trigger), task=task.name)
        self._activations.told += [raised, heard(raised, (task,))]
        self._activations.offer(task, place, raised)

    def resumed(self, asleep: int, at: int) -> None:
        """The machine slept: time went on for what is due and for what waits, but not for runs."""
        for run in self._activations.runs:
            run.pending = _aged(run.pending, asleep)
        for task in self._activations.tasks:
            for pending in task.waiting:
                task.waiting.change(_aged(pending, asleep))
            for place, due in task.due.items():
                task.due[place] = latest_due(due - asleep, period_of(task.registration.triggers[place]), at)
            self._activations.start_ready(task, at)


def _aged(pending: Pending, by: int) -> Pending:
    raised = replace(pending.raised, at=pending.raised.at - by)
    return replace(pending, raised=raised, due=pending.due - by if pending.due is not None else None)

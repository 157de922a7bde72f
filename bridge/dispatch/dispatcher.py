"""The dispatcher: takes raised triggers and completed runs, decides what to start and what to cancel.

Nothing here reads a clock, opens a file or starts a thread: every fact brings its time, in microseconds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from bridge.dispatch.decisions import Activate, Cancel, Completed, Decision, Dropped, Finished, Kill
from bridge.dispatch.waiting import Pending, Waiting, pending_of
from bridge.model.guid import Guid
from bridge.model.tasks import (
    CancellationReason,
    Concurrency,
    DropReason,
    Instance,
    InstanceState,
    Registration,
)
from bridge.model.triggers import Raised


@dataclass(slots=True)
class _Task:
    """A registration, what runs of it and what waits for it."""

    registration: Registration
    running: dict[str, set[str]] = field(default_factory=dict)
    waiting: Waiting = field(default_factory=Waiting)

    def count(self) -> int:
        return sum(len(ids) for ids in self.running.values())

    def has_room(self) -> bool:
        return self.count() < self.registration.max_running

    def may_start(self, key: str) -> bool:
        """Whether a run of this key may start now."""
        alone = self.registration.concurrency is not Concurrency.PARALLEL
        return self.has_room() and not (alone and key in self.running)

    def would_overflow(self, key: str) -> bool:
        """Whether one more raise of this key would have to wait, and push another out."""
        concurrency, ahead = self.registration.concurrency, self.waiting.holds(key)
        if self.may_start(key) or (concurrency is Concurrency.IGNORE and (ahead or key in self.running)):
            return False
        joins = ahead and concurrency in {Concurrency.LATEST, Concurrency.RESTART}
        return len(self.waiting) + (0 if joins else 1) > self.registration.queue_limit


@dataclass(slots=True)
class _Run:
    instance: Instance
    canceled: CancellationReason | None = None
    due: int | None = None
    """When it is cancelled, or once it is cancelled, killed."""


class Dispatcher:
    """Tasks, their runs and their queues. `new_id` names each run."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._tasks: dict[str, _Task] = {}
        self._leaving: dict[str, _Task] = {}  # unregistered, but runs of them are not over
        self._subscribers: dict[Guid, list[_Task]] = {}
        self._runs: dict[str, _Run] = {}
        self._deadlines: list[tuple[int, str]] = []  # a heap; an entry that is not its run's `due` is void

    @property
    def running(self) -> int:
        """How many runs there are."""
        return len(self._runs)

    @property
    def waiting(self) -> int:
        """How many raises wait for a run."""
        return sum(len(task.waiting) for task in self._tasks.values())

    @property
    def registrations(self) -> tuple[Registration, ...]:
        """The tasks that are registered, in order."""
        return tuple(task.registration for task in self._tasks.values())

    def register(self, registrations: Sequence[Registration], at: int) -> list[Decision]:
        """Makes these the registered tasks, instead of those before.

        A task of a name that was there before keeps its runs and what waits. Runs of a task that is gone may
        finish, what waits for it is dropped, as Windows' `Unregister(false)` does.
        """
        before, self._tasks = self._tasks, {}
        for registration in registrations:
            name = registration.name
            task = before.pop(name, None) or self._leaving.pop(name, None) or _Task(registration)
            if task.registration.concurrency is not registration.concurrency:
                task.waiting.follow(registration.concurrency)
            task.registration = registration
            self._tasks[registration.name] = task
        self._subscribers = {}
        for task in self._tasks.values():
            for trigger in dict.fromkeys(trigger.guid for trigger in task.registration.triggers):
                self._subscribers.setdefault(trigger, []).append(task)
        decisions: list[Decision] = []
        for gone in before.values():
            decisions += [_dropped(gone, pending, DropReason.Unregistered, at) for pending in gone.waiting.take_all()]
            if gone.running:
                self._leaving[gone.registration.name] = gone
        for task in self._tasks.values():
            decisions += self._start_waiting(task, at)
        return decisions

    def subscribers(self, trigger: Guid) -> int:
        """How many tasks a trigger activates."""
        return len(self._subscribers.get(trigger, ()))

    def busy(self, trigger: Guid, key: str) -> bool:
        """Whether raising this would push another raise out of a full queue."""
        return any(task.would_overflow(key) for task in self._subscribers.get(trigger, ()))

    def raised(self, raised: Raised) -> list[Decision]:
        """A trigger went off: each of its tasks starts, or waits, or drops it, as its concurrency says."""
        return [
            decision for task in self._subscribers.get(raised.trigger, ()) for decision in self._offer(task, raised)
        ]

    def _offer(self, task: _Task, raised: Raised) -> list[Decision]:
        registration, key = task.registration, raised.key
        ahead = task.waiting.holds(key)
        if task.may_start(key) and not ahead:
            return [self._activate(task, pending_of(raised, registration.concurrency), raised.at)]
        decisions: list[Decision] = []
        match registration.concurrency:
            case Concurrency.IGNORE if ahead or key in task.running:
                return [Dropped(at=raised.at, task=registration.name, key=key, reason=DropReason.AlreadyRunning)]
            case Concurrency.RESTART:
                for instance_id in sorted(task.running.get(key, ())):
                    decisions += self.cancel(instance_id, CancellationReason.Abort, raised.at)
            case _:
                pass
        task.waiting.add(raised, registration.concurrency)
        while len(task.waiting) > registration.queue_limit:
            decisions.append(_dropped(task, task.waiting.drop_oldest(), DropReason.QueueFull, raised.at))
        return decisions

    def completed(self, completed: Completed) -> list[Decision]:
        """A run is over: what waited for it may start. A run that is not known is over already."""
        run = self._runs.pop(completed.instance_id, None)
        if run is None:
            return []
        instance = run.instance
        finished = Finished(
            at=completed.at,
            instance=instance,
            state=_state(run, completed),
            detail=completed.detail,
            output=completed.output,
        )
        name, key = instance.task.name, instance.raised.key
        task = self._tasks.get(name) or self._leaving[name]
        task.running[key].remove(instance.instance_id)
        if not task.running[key]:
            del task.running[key]
        if name in self._leaving and not task.running:
            del self._leaving[name]
        return [finished, *self._start_waiting(task, completed.at)]

    def _start_waiting(self, task: _Task, at: int) -> list[Decision]:
        decisions: list[Decision] = []
        while task.has_room() and (pending := task.waiting.take(task.may_start)) is not None:
            decisions.append(self._activate(task, pending, at))
        return decisions

    def _activate(self, task: _Task, pending: Pending, at: int) -> Activate:
        instance = Instance(
            instance_id=self._new_id(),
            task=task.registration,
            raised=pending.raised,
            merged=pending.merged,
            batch=pending.batch,
        )
        run = self._runs[instance.instance_id] = _Run(instance)
        task.running.setdefault(pending.raised.key, set()).add(instance.instance_id)
        if task.registration.run_limit is not None:
            self._set_due(run, at + task.registration.run_limit)
        return Activate(at=at, instance=instance)

    def cancel(self, instance_id: str, reason: CancellationReason, at: int) -> list[Decision]:
        """Cancels a run, unless it is being cancelled already; after its grace it is killed."""
        run = self._runs.get(instance_id)
        if run is None or run.canceled is not None:
            return []
        run.canceled = reason
        self._set_due(run, at + run.instance.task.cancel_grace)
        return [Cancel(at=at, instance=run.instance, reason=reason)]

    def cancel_all(self, reason: CancellationReason, at: int) -> list[Decision]:
        """Cancels every run, and forgets what waits: the service stops."""
        for task in self._tasks.values():
            task.waiting.take_all()
        return [decision for instance_id in list(self._runs) for decision in self.cancel(instance_id, reason, at)]

    def _set_due(self, run: _Run, due: int) -> None:
        run.due = due
        heappush(self._deadlines, (due, run.instance.instance_id))

    @property
    def deadline(self) -> int | None:
        """When `advance` has something to do, or None."""
        while self._deadlines:
            due, instance_id = self._deadlines[0]
            if instance_id in self._runs and self._runs[instance_id].due == due:
                return due
            heappop(self._deadlines)
        return None

    def advance(self, at: int) -> list[Decision]:
        """Does what is due: cancels runs over their limit, kills those over their grace."""
        decisions: list[Decision] = []
        while (due := self.deadline) is not None and due <= at:
            _, instance_id = heappop(self._deadlines)
            run = self._runs[instance_id]
            run.due = None
            if run.canceled is None:
                decisions += self.cancel(instance_id, CancellationReason.ExecutionTimeExceeded, due)
            else:
                decisions.append(Kill(at=due, instance=run.instance))
        return decisions


def _state(run: _Run, completed: Completed) -> InstanceState:
    match run.canceled:
        case None:
            return InstanceState.SUCCEEDED if completed.succeeded else InstanceState.FAILED
        case CancellationReason.ExecutionTimeExceeded:
            return InstanceState.FAILED
        case _:
            return InstanceState.CANCELED


def _dropped(task: _Task, pending: Pending, reason: DropReason, at: int) -> Dropped:
    return Dropped(at=at, task=task.registration.name, key=pending.raised.key, reason=reason, merged=pending.merged)

"""The dispatcher: takes raised triggers, completed runs and levels, decides what to start and what to cancel.

Nothing here reads a clock, opens a file or starts a thread: every fact brings its time, in microseconds.
"""

from collections.abc import Callable, Sequence

from bridge.dispatch.activations import Activations, heard
from bridge.dispatch.decisions import (
    Completed,
    Decision,
    Finished,
    Looked,
    Progressed,
    Reset,
    Resumed,
    Started,
    StoreTurned,
)
from bridge.dispatch.endings import FAILURES_TO_QUARANTINE, owed_after, state_of
from bridge.dispatch.kept import Restored, ToKeep
from bridge.dispatch.registering import Registering
from bridge.dispatch.registry import Registry
from bridge.dispatch.runs import Run, Runs
from bridge.dispatch.servicing import serviced
from bridge.dispatch.task import Task, id_of
from bridge.dispatch.timing import Timing
from bridge.model.conditions import MAINS, ConditionFact, ConditionLost, ConditionMet
from bridge.model.guid import Guid
from bridge.model.tasks import CancellationReason, DropReason, InstanceState, Registration, RequestResult
from bridge.model.triggers import OwnTrigger, Raised, TriggerId


class Dispatcher:
    """Tasks, their runs and what waits. `new_id` names each run."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._activations = Activations(new_id)
        self._registering = Registering(self._activations)
        self._timing = Timing(self._activations)

    # What there is

    @property
    def tasks(self) -> Registry:
        """The registered tasks, to be looked at."""
        return self._activations.tasks

    @property
    def runs(self) -> Runs:
        """The runs that are not over, to be looked at."""
        return self._activations.runs

    @property
    def running(self) -> int:
        """How many runs there are."""
        return len(self._activations.runs)

    @property
    def waiting(self) -> int:
        """How many raises wait for a run."""
        return self._activations.tally.raises

    @property
    def not_begun(self) -> int:
        """How many runs are owed that are not there yet."""
        return self._activations.tally.runs

    @property
    def registrations(self) -> tuple[Registration, ...]:
        """The tasks that are registered, in order."""
        return tuple(task.registration for task in self._activations.tasks)

    @property
    def levels(self) -> dict[str, bool]:
        """The conditions that are known, and whether each is true."""
        return dict(self._activations.levels)

    @property
    def accepts(self) -> bool:
        """Whether new raises are taken: not while they cannot be written down."""
        return self._activations.accepts

    def subscribers(self, trigger: TriggerId, owner: int | None = None) -> int:
        """How many tasks a trigger activates, or cancels runs of; where an `owner` is given, only of theirs."""
        raised = Raised(at=0, trigger=trigger, owner=owner)
        names = {task.name for task, _ in self._subscribed(raised)}
        return len(names | {task.name for task in self._canceled_by(raised)})

    def busy(self, trigger: TriggerId, key: str, owner: int | None = None) -> bool:
        """Whether raising this would push another raise out of a full queue."""
        subscribed = self._subscribed(Raised(at=0, trigger=trigger, owner=owner))
        return any(self._activations.would_overflow(task, key) for task, _ in subscribed)

    def _subscribed(self, raised: Raised) -> list[tuple[Task, int]]:
        found = self._activations.tasks.subscribed(raised.trigger, raised.task)
        return [(task, place) for task, place in found if _reaches(raised, task)]

    def _canceled_by(self, raised: Raised) -> list[Task]:
        found = self._activations.tasks.canceled_by(raised.trigger)
        return [task for task in found if _reaches(raised, task) and raised.task in (None, task.name)]

    def request_result(self, name: str) -> RequestResult:
        """What a request for the application trigger of the task of this name is answered."""
        task = self._activations.tasks.get(name)
        if task is None or OwnTrigger.APPLICATION not in map(id_of, task.registration.triggers):
            return RequestResult.UnknownError
        if task.quarantined or not self._activations.accepts or self._activations.stops:
            return RequestResult.DisabledByPolicy
        there = (*(run.pending for run in self._activations.runs_of(task)), *task.waiting)
        if any(pending.raised.trigger is OwnTrigger.APPLICATION for pending in there):
            return RequestResult.CurrentlyRunning
        return RequestResult.Allowed

    def owed(self) -> list[ToKeep]:
        """All that the store has to keep, as if it had nothing."""
        activations = self._activations
        for task in activations.tasks:
            if task.is_kept:
                activations.keep(task)
            for pending in task.waiting:
                activations.ledger.owe(task.name, pending, added=pending.batch)
        for run in activations.runs:
            pending, instance = run.pending, run.instance
            activations.ledger.owe(instance.task.name, pending, instance_id=instance.instance_id, added=pending.batch)
        return list(activations.ledger.take())

    # What happens

    def restore(self, restored: Restored) -> list[Decision]:
        """Goes on where the daemon ended; comes before everything else."""
        self._registering.restore(restored)
        return self._activations.decisions()

    def declare(self, registrations: Sequence[Registration], at: int) -> list[Decision]:
        """These are the tasks of files from now on, instead of those before.

        Runs of a task that is gone may finish, what waits for it is dropped, as Windows' `Unregister(false)` does.
        """
        self._registering.declare(registrations, at)
        return self._activations.decisions()

    def register(self, registration: Registration, at: int) -> list[Decision]:
        """One more task, or another one of its name, in one step; its runs go on, and what waits."""
        self._registering.register(registration, at)
        return self._activations.decisions()

    def unregister(self, name: str, at: int, *, cancel_task: bool) -> list[Decision]:
        """A task is registered no more; its runs may finish, or are canceled."""
        self._registering.unregister(name, at, cancel_task=cancel_task)
        return self._activations.decisions()

    def raised(self, raised: Raised) -> list[Decision]:
        """A trigger went off: each of its tasks starts, or waits, or drops it, as its registration says."""
        activations = self._activations
        canceled, subscribed = self._canceled_by(raised), self._subscribed(raised)
        hearers = [*canceled, *(task for task, _ in subscribed)]
        if hearers:
            activations.told.append(heard(raised, hearers))
        for task in canceled:
            self._revoke(task, raised)
        for task, place in subscribed:
            activations.offer(task, place, raised)
        return activations.decisions()

    def looked(self, looked: Looked) -> list[Decision]:
        """These tasks are of these packages: `ServicingComplete` goes off for those whose package is another now."""
        decisions: list[Decision] = []
        for raised in serviced(self._activations, looked):
            decisions += [raised, *self.raised(raised)]
        return [*decisions, *self._activations.decisions()]

    def _revoke(self, task: Task, raised: Raised) -> None:
        """Ends all that the task does for a key, or where the machine as a whole changed, for every key."""
        activations, reason = self._activations, CancellationReason.ResourceRevocation
        key = raised.key if isinstance(raised.trigger, Guid) else None
        activations.cancel_all(task, reason, raised.at, key=key)
        for pending in task.waiting:
            if key is None or pending.key == key:
                activations.drop(task, pending, DropReason.ResourceRevocation, raised.at)
        activations.plan(task, raised.at)

    def started(self, started: Started) -> list[Decision]:
        """A run is started, which may be later than it was decided."""
        self._activations.runs.started(started.instance_id, started.at)
        return []

    def completed(self, completed: Completed) -> list[Decision]:
        """A run is over: what waited for it may start. A run that is not known is over already."""
        activations = self._activations
        run = activations.runs.pop(completed.instance_id)
        if run is None:
            return []
        name = run.instance.task.name
        task = activations.tasks.get(name)
        if run.is_last:
            self._leave(task or activations.leaving[name], run, completed)
        elif task is not None:
            self._end(task, run, completed)
        if task is not None:
            activations.start_ready(task, completed.at)
        return activations.decisions()

    def _leave(self, task: Task, run: Run, completed: Completed) -> None:
        """A run of a task that was unregistered meanwhile is over: nothing follows."""
        task.end(run.pending.key, completed.instance_id)
        if not task.running:
            self._activations.leaving.pop(task.name, None)
        self._activations.told.append(_finished(run, state_of(run.canceled, completed), completed))

    def _end(self, task: Task, run: Run, completed: Completed) -> None:
        activations, key, at = self._activations, run.pending.key, completed.at
        task.end(key, completed.instance_id)
        task.loops.ended(
            run.pending.streak(task.name),
            run.began,
            at,
            lambda other: other in task.running or task.waiting.holds(other),
        )
        state = state_of(run.canceled, completed)
        owed = owed_after(run.pending, task.registration.retry, state, run.canceled, completed)
        if owed is not None:
            activations.told.append(_finished(run, state, completed, owed.due))
            task.waiting.add(owed)
            activations.ledger.owe(task.name, owed)
            return
        activations.told.append(_finished(run, state, completed))
        activations.ledger.answer(run.pending.number)
        self._count(task, state, at)

    def _count(self, task: Task, state: InstanceState, at: int) -> None:
        """Counts the activations that have failed in a row."""
        before = task.failures
        task.failures = {InstanceState.SUCCEEDED: 0, InstanceState.FAILED: before + 1}.get(state, before)
        if task.failures == FAILURES_TO_QUARANTINE and not task.quarantined:
            self._activations.quarantine(task, f"{FAILURES_TO_QUARANTINE} activations in a row have failed", at)
        elif task.failures != before:
            self._activations.keep(task)

    def progressed(self, progressed: Progressed) -> list[Decision]:
        """A run says how far it is. One that is over says nothing any more."""
        run = self._activations.runs.get(progressed.instance_id)
        if run is None:
            return []
        run.progress = progressed.progress
        return [progressed]

    def turned(self, facts: Sequence[ConditionFact]) -> list[Decision]:
        """These conditions are met, lost or unknown from now on, all at the same time."""
        activations = self._activations
        for fact in facts:
            match fact:
                case ConditionMet(name=name):
                    activations.levels[name] = True
                case ConditionLost(name=name):
                    activations.levels[name] = False
                case _:
                    activations.levels.pop(fact.name, None)
        concerned: dict[str, Task] = {}
        for fact in facts:
            for task in activations.tasks.waiting_for(fact.name):
                self._cancel_lost(task, fact.name, fact.at)
                concerned[task.name] = task
        for task in concerned.values():
            activations.start_ready(task, facts[-1].at)
        return activations.decisions()

    def _cancel_lost(self, task: Task, name: str, at: int) -> None:
        """Cancels the runs that must not go on without the level of this name."""
        activations = self._activations
        level = activations.levels.get(name)
        if name == MAINS and level is False:
            for run in activations.runs_of(task):
                if run.pending.needs_mains:
                    activations.told += activations.runs.cancel(run, CancellationReason.Abort, at)
        for run in activations.runs_of(task):
            of_run = run.instance.task  # that of its start: another registration since then does not cancel it
            wanted = {each.wanted for each in of_run.conditions if each.name == name}
            if of_run.cancel_on_condition_loss and wanted - {level}:
                activations.told += activations.runs.cancel(run, CancellationReason.ConditionLoss, at)

    def cancel(self, instance_id: str, reason: CancellationReason, at: int) -> list[Decision]:
        """Cancels a run, unless it is being canceled already; after its grace it is killed."""
        run = self._activations.runs.get(instance_id)
        return list(self._activations.runs.cancel(run, reason, at)) if run is not None else []

    def reset(self, name: str, at: int) -> list[Decision]:
        """The task is quarantined no more, and its failures are forgotten."""
        task = self._activations.tasks.get(name)
        if task is not None and (task.quarantined or task.failures):
            if task.quarantined:
                self._activations.told.append(Reset(at=at, task=name, owner=task.registration.owner))
            task.quarantined, task.failures = "", 0
            self._activations.keep(task)
            self._activations.start_ready(task, at)
        return self._activations.decisions()

    def stop(self, at: int) -> list[Decision]:
        """The service stops: every run is canceled, nothing starts any more, and what waits stays owed."""
        activations = self._activations
        activations.stops = True
        for run in activations.runs:
            activations.told += activations.runs.cancel(run, CancellationReason.Terminating, at)
        return activations.decisions()

    def store_turned(self, turned: StoreTurned) -> list[Decision]:
        """New raises can be written down from now on, or cannot."""
        self._activations.accepts = turned.accepts
        return []

    def resumed(self, resumed: Resumed) -> list[Decision]:
        """The machine slept: time went on for triggers of time and for what waits, but not for runs."""
        self._timing.resumed(resumed.asleep, resumed.at)
        return self._activations.decisions()

    @property
    def wake(self) -> int | None:
        """When a task has something to do by itself, which time asleep brings nearer, or None."""
        return self._activations.wakes.first

    @property
    def deadline(self) -> int | None:
        """When `advance` has something to do, or None."""
        return self._timing.deadline

    def advance(self, at: int) -> list[Decision]:
        """Does what is due by then."""
        self._timing.advance(at)
        return self._activations.decisions()


def _reaches(raised: Raised, task: Task) -> bool:
    return raised.owner is None or raised.owner == task.registration.owner


def _finished(run: Run, state: InstanceState, completed: Completed, again_at: int | None = None) -> Finished:
    return Finished(
        at=completed.at,
        instance=run.instance,
        state=state,
        reason=run.canceled,
        detail=completed.detail,
        output=completed.output,
        progress=run.progress,
        again_at=again_at,
        suspended=completed.suspended,
        throttled=completed.throttled,
    )

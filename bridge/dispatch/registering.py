"""What becomes of tasks that are registered, replaced, unregistered, or restored after a restart. It starts nothing."""

from collections.abc import Sequence

from msgspec.structs import replace

from bridge.dispatch.activations import Activations
from bridge.dispatch.decisions import Dropped, Registered, Unregistered
from bridge.dispatch.kept import Kept, Restored, TaskForgotten, TaskState
from bridge.dispatch.task import Task
from bridge.dispatch.time_triggers import first_dues, latest_due, period_of
from bridge.dispatch.waiting import Pending, Waiting, joined, pending_of_kept
from bridge.model.tasks import CancellationReason, Concurrency, DropReason, Registration
from bridge.model.triggers import OwnTrigger


class Registering:
    """Changes which tasks there are."""

    def __init__(self, activations: Activations) -> None:
        self._activations = activations
        self._states: dict[str, TaskState] = {}
        self._owed: dict[str, list[Kept]] = {}
        self._earlier_boot: frozenset[int] = frozenset()
        self._are_files_read = False

    def restore(self, restored: Restored) -> None:
        """Goes on where the daemon ended; what belongs to tasks of files waits until these are declared."""
        self._states = {state.name: state for state in restored.tasks}
        for kept in restored.owed:
            self._owed.setdefault(kept.task, []).append(kept)
        self._earlier_boot = restored.earlier_boot
        self._activations.number_from(restored.next_number)
        self._activations.number_from(max((kept.number for kept in restored.owed), default=0) + 1)
        for registration in restored.registrations:
            self._put(registration, restored.at)

    def declare(self, registrations: Sequence[Registration], at: int) -> None:
        """These are the tasks of files, instead of those before; whose file is gone is unregistered."""
        named = {registration.name for registration in registrations}
        for task in list(self._activations.tasks):
            if task.registration.from_file and task.name not in named:
                self.unregister(task.name, at, cancel_task=False)
        for registration in registrations:
            self._put(registration, at)
        self._activations.tasks.order([registration.name for registration in registrations])
        if not self._are_files_read:
            self._are_files_read = True
            self._forget_the_rest(at)
        for task in self._activations.tasks:
            self._activations.start_ready(task, at)

    def register(self, registration: Registration, at: int) -> None:
        """One more task, or another one of its name, in one step; the same one once more changes nothing."""
        before = self._activations.tasks.get(registration.name)
        replaced = before is not None and not _says_the_same(before.registration, registration)
        is_new = before is None or before.registration != registration
        task = self._put(registration, at)
        if is_new:
            self._activations.told.append(Registered(at=at, task=registration, replaced=replaced))
        self._activations.start_ready(task, at)

    def unregister(self, name: str, at: int, *, cancel_task: bool) -> None:
        """A task is registered no more: what waits is dropped; its runs may finish, or are canceled with `Abort`."""
        activations = self._activations
        task = activations.tasks.get(name)
        if task is None:
            return
        for pending in task.waiting:
            activations.drop(task, pending, DropReason.Unregistered, at)
        activations.tasks.remove(task)
        activations.wakes.forget(name)
        if task.is_kept:
            activations.ledger.task(TaskForgotten(name=name))
        activations.told.append(Unregistered(at=at, task=name, owner=task.registration.owner))
        for run in activations.runs_of(task):
            run.is_last = True
            activations.ledger.answer(run.pending.number)
        if task.running:
            activations.leaving[name] = task
        if cancel_task:
            activations.cancel_all(task, CancellationReason.Abort, at)

    def _put(self, registration: Registration, at: int) -> Task:
        """Makes this the registration of its name."""
        activations = self._activations
        task = activations.tasks.get(registration.name)
        if task is None:
            task = activations.leaving.pop(registration.name, None) or self._made(registration)
            before = None
            must_keep = self._begin(task, registration, at)
        else:
            before = task.registration
            must_keep = self._replace(task, registration, at)
        task.registration = registration
        activations.tasks.put(task, before)
        if before is not None and before.concurrency is not registration.concurrency:
            self._follow(task)
        if must_keep:
            activations.keep(task)
        self._take_owed(task)
        activations.bound(task, at)
        return task

    def _made(self, registration: Registration) -> Task:
        return Task(registration, waiting=Waiting(self._activations.tally))

    def _begin(self, task: Task, registration: Registration, at: int) -> bool:
        """A task that was not registered goes on where it was left, or starts; whether that is to be kept."""
        task.start_anew()
        state = self._states.pop(registration.name, None)
        first = first_dues(registration.triggers, at)
        if state is None or state.definition != registration.definition:
            task.due, task.is_kept = first, state is not None
            task.package = state.package if state is not None else ""
            return bool(first) or task.is_kept or not registration.from_file
        task.adopt(state)
        for place in first:
            if not task.is_spent(place):
                due = task.due.get(place, first[place])
                task.due[place] = latest_due(due, period_of(registration.triggers[place]), at)
        return any(due > at and due != state.due.get(place) for place, due in task.due.items())

    def _replace(self, task: Task, registration: Registration, at: int) -> bool:
        """A task is registered again; whether what is kept of it is another now."""
        before = task.registration
        if _says_the_same(before, registration):
            return before != registration
        task.start_anew()
        task.due = first_dues(registration.triggers, at)
        return bool(task.due) or task.is_kept or not registration.from_file

    def _follow(self, task: Task) -> None:
        """What waits is joined, or not, as if it had come under the concurrency that the task has now."""
        concurrency, ledger = task.registration.concurrency, self._activations.ledger
        for before in task.waiting.take_all():
            pending = _batched(before) if concurrency is Concurrency.BATCH else _unbatched(before)
            ledger.owe(task.name, pending, added=pending.batch, forgotten=len(before.batch))
            old = task.waiting.to_join(pending.key, concurrency, latches=pending.latched)
            if old is None:
                task.waiting.add(pending)
                continue
            both = joined(old, pending)
            task.waiting.change(both)
            ledger.answer(pending.number)
            ledger.owe(task.name, both, added=pending.batch)

    def _take_owed(self, task: Task) -> None:
        """What the task owed when the daemon ended waits again."""
        owed = self._owed.pop(task.name, ())
        for kept in owed:
            task.waiting.add(pending_of_kept(kept, is_of_earlier_boot=kept.number in self._earlier_boot))
        if owed and task.registration.concurrency is Concurrency.RESTART:
            self._follow(task)  # what was about to be canceled is not run once more for it

    def _forget_the_rest(self, at: int) -> None:
        """Of tasks that are neither registered nor in a file any more, nothing is owed."""
        activations = self._activations
        for name in self._states:
            activations.ledger.task(TaskForgotten(name=name))
        for name, owed in self._owed.items():
            for kept in owed:
                activations.ledger.answer(kept.number)
                activations.told.append(
                    Dropped(
                        at=at,
                        task=name,
                        key=kept.raised.key,
                        reason=DropReason.Unregistered,
                        merged=kept.merged,
                        number=kept.number,
                        raised=kept.raised,
                    )
                )
        self._states, self._owed = {}, {}


def _batched(pending: Pending) -> Pending:
    return pending if pending.batch else replace(pending, batch=(pending.raised.details,))


def _unbatched(pending: Pending) -> Pending:
    """Without its batch, but for a device watcher's, which has one whatever the concurrency is."""
    return pending if pending.raised.trigger is OwnTrigger.DEVICE_WATCHER else replace(pending, batch=())


def _says_the_same(before: Registration, after: Registration) -> bool:
    """Whether it is the same task, whoever registers it."""
    return replace(before, from_file=after.from_file, owner=after.owner) == after

"""Lets raises wait, joins them, drops them, and starts those that may be started. What happens, others tell it.

It gathers the decisions of one fact; whoever received the fact takes them.
"""

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from bridge.dispatch.deadlines import Deadlines
from bridge.dispatch.decisions import Activate, Decision, Dropped, Heard, Latched, Merged, Quarantined, Slowed, Told
from bridge.dispatch.ledger import Ledger
from bridge.dispatch.registry import Registry
from bridge.dispatch.runs import Run, Runs
from bridge.dispatch.task import Task
from bridge.dispatch.time_triggers import TIMED
from bridge.dispatch.waiting import Pending, Tally, joined, pending_of, seen_at
from bridge.model.guid import Guid
from bridge.model.tasks import CancellationReason, Concurrency, DropReason, Expiry, Instance
from bridge.model.triggers import OwnTrigger, Raised


class Activations:
    """What is owed and what runs of all tasks. `new_id` names each run."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._next_number = 1
        self.tasks = Registry()
        self.tally = Tally()
        self.leaving: dict[str, Task] = {}
        """Tasks that are unregistered, but whose runs are not over."""
        self.runs = Runs()
        self.levels: dict[str, bool] = {}
        self.ledger = Ledger()
        self.told: list[Told] = []
        self.accepts = True
        """Whether what is raised can be written down."""
        self.stops = False
        self.wakes = Deadlines()
        """When a task has to be looked at, because something of it becomes due by itself."""

    def decisions(self) -> list[Decision]:
        """What was decided since this was asked last: first what is to be told, then what is to be kept."""
        decisions: list[Decision] = [*self.told, *self.ledger.take()]
        self.told = []
        return decisions

    def runs_of(self, task: Task) -> list[Run]:
        """The runs of a task, in the order in which they began."""
        return [run for run in self.runs if run.instance.instance_id in task.running.get(run.pending.key, ())]

    def number_from(self, number: int) -> None:
        """What is owed from now on has this number at least."""
        self._next_number = max(self._next_number, number)

    # -- raises ----------------------------------------------------------------------------------------------------

    def offer(self, task: Task, place: int, raised: Raised) -> None:
        """The trigger at this place of a task went off: a run starts, or waits, or it is dropped."""
        concurrency, key, at = task.registration.concurrency, raised.key, raised.at
        is_running = key in task.running
        new = self._caused(task, pending_of(self._next_number, raised, concurrency))
        self._next_number += 1
        if not self.accepts:
            self.told.append(dropped(task, new, DropReason.StoreFull, at))
            return
        if task.spend(place):
            self.keep(task)
        if not new.is_echo:
            self._acquit(task, key)
        latches = not task.gate(new, self.levels)
        if concurrency is Concurrency.IGNORE and (is_running or (task.waiting.holds(key) and not latches)):
            self.told.append(dropped(task, new, DropReason.AlreadyRunning, at))
            return
        merged = self._join(task, replace(new, latched=True) if latches else new).merged
        if latches or merged > new.merged:
            waits = Latched if latches else Merged
            owner = task.registration.owner
            self.told.append(waits(at=at, task=task.name, key=key, merged=merged, trigger=raised.trigger, owner=owner))
        self.start_ready(task, at)
        if self.bound(task, at):
            self.start_ready(task, at)  # what was dropped may have been in the way

    def _caused(self, task: Task, new: Pending) -> Pending:
        """The same, with what is known of whether a run of the task is to blame for it.

        Of a caller of the API it is known which run it is a process of. A device does not say why it tells something:
        while a run is there, or just after, it may be for that.
        """
        raised = new.raised
        if raised.trigger in TIMED:
            return new
        if raised.rule is None and (isinstance(raised.trigger, Guid) or raised.trigger is OwnTrigger.APPLICATION):
            run = self.runs.get(raised.cause) if raised.cause is not None else None
            if run is None:
                return new
            causes = run.pending.causes | {run.instance.task.name}
            return replace(new, causes=causes, depth=run.pending.depth + 1, is_echo=task.name in causes)
        is_near = new.key in task.running or task.loops.ended_just_now(new.key, new.first_at)
        return replace(new, is_echo=True) if is_near else new

    def _join(self, task: Task, new: Pending) -> Pending:
        """Lets it wait, as one with what waits for its key where that is so."""
        old = task.waiting.to_join(new.key, task.registration.concurrency, latches=new.latched)
        pending = new if old is None else joined(old, new)
        if old is None:
            task.waiting.add(pending)
        else:
            task.waiting.change(pending)
        self.ledger.owe(task.name, pending, added=new.batch)
        return pending

    def _acquit(self, task: Task, key: str) -> None:
        """A raise came that no run of the task caused: what was held for that may start."""
        if not task.loops.acquit(key):
            return
        for pending in task.waiting:
            if pending.key == key and pending.is_echo and pending.due is not None and not pending.has_run:
                self.change(task, replace(pending, due=None, is_echo=False))

    def bound(self, task: Task, at: int) -> bool:
        """Drops what came first of what is more than the task's queue may hold; whether there was such."""
        is_over = len(task.waiting) > task.registration.queue_limit
        while len(task.waiting) > task.registration.queue_limit:
            oldest = task.waiting.oldest()
            if len(oldest.batch) < 2:
                self.drop(task, oldest, DropReason.QueueFull, at)
                continue
            rest = replace(oldest, merged=oldest.merged - 1, batch=oldest.batch[1:])
            task.waiting.change(rest)
            self.ledger.owe(task.name, rest, forgotten=1)
            self.told.append(dropped(task, replace(oldest, merged=1), DropReason.QueueFull, at))
        return is_over

    def drop(self, task: Task, pending: Pending, reason: DropReason, at: int) -> None:
        """What waits gets no run."""
        task.waiting.remove(pending)
        self.ledger.answer(pending.number)
        self.told.append(dropped(task, pending, reason, at))

    def change(self, task: Task, pending: Pending) -> None:
        """What waits is so from now on; its batch is as it was."""
        task.waiting.change(pending)
        self.ledger.owe(task.name, pending)

    def would_overflow(self, task: Task, key: str) -> bool:
        """Whether one more raise of this key would have to wait, and push another out."""
        concurrency, waits = task.registration.concurrency, task.waiting.holds(key)
        is_open = task.holds(self.levels)
        if concurrency is Concurrency.IGNORE and (key in task.running or (waits and is_open)):
            return False
        if is_open and not waits and task.has_room_for(key):
            return False
        joins = task.waiting.to_join(key, concurrency, latches=not is_open)
        adds = 0 if joins is not None and not joins.batch else 1
        return len(task.waiting) + adds > task.registration.queue_limit

    # -- runs ------------------------------------------------------------------------------------------------------

    def start_ready(self, task: Task, at: int) -> None:
        """Starts what may be started now, and sees to it that the rest is looked at in time."""
        self._drop_expired(task, at)
        alone = task.registration.concurrency is not Concurrency.PARALLEL
        is_open = task.holds(self.levels) and not self.stops
        while is_open and task.count() < task.registration.max_running:
            pending = task.waiting.ready(lambda each: self._is_ready(task, each, at), alone=alone)
            if pending is None:
                break
            is_echo = pending.is_echo and (
                pending.depth > 0 or task.loops.came_in_last_run(pending.key, pending.first_at)
            )
            if is_echo and pending.due is None and self._is_held(task, pending, at):
                is_open = not task.quarantined
                continue
            task.loops.started(pending.streak(task.name), at, is_echo=is_echo)
            self._activate(task, pending, at)
        if is_open and task.registration.concurrency is Concurrency.RESTART:
            self._restart(task, at)
        self.plan(task, at)

    def _drop_expired(self, task: Task, at: int) -> None:
        if task.registration.expires is Expiry.NEVER:
            return
        for pending in task.waiting:
            if task.is_too_old(pending, at):
                self.drop(task, pending, DropReason.Expired, at)

    def _is_ready(self, task: Task, pending: Pending, at: int) -> bool:
        return pending.is_due(at) and task.has_room_for(pending.key) and task.gate(pending, self.levels)

    def _restart(self, task: Task, at: int) -> None:
        """Cancels the runs of keys for which something newer could start."""
        for pending in task.waiting:
            if pending.is_due(at) and pending.key in task.running and task.gate(pending, self.levels):
                self.cancel_all(task, CancellationReason.Abort, at, key=pending.key)

    def _is_held(self, task: Task, pending: Pending, at: int) -> bool:
        """Whether it is not to start yet, as the task seems to raise its own trigger."""
        streak = pending.streak(task.name)
        if task.loops.is_proved(streak):
            runs = task.loops.runs(streak)
            task.loops.acquit(streak)
            self.quarantine(
                task,
                f"it raises its own trigger {pending.raised.trigger}: {runs} runs, each for a raise in the last",
                at,
            )
            return True
        hold = task.loops.hold(streak, pending.depth, pending.raised.at - seen_at(pending.raised))
        if hold is None:
            return False
        self.change(task, replace(pending, due=at + hold))
        trigger, owner = pending.raised.trigger, task.registration.owner
        until = at + hold
        self.told.append(Slowed(at=at, task=task.name, key=pending.key, until=until, trigger=trigger, owner=owner))
        return True

    def _activate(self, task: Task, pending: Pending, at: int) -> None:
        task.waiting.remove(pending)
        instance = Instance(
            instance_id=self._new_id(),
            task=task.registration,
            raised=pending.raised,
            merged=pending.merged,
            batch=pending.batch,
            redelivered=pending.redelivered,
            attempt=pending.attempt,
        )
        own = replace(pending, due=None, latched=False)
        task.running.setdefault(pending.key, set()).add(instance.instance_id)
        self.runs.add(Run(instance=instance, pending=own, began=at))
        self.ledger.owe(task.name, own, instance_id=instance.instance_id)
        self.told.append(Activate(at=at, instance=instance))

    def cancel_all(self, task: Task, reason: CancellationReason, at: int, key: str | None = None) -> None:
        """Cancels the runs of a task, or those of one key."""
        for run in self.runs_of(task):
            if key is None or run.pending.key == key:
                self.told += self.runs.cancel(run, reason, at)

    def quarantine(self, task: Task, why: str, at: int) -> None:
        """What is raised for the task latches from now on."""
        task.quarantined = why
        self.told.append(Quarantined(at=at, task=task.name, why=why, owner=task.registration.owner))
        self.keep(task)

    # -- what is kept, and when to look again ----------------------------------------------------------------------

    def keep(self, task: Task) -> None:
        """The store is to know what became of a task."""
        self.tasks.note(task)
        change = task.to_keep()
        if change is not None:
            self.ledger.task(change)
            task.is_kept = True

    def plan(self, task: Task, at: int) -> None:
        """Looks at a task again when something of it is due by itself."""
        wakes_at = task.next_wake(at) if not self.stops else None
        if wakes_at is not None:
            wakes_at = max(wakes_at, at)  # what was missed happens now: time does not go back
        self.wakes.set(task.name, wakes_at)


def heard(raised: Raised, tasks: Iterable[Task]) -> Heard:
    """What is told of a raise that these tasks have heard."""
    return Heard(at=raised.at, raised=raised, owners=frozenset(task.registration.owner for task in tasks))


def dropped(task: Task, pending: Pending, reason: DropReason, at: int) -> Dropped:
    """What is told of raises that get no run."""
    return Dropped(
        at=at,
        task=task.name,
        key=pending.key,
        reason=reason,
        merged=pending.merged,
        number=pending.number,
        raised=pending.raised,
        owner=task.registration.owner,
    )

"""The promises: each committed transaction is held against them, in order. Nothing here knows how a decision is made.

What a promise says stands in the message of its assertion.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from bridge.dispatch.decisions import (
    Activate,
    Cancel,
    Completed,
    Dropped,
    Finished,
    Kill,
    Latched,
    Merged,
    Quarantined,
    Registered,
    Resumed,
    Slowed,
    StoreTurned,
    Unregistered,
)
from bridge.dispatch.kept import Answered, Kept, Restored, TaskKept
from bridge.model.conditions import MAINS
from bridge.model.tasks import CancellationReason, Concurrency, Registration
from bridge.model.triggers import MaintenanceTrigger, Raised
from bridge.pipeline.facts import (
    CancelRun,
    ConditionSet,
    Declared,
    RegisterTask,
    ResetTask,
    Stopping,
    UnregisterTask,
)
from tests.pure.contract import answers, runs, timers
from tests.pure.contract.books import Accepted, Books, Place, Task
from tests.pure.contract.cases import FILES
from tests.pure.contract.transaction import Transaction


class Promises:
    """Books, and what must be true of every transaction."""

    def __init__(self) -> None:
        self.books = Books()
        self.transaction = Transaction(0)

    def commit(self, fact: object, at: int, outcomes: Sequence[object]) -> None:
        """One transaction: a fact, or None for time that went on to `at`, and what it led to."""
        self.books.before, self.books.now = self.books.now, at
        self.transaction = Transaction(at)
        self._write(outcomes)
        self._hear(fact)
        for outcome in outcomes:
            self._take(outcome)
        for kept in self.transaction.kept.values():
            answers.fill(self.books, self.transaction, kept)
        for each in outcomes:
            if isinstance(each, TaskKept) and each.state.name in self.books.tasks:
                timers.keep(self.books, each.state)
        if isinstance(fact, Raised):
            assert [each for each in outcomes if isinstance(each, Raised)].count(fact) == 1, "each raise is told once"
        self._end(fact, at)

    def _hear(self, fact: object) -> None:
        match fact:
            case Declared(at=at, tasks=tasks):
                names = {each.name for each in tasks}
                for name in [name for name, task in self.books.tasks.items() if task.registration.from_file]:
                    if name not in names:
                        self._unregister(name)
                for each in tasks:
                    self._register(each, at)
            case RegisterTask(at=at, registration=registration):
                self._register(registration, at)
                self._tell_levels_anew()
            case UnregisterTask(name=name, cancel_task=cancel_task):
                if cancel_task and name in self.books.tasks:
                    self.transaction.cancel(self.books.runs_of(name), CancellationReason.Abort, must=True)
                self._unregister(name)
            case CancelRun(instance_id=instance_id, reason=reason):
                self.transaction.cancel(
                    [self.books.runs[instance_id]] if instance_id in self.books.runs else [], reason, must=True
                )
            case ResetTask(name=name) if name in self.books.tasks:
                self.books.tasks[name].quarantined, self.books.tasks[name].failures = False, 0
            case ConditionSet(name=name, value=value):
                self._turn(name, value)
            case Stopping():
                self.books.stopping = True
                self.transaction.cancel(list(self.books.runs.values()), CancellationReason.Terminating, must=True)
            case StoreTurned(accepts=accepts):
                self.books.accepting = accepts
            case Resumed(asleep=asleep):
                self.books.slept(asleep)
            case Completed(instance_id=instance_id):
                self.books.runs[instance_id].completed = fact
            case Restored(owed=owed):
                assert {each.number for each in owed} == set(self.books.owed), "what is restored is what was owed"
            case _:
                pass

    def _register(self, new: Registration, at: int) -> None:
        old = self.books.tasks.get(new.name)
        is_same = old is not None and old.registration.definition == new.definition
        if not new.from_file and (old is None or old.registration != new):
            self.transaction.must_tell.add(("registered" if old is None or is_same else "replaced", new.name))
        if is_same:
            return
        self.transaction.replaced.add(new.name)
        self.books.tasks[new.name] = Task(new)
        self.books.tasks[new.name].begin_timers(at)
        for activation in self.books.of_task(new.name):
            activation.has_batch &= old is not None and old.registration.concurrency is new.concurrency

    def _unregister(self, name: str) -> None:
        if self.books.tasks.pop(name, None) is None:
            return
        if name not in FILES:
            self.transaction.must_tell.add(("unregistered", name))
        self.transaction.unregistered.add(name)
        for run in self.books.runs_of(name):
            run.activation.abandoned = True
        self.transaction.must_answer |= {each.number for each in self.books.of_task(name) if each.running is None}

    def _turn(self, name: str, value: bool | None) -> None:
        self.books.levels[name] = value
        if name == MAINS:
            for run in self.books.runs.values():
                task = self.books.tasks.get(run.place[0])
                must = value is False and task is not None and run.instance.task == task.registration
                must &= task is not None and any(
                    isinstance(each, MaintenanceTrigger) for each in task.registration.triggers
                )
                if run.activation.is_maintenance:
                    self.transaction.cancel([run], CancellationReason.Abort, must=must)
        for task in self.books.tasks.values():
            registration = task.registration
            waited = {each.name: each.wanted for each in registration.conditions}
            if registration.cancel_on_condition_loss and name in waited and value is not waited[name]:
                for run in self.books.runs_of(registration.name):
                    # Not known any more is not the same as lost; nor did a former registration wait for it.
                    must = value is not None and run.instance.task == registration
                    self.transaction.cancel([run], CancellationReason.ConditionLoss, must=must)

        self._may_lose(name, value)

    def _tell_levels_anew(self) -> None:
        """Who comes to wait for a level is told of it, and so are runs that began under a former registration."""
        for name, value in self.books.levels.items():
            self._may_lose(name, value)

    def _may_lose(self, name: str, value: bool | None) -> None:
        for run in self.books.runs.values():
            own = run.instance.task
            is_lost = any(each.name == name and each.wanted is not value for each in own.conditions)
            if own.cancel_on_condition_loss and is_lost:
                self.transaction.cancel([run], CancellationReason.ConditionLoss, must=False)

    def _take(self, outcome: object) -> None:
        match outcome:
            case Raised():
                self._accept(outcome)
            case Activate(instance=instance):
                number = self.transaction.number_of.get(instance.instance_id)
                assert number is not None, f"{instance} starts, and the store is not told of its id"
                answers.fill(self.books, self.transaction, self.transaction.kept[number])
                runs.start(self.books, self.transaction, outcome)
            case Cancel(instance=instance):
                self._restart((instance.task.name, instance.raised.key))
                runs.cancel(self.books, self.transaction, outcome)
            case Kill():
                runs.kill(self.books, outcome)
            case Finished():
                runs.finish(self.books, self.transaction, outcome)
            case Dropped():
                answers.drop(self.books, self.transaction, outcome)
            case Latched(task=name, key=key, merged=merged):
                self.transaction.latched[name, key] += 1
                self.transaction.latched_as[name, key] = merged
            case Merged(task=name, key=key, merged=merged) if (name, key) in self.transaction.latched_as:
                self.transaction.latched_as[name, key] = merged  # with what latched in the same transaction
            case Quarantined(task=name):
                is_due = name in self.transaction.must_quarantine or name in self.books.slowed
                assert is_due, f"{name} has not failed ten times in a row"
                self.transaction.must_quarantine.discard(name)
                self.books.tasks[name].quarantined = True
            case Slowed(task=name, key=key):
                # of any task: where the cause is known, it is the chain of runs that counts, whosever they are
                assert sum(self.books.run_count.values()) >= 15, "16 runs in a row make a suspicion"
                self.books.slowed.add(name)
                self.books.slowed_places.add((name, key))
            case Registered(task=registration, replaced=replaced):
                self._tell("replaced" if replaced else "registered", registration.name)
            case Unregistered(task=name):
                self._tell("unregistered", name)
            case _:
                pass

    def _tell(self, what: str, name: str) -> None:
        assert (what, name) in self.transaction.must_tell or name in FILES, f"{name} is not {what}"
        self.transaction.must_tell.discard((what, name))

    def _accept(self, raised: Raised) -> None:
        timers.on_time(self.books, self.transaction.at, raised)
        for name, task in self.books.tasks.items():
            self._revoke(name, task, raised)
            places = task.answering(raised)
            if not places:
                continue
            task.spend(places)
            self.transaction.spent[name] = places
            place = (name, raised.key)
            self.books.loose.setdefault(place, []).append(Accepted(raised, self.books.boot))
            if task.registration.concurrency is Concurrency.RESTART:
                is_open = self.books.is_open(task, raised)
                self.transaction.cancel(
                    self.books.runs_at(place), CancellationReason.Abort, must=is_open and self.books.accepting
                )
            if not self.books.is_open(task, raised) and self.books.accepting:
                self.transaction.must_latch[place] += 1

    def _restart(self, place: Place) -> None:
        """With `restart` whatever waits ends what runs, as soon as it need not wait for anything else."""
        task = self.books.tasks.get(place[0])
        follows = self.books.waiting(place) or self._comes(place)
        if task is not None and task.registration.concurrency is Concurrency.RESTART and follows:
            self.transaction.cancel(self.books.runs_at(place), CancellationReason.Abort, must=False)

    def _comes(self, place: Place) -> bool:
        return any((each.task, each.raised.key) == place for each in self.transaction.kept.values())

    def _revoke(self, name: str, task: Task, raised: Raised) -> None:
        """A trigger of `cancel_on` is for what has its key; a system trigger for all."""
        if raised.trigger not in task.registration.cancel_on:
            return
        is_wide = isinstance(raised.trigger, int)
        places = {each.place for each in self.books.of_task(name) if is_wide or each.place[1] == raised.key}
        for place in places | {run.place for run in self.books.runs_of(name) if is_wide or run.place[1] == raised.key}:
            self.transaction.cancel(self.books.runs_at(place), CancellationReason.ResourceRevocation, must=True)
            self.transaction.must_answer |= {each.number for each in self.books.of_place(place) if each.running is None}
            self.transaction.revoked.add(place)

    def _write(self, outcomes: Sequence[object]) -> None:
        """The store's part is in any place of a transaction: all of it is there before anything is done."""
        transaction = self.transaction
        for each in outcomes:
            match each:
                case Kept(number=number):
                    forgotten = each.forgotten + (
                        transaction.kept[number].forgotten if number in transaction.kept else 0
                    )
                    transaction.kept[number] = replace(each, forgotten=forgotten)
                    if each.instance_id is not None:
                        transaction.number_of[each.instance_id] = number
                case Answered(number=number):
                    transaction.to_answer.add(number)
                case _:
                    pass

    def _end(self, fact: object, at: int) -> None:
        """What must be true after a transaction."""
        for place, loose in self.books.loose.items():
            assert not loose, f"{place}: {loose} were accepted, and are neither owed nor recorded as dropped"
        answers.end(self.books, self.transaction)
        runs.end(self.books, self.transaction, is_time=fact is None)
        if fact is None:
            timers.end(self.books, at)
        assert not self.transaction.must_tell, f"{self.transaction.must_tell} is not told"
        assert not self.transaction.must_quarantine, (
            f"{self.transaction.must_quarantine} failed ten times in a row, and go on"
        )
        assert +self.transaction.latched == +self.transaction.must_latch, (
            f"latched {self.transaction.latched}, and the gate was shut for {self.transaction.must_latch}"
        )
        for name in self.transaction.full:
            answers.check_queue(self.books, self.transaction, name)
        for place in {each.place for each in self.books.owed.values()}:
            self._end_place(place)

    def _end_place(self, place: Place) -> None:
        task = self.books.tasks.get(place[0])
        if task is None:
            return
        registration = task.registration
        waiting = self.books.waiting(place)
        merges = registration.concurrency in {Concurrency.LATEST, Concurrency.BATCH, Concurrency.RESTART}
        if merges and all(each.has_batch for each in waiting):
            assert len(waiting) <= 1, f"{registration.concurrency} has one follow-up, not {len(waiting)}"
        if registration.concurrency is Concurrency.IGNORE and waiting and all(each.has_batch for each in waiting):
            # One that waits for room, and one that waits for a condition.
            assert len(waiting) <= 2, "`ignore` has one that waits at most"

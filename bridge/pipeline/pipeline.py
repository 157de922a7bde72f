"""The pipeline: facts in, decisions out; the whole of hwbridge that decides anything. It does none of it.

The service is this object plus asyncio; replay is this object plus a virtual clock.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from bridge.dispatch.decisions import Completed, Decision, Looked, Progressed, Resumed, Started, StoreTurned
from bridge.dispatch.dispatcher import Dispatcher
from bridge.dispatch.kept import Restored
from bridge.mapping.conditions import GuardState
from bridge.mapping.interest import Interest
from bridge.mapping.mapper import Mapped, Mapper
from bridge.mapping.memory import Memory
from bridge.mapping.needs import Needs
from bridge.mapping.table import RuleTable
from bridge.model.conditions import ConditionFact
from bridge.model.events import DeviceGone, Event
from bridge.model.tasks import Registration
from bridge.model.triggers import Raised
from bridge.pipeline.facts import (
    CancelRun,
    ConditionSet,
    Declared,
    RegisterTask,
    ResetTask,
    Stopping,
    UnregisterTask,
)

if TYPE_CHECKING:
    from bridge.mapping.explain.reasons import Explain

Fact = (
    Event
    | DeviceGone
    | Raised
    | Started
    | Completed
    | Progressed
    | Declared
    | RegisterTask
    | UnregisterTask
    | CancelRun
    | ResetTask
    | ConditionSet
    | Stopping
    | StoreTurned
    | Resumed
    | Looked
    | Restored
)
Outcome = Mapped | Decision

_NOTHING: Sequence[Outcome] = ()


class Pipeline:
    """Rules, levels, tasks, runs and queues. `new_id` names each run; `memory` is what the store kept.

    `explain`, where somebody wants to know, is told why rules do not raise.
    """

    def __init__(
        self, new_id: Callable[[], str], memory: Memory | None = None, explain: "Explain | None" = None
    ) -> None:
        self._mapper = Mapper(memory, explain)
        self._needs = Needs()
        self.dispatcher = Dispatcher(new_id)

    @property
    def rules(self) -> RuleTable:
        """The rules in force."""
        return self._mapper.table

    def interest(self, source: str) -> Interest:
        """What rules and tasks ask of one source's monitor."""
        return self._mapper.interest(source)

    def state_of(self, condition: str) -> GuardState | None:
        """What events tell of a condition, and since when; None where they tell nothing."""
        return self._mapper.state_of(condition)

    def receive(self, fact: Fact) -> Sequence[Outcome]:
        """What a fact leads to, in order."""
        match fact:
            case Event():
                mapped = self._mapper.receive(fact)
                return self._dispatch(mapped) if mapped else _NOTHING
            case DeviceGone():
                return self._dispatch(self._mapper.gone(fact))
            case Raised():
                return self._dispatch((fact,))
            case Started():
                return self.dispatcher.started(fact)
            case Completed():
                return self.dispatcher.completed(fact)
            case Progressed():
                return self.dispatcher.progressed(fact)
            case ConditionSet(at=at, name=name, value=value):
                return self._dispatch(self._mapper.put(name, value, at))
            case CancelRun(at=at, instance_id=instance_id, reason=reason):
                return self.dispatcher.cancel(instance_id, reason, at)
            case ResetTask(at=at, name=name):
                return self.dispatcher.reset(name, at)
            case StoreTurned():
                return self.dispatcher.store_turned(fact)
            case Resumed():
                return self.dispatcher.resumed(fact)
            case Looked():
                return self.dispatcher.looked(fact)
            case Stopping(at=at):
                return self.dispatcher.stop(at)
            case _:
                return self._change_tasks(fact)

    def _change_tasks(self, fact: Declared | RegisterTask | UnregisterTask | Restored) -> Sequence[Outcome]:
        """Other tasks, or rules, from now on: what they wait for is told them where it is known."""
        outcomes: list[Outcome] = []
        match fact:
            case Declared(at=at, rules=rules, tasks=tasks):
                outcomes += self._mapper.replace(rules)
                outcomes += self.dispatcher.declare(tasks, at)
                self._needs = Needs()
                self._need(self.dispatcher.registrations)
            case RegisterTask(at=at, registration=registration):
                outcomes += self.dispatcher.register(registration, at)
                self._need((registration,))
            case UnregisterTask(at=at, name=name, cancel_task=cancel_task):
                outcomes += self.dispatcher.unregister(name, at, cancel_task=cancel_task)
                self._needs.drop(name)
            case Restored():
                outcomes += self.dispatcher.restore(fact)
                self._need(fact.registrations)
        return [*outcomes, *self._dispatch(self._mapper.serve(self._needs.present, fact.at))]

    def _need(self, registrations: Sequence[Registration]) -> None:
        for registration in registrations:
            self._needs.put(registration)

    def found(self, event: Event) -> Sequence[Outcome]:
        """An event of a monitor's snapshot, asked for after tasks came that need to know: rules do not hear it."""
        return self._dispatch(self._mapper.found(event))

    def _dispatch(self, mapped: Sequence[Mapped]) -> Sequence[Outcome]:
        """What the mapped lead to; levels that turn together turn before anything starts for one of them."""
        outcomes: list[Outcome] = []
        for is_level, each in groupby(mapped, lambda one: isinstance(one, ConditionFact)):
            group = list(each)
            if is_level:
                outcomes += group
                outcomes += self.dispatcher.turned([one for one in group if isinstance(one, ConditionFact)])
                continue
            for one in group:
                outcomes.append(one)
                if isinstance(one, Raised):
                    outcomes += self.dispatcher.raised(one)
        return outcomes

    @property
    def deadline(self) -> int | None:
        """When `advance` has something to do, in microseconds, or None."""
        filters, runs = self._mapper.deadline, self.dispatcher.deadline
        return min(filters, runs) if filters is not None and runs is not None else filters if runs is None else runs

    def is_due(self, at: int) -> bool:
        """Whether `advance` has something to do by then: cheaper than to ask when."""
        runs = self.dispatcher.deadline
        return (runs is not None and runs <= at) or self._mapper.is_due(at)

    @property
    def filters_deadline(self) -> int | None:
        """When the next filter of a rule is due, in microseconds, or None."""
        return self._mapper.deadline

    def advance(self, at: int) -> Sequence[Outcome]:
        """What is due by `at`, in order: of one instant first what filters raise, then what becomes of runs."""
        outcomes: list[Outcome] = []
        while (due := self.deadline) is not None and due <= at:
            if due == self._mapper.deadline:
                outcomes += self._dispatch(self._mapper.advance(due))
            else:
                outcomes += self.dispatcher.advance(due)
        return outcomes

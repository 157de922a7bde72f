"""The pipeline: facts in, decisions out; the whole of hwbridge that decides anything. It does none of it.

The service is this object plus asyncio; replay is this object plus a virtual clock.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from bridge.dispatch.decisions import Activate, Cancel, Completed, Dropped, Finished, Kill
from bridge.dispatch.dispatcher import Dispatcher
from bridge.mapping.mapper import LevelTurned, Mapped, Mapper, Memory, RaisedThisBoot
from bridge.mapping.raising import Refusal
from bridge.mapping.table import RuleTable
from bridge.model.events import DeviceGone, Event
from bridge.model.tasks import CancellationReason, Registration
from bridge.model.triggers import Raised

if TYPE_CHECKING:
    from bridge.mapping.explain.reasons import Explain


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """Fact: these are the rules and the tasks, from now on and instead of those before."""

    at: int
    rules: RuleTable
    tasks: tuple[Registration, ...]


class ConditionSet(msgspec.Struct, frozen=True, kw_only=True):
    """Fact: this condition is so, whatever events tell; None leaves it to the events again."""

    at: int
    name: str
    value: bool | None


class Stopping(msgspec.Struct, frozen=True, kw_only=True):
    """Fact: the service stops; every run is cancelled as `Terminating`."""

    at: int


Fact = Event | DeviceGone | Raised | Completed | Declared | ConditionSet | Stopping
Outcome = Raised | Refusal | RaisedThisBoot | LevelTurned | Activate | Cancel | Kill | Finished | Dropped

_NOTHING: Sequence[Outcome] = ()


class Pipeline:
    """Rules, levels, tasks, runs and queues. `new_id` names each run; `memory` is what the store kept.

    `explain`, where somebody wants to know, is told why rules do not raise.
    """

    def __init__(
        self, new_id: Callable[[], str], memory: Memory | None = None, explain: "Explain | None" = None
    ) -> None:
        self._mapper = Mapper(memory, explain)
        self.dispatcher = Dispatcher(new_id)

    @property
    def rules(self) -> RuleTable:
        """The rules in force."""
        return self._mapper.table

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
            case Completed():
                return self.dispatcher.completed(fact)
            case Declared():
                return [*self._mapper.replace(fact.rules), *self.dispatcher.register(fact.tasks, fact.at)]
            case ConditionSet(at=at, name=name, value=value):
                self._mapper.put(name, value, at)
                return _NOTHING
            case Stopping():
                return self.dispatcher.cancel_all(CancellationReason.Terminating, fact.at)

    def _dispatch(self, mapped: Sequence[Mapped]) -> Sequence[Outcome]:
        outcomes: list[Outcome] = []
        for each in mapped:
            outcomes.append(each)
            if isinstance(each, Raised):
                outcomes += self.dispatcher.raised(each)
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

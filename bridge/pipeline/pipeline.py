"""The pipeline: facts in, decisions out; the whole of hwbridge that decides anything. It does none of it.

The service is this object plus asyncio; replay is this object plus a virtual clock.
"""

from collections.abc import Callable, Sequence

import msgspec

from bridge.dispatch.decisions import Activate, Cancel, Completed, Decision, Dropped, Finished, Kill
from bridge.dispatch.dispatcher import Dispatcher
from bridge.mapping.mapper import LevelTurned, Mapped, Mapper, Memory, RaisedThisBoot, Refusal
from bridge.mapping.table import RuleTable
from bridge.model.events import DeviceGone, Event
from bridge.model.tasks import CancellationReason, Registration
from bridge.model.triggers import Raised


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """Fact: these are the rules and the tasks, from now on and instead of those before."""

    at: int
    rules: RuleTable
    tasks: tuple[Registration, ...]


class Stopping(msgspec.Struct, frozen=True, kw_only=True):
    """Fact: the service stops; every run is cancelled as `Terminating`."""

    at: int


Fact = Event | DeviceGone | Raised | Completed | Declared | Stopping
Outcome = Raised | Refusal | RaisedThisBoot | LevelTurned | Activate | Cancel | Kill | Finished | Dropped

_NOTHING: Sequence[Outcome] = ()


class Pipeline:
    """Rules, levels, tasks, runs and queues. `new_id` names each run; `memory` is what the store kept."""

    def __init__(self, new_id: Callable[[], str], memory: Memory | None = None) -> None:
        self._mapper = Mapper(memory)
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
        return self.dispatcher.deadline

    def advance(self, at: int) -> Sequence[Decision]:
        """What is due by `at`."""
        return self.dispatcher.advance(at)

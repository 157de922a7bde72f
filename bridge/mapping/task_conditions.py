"""The conditions that tasks wait for, and what was told of each: every turn once. Nothing here starts a task.

A level is met, lost or unknown; what is told first is what is known first. Between two calls of `turned` only how it
ends counts: a device that goes with its last event is not there for that event.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from bridge.mapping.conditions import Conditions
from bridge.mapping.mains import Mains
from bridge.model.conditions import MAINS, ConditionFact, ConditionLost, ConditionMet, ConditionUnknown
from bridge.model.events import Fields

_NOTHING: Sequence[ConditionFact] = ()


@dataclass(slots=True)
class TaskConditions:
    """The levels are those of `conditions`, and the mains."""

    conditions: Conditions
    mains: Mains = field(default_factory=Mains)
    _told: dict[str, bool | None] = field(default_factory=dict)
    """By name, of each condition that a task waits for."""

    def serve(self, names: Collection[str], at: int) -> Sequence[ConditionFact]:
        """Tasks wait for these from now on: tells what is known of the new ones, and that nothing is of the others."""
        left = [name for name in sorted(self._told.keys() - set(names)) if self._told[name] is not None]
        new = sorted(set(names) - self._told.keys())
        self._told = {name: self._told.get(name) for name in names}
        unknown = (ConditionUnknown(at=at, name=name) for name in left)
        return [*unknown, *self.turned(at), *self._tell(new, at)]

    def turned(self, at: int) -> Sequence[ConditionFact]:
        """What turned since the last call."""
        if not self.conditions.turned:
            return _NOTHING
        names = sorted(self.conditions.turned & self._told.keys())
        self.conditions.turned.clear()
        return list(self._tell(names, at))

    def hear_supply(self, fields: Fields) -> None:
        """An event of a power supply."""
        self.mains.hear(fields)
        self.conditions.turned.add(MAINS)

    def hear_machine(self, fields: Fields) -> None:
        """An event of the machine as a whole, which may tell of the mains."""
        if self.mains.hear_machine(fields):
            self.conditions.turned.add(MAINS)

    def lose_supply(self, devpath: str) -> None:
        """A device went, which may have been a power supply."""
        if self.mains.gone(devpath):
            self.conditions.turned.add(MAINS)

    def _tell(self, names: Iterable[str], at: int) -> Iterator[ConditionFact]:
        for name in names:
            known = self._known(name)
            if known is not self._told[name]:
                self._told[name] = known
                yield _FACTS[known](at=at, name=name)

    def _known(self, name: str) -> bool | None:
        if name == MAINS and self.conditions.said(MAINS) is None:
            return self.mains.holds
        return self.conditions.known(name)


_FACTS: dict[bool | None, type[ConditionFact]] = {True: ConditionMet, False: ConditionLost, None: ConditionUnknown}

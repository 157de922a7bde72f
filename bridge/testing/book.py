"""What the daemon's store would keep, in memory: what is owed, what became of tasks, what was raised in this boot.

It follows the decisions as the store does, and gives them back as facts. It writes no file, and no time goes by in it.
"""

from dataclasses import dataclass, field

import msgspec

from bridge.dispatch.kept import Answered, Kept, Restored, TaskForgotten, TaskKept, TaskState
from bridge.mapping.memory import ForgottenThisBoot, LevelTurned, Memory, RaisedThisBoot
from bridge.model.tasks import Registration
from bridge.pipeline.pipeline import Outcome


@dataclass(slots=True)
class Book:
    """All that outlives a daemon."""

    memory: Memory = field(default_factory=Memory)
    _owed: dict[int, Kept] = field(default_factory=dict)
    _of_earlier_boot: set[int] = field(default_factory=set)
    _states: dict[str, TaskState] = field(default_factory=dict)
    _registrations: dict[str, Registration] = field(default_factory=dict)
    """Those that no file has."""

    def take(self, outcome: Outcome) -> None:
        """One more outcome; most are not for the store."""
        match outcome:
            case Kept():
                self._keep(outcome)
            case Answered(number=number):
                self._owed.pop(number, None)
            case TaskKept(state=state, registration=registration):
                self._states[state.name] = state
                if registration.from_file:
                    self._registrations.pop(state.name, None)
                else:
                    self._registrations[state.name] = registration
            case TaskForgotten(name=name):
                self._states.pop(name, None)
                self._registrations.pop(name, None)
            case LevelTurned(rule=rule, subject=subject, true=true):
                (self.memory.true.add if true else self.memory.true.discard)((rule, subject))
            case RaisedThisBoot(rule=rule, key=key):
                self.memory.raised_this_boot.add((rule, key))
            case ForgottenThisBoot(rule=rule, key=key):
                self.memory.raised_this_boot.discard((rule, key))
            case _:
                pass

    def _keep(self, kept: Kept) -> None:
        before = self._owed.get(kept.number)
        if before is not None and before.raised != kept.raised:
            self._of_earlier_boot.discard(kept.number)
        batch = (*(before.batch if before is not None else ()), *kept.batch)[kept.forgotten :]
        self._owed[kept.number] = msgspec.structs.replace(kept, batch=batch, forgotten=0)

    def boot(self) -> None:
        """The machine starts again: what was so for one boot only is forgotten."""
        self.memory.raised_this_boot.clear()
        self._of_earlier_boot = set(self._owed)
        for name, state in self._states.items():
            self._states[name] = msgspec.structs.replace(state, spent_in_boot=frozenset(), failures=0, quarantined="")

    def restored(self, at: int) -> Restored:
        """What a daemon is told that starts now."""
        return Restored(
            at=at,
            registrations=tuple(self._registrations.values()),
            tasks=tuple(self._states.values()),
            owed=tuple(self._owed[number] for number in sorted(self._owed)),
            earlier_boot=frozenset(self._of_earlier_boot & self._owed.keys()),
        )

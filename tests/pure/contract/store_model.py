"""The store as its contract says (bridge/dispatch/kept.py), in memory: what is committed stays. It knows no promise."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from msgspec.structs import replace

from bridge.dispatch.kept import Answered, Kept, Restored, TaskForgotten, TaskKept, TaskState
from bridge.model.tasks import LONGEST_BACKOFF, Registration

STORE_OPS = (Kept, Answered, TaskKept, TaskForgotten)


@dataclass
class StoreModel:
    """What is kept; a restart reads it with `restored`."""

    owed: dict[int, Kept] = field(default_factory=dict)
    boots: dict[int, int] = field(default_factory=dict)
    """In which boot each of them was raised last."""
    tasks: dict[str, TaskState] = field(default_factory=dict)
    registrations: dict[str, Registration] = field(default_factory=dict)
    boot: int = 0

    def commit(self, outcomes: Iterable[object]) -> None:
        """One transaction: everything in it that is the store's."""
        for each in outcomes:
            match each:
                case Kept():
                    self._keep(each)
                case Answered(number=number):
                    self.owed.pop(number, None)
                    self.boots.pop(number, None)
                case TaskKept(state=state, registration=registration):
                    assert state.name == registration.name
                    self.tasks[state.name] = state
                    if registration.from_file:
                        self.registrations.pop(state.name, None)
                    else:
                        self.registrations[state.name] = registration
                case TaskForgotten(name=name):
                    self.tasks.pop(name, None)
                    self.registrations.pop(name, None)

    def _keep(self, new: Kept) -> None:
        old = self.owed.get(new.number)
        assert new.raised.batch == (), "the newest raise is kept without its batch"
        batch = (*(old.batch if old is not None else ()), *new.batch)
        assert new.forgotten <= len(batch), f"{new} forgets more than {len(batch)}"
        if old is None or new.raised.at > old.raised.at or new.raised.details != old.raised.details:
            self.boots[new.number] = self.boot
        self.owed[new.number] = replace(new, batch=batch[new.forgotten :], forgotten=0)

    def slept(self, asleep: int) -> None:
        """The machine slept for that long, and the clock stood still: by this clock all was so much earlier."""
        for number, each in self.owed.items():
            due = None if each.due is None else each.due - asleep
            self.owed[number] = replace(each, raised=replace(each.raised, at=each.raised.at - asleep), due=due)
        for name, state in self.tasks.items():
            self.tasks[name] = replace(state, due={place: due - asleep for place, due in state.due.items()})

    def boot_again(self, now: int, later: int) -> None:
        """Another boot, whose clock shows `now`, and `later` microseconds more for what was before, if it is right.

        Whatever it shows, that was before this boot; and a backoff ends within five minutes.
        """
        self.boot += 1
        self.owed = {
            number: replace(
                each,
                raised=replace(each.raised, at=min(-1, each.raised.at + later)),
                due=None if each.due is None else now + max(0, min(LONGEST_BACKOFF, each.due + later - now)),
            )
            for number, each in self.owed.items()
        }
        self.tasks = {
            name: replace(
                each,
                spent_in_boot=frozenset(),
                failures=0,
                quarantined="",
                due={place: due + later for place, due in each.due.items()},
            )
            for name, each in self.tasks.items()
        }

    def restored(self, at: int) -> Restored:
        """What a daemon that starts is told."""
        return Restored(
            at=at,
            registrations=tuple(self.registrations.values()),
            tasks=tuple(self.tasks.values()),
            owed=tuple(self.owed[number] for number in sorted(self.owed)),
            earlier_boot=frozenset(number for number, boot in self.boots.items() if boot != self.boot),
        )

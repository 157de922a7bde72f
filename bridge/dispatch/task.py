"""One registered task: what runs of it, what waits, what became of its triggers. It decides nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.dispatch.kept import TaskForgotten, TaskKept, TaskState
from bridge.dispatch.loops import Loops
from bridge.dispatch.waiting import Pending, Waiting
from bridge.model.conditions import MAINS
from bridge.model.tasks import Concurrency, Expiry, Registration
from bridge.model.triggers import (
    ApplicationTrigger,
    CustomSystemEventTrigger,
    DeviceWatcherTrigger,
    MaintenanceTrigger,
    OwnTrigger,
    Recurrence,
    SystemTrigger,
    TimeTrigger,
    Trigger,
    TriggerId,
)

Levels = Mapping[str, bool]
"""The conditions that are known, and whether each is true."""

_OWN = {
    TimeTrigger: OwnTrigger.TIME,
    MaintenanceTrigger: OwnTrigger.MAINTENANCE,
    ApplicationTrigger: OwnTrigger.APPLICATION,
    DeviceWatcherTrigger: OwnTrigger.DEVICE_WATCHER,
}


def id_of(trigger: Trigger) -> TriggerId:
    """What it is called when it goes off."""
    match trigger:
        case CustomSystemEventTrigger(guid=guid):
            return guid
        case SystemTrigger(type=type_):
            return type_
        case _:
            return _OWN[type(trigger)]


def is_one_shot(trigger: Trigger) -> bool:
    """Whether it goes off once and never again."""
    match trigger:
        case CustomSystemEventTrigger(recurrence=recurrence):
            return recurrence is Recurrence.ONE_SHOT
        case SystemTrigger() | TimeTrigger() | MaintenanceTrigger():
            return trigger.one_shot
        case _:
            return False


def is_once_a_boot(trigger: Trigger) -> bool:
    """Whether it goes off once in each boot."""
    return isinstance(trigger, CustomSystemEventTrigger) and trigger.recurrence is Recurrence.ONCE


@dataclass(slots=True, eq=False)
class Task:
    """A registration, its runs (the keys with the ids of their instances) and its raises that wait."""

    registration: Registration
    running: dict[str, set[str]] = field(default_factory=dict)
    waiting: Waiting = field(default_factory=Waiting)
    loops: Loops = field(default_factory=Loops)
    spent: set[int] = field(default_factory=set)
    spent_in_boot: set[int] = field(default_factory=set)
    due: dict[int, int] = field(default_factory=dict)
    """When triggers of time go off next, by their places."""
    failures: int = 0
    quarantined: str = ""
    package: str = ""
    """Which one brought it, and its version, if it asks for `ServicingComplete`."""
    is_kept: bool = False
    """Whether the store has something of it."""

    @property
    def name(self) -> str:
        """Its name."""
        return self.registration.name

    def count(self) -> int:
        """How many runs there are."""
        return sum(len(ids) for ids in self.running.values())

    def end(self, key: str, instance_id: str) -> None:
        """A run is over."""
        self.running[key].remove(instance_id)
        if not self.running[key]:
            del self.running[key]

    def adopt(self, state: TaskState) -> None:
        """Goes on where the task was when the daemon ended."""
        self.spent, self.spent_in_boot, self.due = set(state.spent), set(state.spent_in_boot), dict(state.due)
        self.failures, self.quarantined, self.is_kept = state.failures, state.quarantined, True
        self.package = state.package

    def start_anew(self) -> None:
        """Forgets what became of it: it is registered as something else, perhaps by a new version of its package."""
        self.spent, self.spent_in_boot, self.due = set(), set(), {}
        self.failures, self.quarantined = 0, ""

    def is_spent(self, place: int) -> bool:
        """Whether the trigger at this place does not go off any more, in this boot at least."""
        return place in self.spent or place in self.spent_in_boot

    def is_expired(self) -> bool:
        """Whether all its triggers have gone off for the last time."""
        return len(self.spent) == len(self.registration.triggers)

    def spend(self, place: int) -> bool:
        """The trigger at this place went off; whether that is to be kept."""
        trigger = self.registration.triggers[place]
        if is_one_shot(trigger):
            self.spent.add(place)
        elif is_once_a_boot(trigger):
            self.spent_in_boot.add(place)
        else:
            return False
        return True

    def to_keep(self) -> TaskKept | TaskForgotten | None:
        """What the store is to know now; None where it has nothing and needs nothing."""
        has_state = bool(self.spent or self.spent_in_boot or self.due or self.failures)
        has_state = has_state or bool(self.quarantined or self.package)
        if not has_state and self.registration.from_file:
            return TaskForgotten(name=self.name) if self.is_kept else None
        state = TaskState(
            name=self.name,
            definition=self.registration.definition,
            spent=frozenset(self.spent),
            spent_in_boot=frozenset(self.spent_in_boot),
            due=dict(self.due),
            failures=self.failures,
            quarantined=self.quarantined,
            package=self.package,
        )
        return TaskKept(state=state, registration=self.registration)

    def holds(self, levels: Levels) -> bool:
        """Whether it may run as far as its conditions and its quarantine say; what is not known does not hold."""
        if self.quarantined:
            return False
        return all(levels.get(each.name) is each.wanted for each in self.registration.conditions)

    def gate(self, pending: Pending, levels: Levels) -> bool:
        """Whether this one may run as far as levels say. A machine that tells nothing of its mains has them."""
        return self.holds(levels) and (not pending.needs_mains or levels.get(MAINS) is not False)

    def has_room_for(self, key: str) -> bool:
        """Whether one more run of this key may be there now."""
        alone = self.registration.concurrency is not Concurrency.PARALLEL
        return self.count() < self.registration.max_running and not (alone and key in self.running)

    def is_too_old(self, pending: Pending, at: int) -> bool:
        """Whether it is not to be run any more."""
        match self.registration.expires:
            case Expiry.NEVER:
                return False
            case Expiry.BOOT:
                return pending.is_of_earlier_boot
            case duration:
                return pending.raised.at + duration <= at

    def next_wake(self, now: int) -> int | None:
        """When something becomes due by itself, after `now`."""
        times = list(self.due.values())
        if self.waiting.has_dues:
            times += [each.due for each in self.waiting if each.due is not None and each.due > now]
        if not isinstance(self.registration.expires, Expiry):
            times += [each.raised.at + self.registration.expires for each in self.waiting]
        return min(times, default=None)

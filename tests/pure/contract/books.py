"""What the promises are kept on: which tasks are registered, what was accepted, what runs. It decides no run.

It is written from the contract alone, and only from what was committed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from msgspec.structs import replace

from bridge.dispatch.decisions import Completed
from bridge.model.conditions import MAINS
from bridge.model.tasks import LONGEST_BACKOFF, CancellationReason, Expiry, Instance, Registration
from bridge.model.triggers import (
    ApplicationTrigger,
    CustomSystemEventTrigger,
    MaintenanceTrigger,
    OwnTrigger,
    Raised,
    Recurrence,
    SystemTrigger,
    TimeTrigger,
    Trigger,
)

OWN = {TimeTrigger: OwnTrigger.TIME, MaintenanceTrigger: OwnTrigger.MAINTENANCE}
Place = tuple[str, str]
"""A task's name and a key."""


@dataclass(eq=False)
class Accepted:
    """A raise that a task owes an answer to, and the boot it was raised in."""

    raised: Raised
    boot: int
    slept: int = 0
    """For how long the machine has slept since: the clock does not count it, and shows a time too late by it."""

    def is_told_as(self, told: Raised) -> bool:
        """Whether that is this raise; its time may count the machine's sleep, or some of it."""
        is_then = self.raised.at - self.slept <= told.at <= self.raised.at
        return is_then and replace(told, at=self.raised.at, batch=()) == replace(self.raised, batch=())


@dataclass
class Activation:
    """Raises that became one, under the number that the store knows it by; its runs up to now."""

    number: int
    place: Place
    raises: list[Accepted] = field(default_factory=list)
    ordinary: Accepted | None = None
    """The newest that is not of maintenance."""
    started: bool = False
    running: str | None = None
    failures: int = 0
    agains: int = 0
    cut_off: bool = False
    """Its last run ended with the daemon, not by itself."""
    ever_cut_off: bool = False
    not_before: int | None = None
    """When its backoff, or what it is held for, is over."""
    has_batch: bool = True
    """Whether the details of all its raises were kept."""
    abandoned: bool = False
    """Its task was unregistered while it ran."""

    @property
    def newest(self) -> Accepted:
        """The newest raise. One of maintenance has no details, and does not make others wait for the mains."""
        return self.ordinary or self.raises[-1]

    @property
    def known(self) -> list[Accepted]:
        """Its raises, and the newest even where it is not one of them any more."""
        return [*self.raises, *([self.ordinary] if self.ordinary and self.ordinary not in self.raises else [])]

    def add(self, raises: list[Accepted]) -> None:
        """These are answered, too."""
        self.raises += raises
        ordinary = [each for each in raises if each.raised.trigger is not OwnTrigger.MAINTENANCE]
        self.ordinary = ordinary[-1] if ordinary else self.ordinary

    def begin_anew(self) -> None:
        """What was tried does not count any more."""
        self.started, self.failures, self.agains, self.not_before = False, 0, 0, None

    @property
    def is_maintenance(self) -> bool:
        return self.newest.raised.trigger is OwnTrigger.MAINTENANCE


@dataclass
class Run:
    """A process that was started, and what was asked of it."""

    instance: Instance
    activation: Activation
    since: int
    canceled: tuple[CancellationReason, int] | None = None
    killed: bool = False
    completed: Completed | None = None

    @property
    def place(self) -> Place:
        return self.activation.place


@dataclass
class Due:
    """When a time trigger goes off: at `at`; where a clock was set back, by then at the latest."""

    at: int
    is_exact: bool = True
    is_missed: bool = False
    """It passed while nobody could tell; when it is made up for is not on its own time."""


@dataclass
class Task:
    """A registered task."""

    registration: Registration
    spent: set[int] = field(default_factory=set)
    spent_in_boot: set[int] = field(default_factory=set)
    due: dict[int, Due] = field(default_factory=dict)
    failures: int = 0
    """Failed activations in a row."""
    quarantined: bool = False

    def begin_timers(self, at: int) -> None:
        """The first time is one period after the registration."""
        for place, trigger in enumerate(self.registration.triggers):
            if isinstance(trigger, TimeTrigger | MaintenanceTrigger):
                self.due[place] = Due(at + trigger.period)

    def answering(self, raised: Raised) -> set[int]:
        """The places of the triggers that go off with this raise, spent ones left out."""
        name = self.registration.name
        return {
            place
            for place, trigger in enumerate(self.registration.triggers)
            if _goes_off(trigger, raised, name) and place not in self.spent | self.spent_in_boot
        }

    def spend(self, places: set[int]) -> None:
        """These have gone off: some of them for the last time."""
        for place in places:
            match self.registration.triggers[place]:
                case CustomSystemEventTrigger(recurrence=Recurrence.ONCE):
                    self.spent_in_boot.add(place)
                case CustomSystemEventTrigger(recurrence=Recurrence.ONE_SHOT):
                    self.spent.add(place)
                case SystemTrigger(one_shot=True):
                    self.spent.add(place)
                case TimeTrigger(one_shot=True) | MaintenanceTrigger(one_shot=True):
                    self.spent.add(place)

    def unspend(self, places: set[int]) -> None:
        """What they went off for was not accepted."""
        self.spent -= places
        self.spent_in_boot -= places


def _goes_off(trigger: Trigger, raised: Raised, name: str) -> bool:
    match trigger:
        case CustomSystemEventTrigger(guid=guid):
            return raised.trigger == guid
        case SystemTrigger(type=kind):
            return raised.trigger is kind
        case TimeTrigger() | MaintenanceTrigger():
            return raised.trigger is OWN[type(trigger)] and raised.task == name
        case ApplicationTrigger():
            return raised.trigger is OwnTrigger.APPLICATION and raised.task == name
        case _:
            return False


@dataclass
class Books:
    """All that is committed, as the contract has it."""

    tasks: dict[str, Task] = field(default_factory=dict)
    loose: dict[Place, list[Accepted]] = field(default_factory=dict)
    """Accepted, and not in an activation yet: only within a transaction."""
    owed: dict[int, Activation] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    levels: dict[str, bool | None] = field(default_factory=dict)
    accepting: bool = True
    stopping: bool = False
    now: int = 0
    before: int = 0
    """When the transaction before this one was."""
    boot: int = 0
    run_count: dict[Place, int] = field(default_factory=dict)
    """How many runs of a place were started in this life of the daemon."""
    slowed: set[str] = field(default_factory=set)
    """Tasks that seemed to raise their own trigger."""
    slowed_places: set[Place] = field(default_factory=set)
    """Where; the next runs of these may be held."""
    known_ids: set[str] = field(default_factory=set)

    def waiting(self, place: Place) -> list[Activation]:
        """Activations of a place that were not started yet, oldest first."""
        return [each for each in self.of_place(place) if not each.started]

    def of_place(self, place: Place) -> list[Activation]:
        return sorted((each for each in self.owed.values() if each.place == place), key=lambda each: each.number)

    def of_task(self, name: str) -> Iterator[Activation]:
        return (each for each in self.owed.values() if each.place[0] == name)

    def runs_of(self, name: str) -> list[Run]:
        return [each for each in self.runs.values() if each.place[0] == name]

    def runs_at(self, place: Place) -> list[Run]:
        return [each for each in self.runs.values() if each.place == place]

    def holds(self, registration: Registration) -> bool:
        """Whether every condition of the task is known to hold."""
        return all(self.levels.get(each.name) is each.wanted for each in registration.conditions)

    def is_open(self, task: Task, raised: Raised) -> bool:
        """Whether what waits is this raise of the task need not wait for a condition, the mains or a reset."""
        needs_mains = raised.trigger is OwnTrigger.MAINTENANCE
        return not task.quarantined and self.holds(task.registration) and not (needs_mains and self.is_on_battery)

    @property
    def is_on_battery(self) -> bool:
        """Where no power supply is known, the machine is on mains."""
        return self.levels.get(MAINS) is False

    def is_expired(self, registration: Registration, accepted: Accepted, at: int, *, with_sleep: bool) -> bool:
        """Whether a raise is too old to be run."""
        match registration.expires:
            case Expiry.NEVER:
                return False
            case Expiry.BOOT:
                return accepted.boot != self.boot
            case int(limit):
                return at - accepted.raised.at + accepted.slept * with_sleep > limit

    def died(self) -> None:
        """The daemon is gone, and with it all processes and what only it knew."""
        for run in self.runs.values():
            activation = run.activation
            activation.running = None
            activation.cut_off = activation.ever_cut_off = True
        self.runs.clear()
        self.levels.clear()
        self.run_count.clear()
        self.accepting, self.stopping = True, False

    def began(self, at: int) -> None:
        """A daemon starts: what went off in the meantime is missed; a phase that no clock can tell begins anew."""
        self.now = self.before = at
        for task in self.tasks.values():
            for place, due in task.due.items():
                period = period_of(task.registration.triggers[place])
                due.is_missed = due.at <= at
                if due.at > at + period or not due.is_exact:
                    task.due[place] = Due(at + period, is_exact=False)

    def boot_again(self, now: int, later: int) -> None:
        """Another boot, in which everything shows `later` microseconds more: what was raised, was before it began."""
        self.boot += 1
        for activation in self.owed.values():
            for each in activation.known:
                at, earliest = min(-1, each.raised.at + later), min(-1, each.raised.at - each.slept + later)
                each.raised, each.slept = replace(each.raised, at=at), at - earliest
            if activation.not_before is not None:
                activation.not_before = now + max(0, min(LONGEST_BACKOFF, activation.not_before + later - now))
        for task in self.tasks.values():
            task.spent_in_boot.clear()
            task.failures, task.quarantined = 0, False
            for due in task.due.values():
                due.at += later

    def slept(self, asleep: int) -> None:
        """The machine slept for that long, and the clock of the pipeline stood still: all was so much earlier."""
        for activation in self.owed.values():
            for each in activation.known:
                each.slept += asleep
            if activation.not_before is not None:
                activation.not_before -= asleep
        for task in self.tasks.values():
            for due in task.due.values():
                due.at -= asleep
                due.is_missed = due.at <= self.now


def period_of(trigger: Trigger) -> int:
    """A trigger of time's period; 0 of others."""
    return trigger.period if isinstance(trigger, TimeTrigger | MaintenanceTrigger) else 0

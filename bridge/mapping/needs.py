"""What registered tasks ask of the mapper: conditions, system triggers, devices. Nothing here knows whether one holds.

It is counted as tasks come and go, so that ten thousand of them that ask for the same cost no more than one.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from bridge.model.conditions import MAINS
from bridge.model.system_triggers import SystemTriggerType
from bridge.model.tasks import Registration
from bridge.model.triggers import DeviceWatcherTrigger, MaintenanceTrigger, SystemTrigger


class TaskNeeds(msgspec.Struct, frozen=True):
    """What tasks wait for: conditions by name, `MAINS` among them, system triggers, and of each task its watchers."""

    conditions: frozenset[str] = frozenset()
    system_triggers: frozenset[SystemTriggerType] = frozenset()
    watchers: tuple[tuple[str, DeviceWatcherTrigger], ...] = ()


NO_NEEDS = TaskNeeds()

T = TypeVar("T")


def needs_of(registrations: Iterable[Registration]) -> TaskNeeds:
    """What these tasks ask for together."""
    needs = Needs()
    for registration in registrations:
        needs.put(registration)
    return needs.present


Shared = str | SystemTriggerType
"""What many tasks may ask for together: a condition by its name, a system trigger."""


@dataclass(slots=True)
class Needs:
    """What all tasks ask for, of which each is registered under its name."""

    _shared: dict[str, frozenset[Shared]] = field(default_factory=dict)
    """By task, of those that ask for any."""
    _watchers: dict[str, tuple[DeviceWatcherTrigger, ...]] = field(default_factory=dict)
    """By task, of those that have any."""
    _counts: Counter[Shared] = field(default_factory=Counter)
    _present: TaskNeeds | None = NO_NEEDS

    def put(self, registration: Registration) -> None:
        """A task is registered, instead of any other of its name."""
        watchers = tuple(each for each in registration.triggers if isinstance(each, DeviceWatcherTrigger))
        self._set(registration.name, frozenset(_shared(registration)), watchers)

    def drop(self, name: str) -> None:
        """The task of this name is registered no more."""
        self._set(name, frozenset(), ())

    @property
    def present(self) -> TaskNeeds:
        """What is asked for now; the same object until that changes."""
        if self._present is None:
            self._present = TaskNeeds(
                conditions=frozenset(each for each in self._counts if isinstance(each, str)),
                system_triggers=frozenset(each for each in self._counts if isinstance(each, SystemTriggerType)),
                watchers=tuple((name, each) for name, watchers in self._watchers.items() for each in watchers),
            )
        return self._present

    def _set(self, name: str, shared: frozenset[Shared], watchers: tuple[DeviceWatcherTrigger, ...]) -> None:
        before = self._shared.get(name, frozenset())
        for each in shared - before:
            self._counts[each] += 1
            if self._counts[each] == 1:
                self._present = None
        for each in before - shared:
            self._counts[each] -= 1
            if not self._counts[each]:
                del self._counts[each]
                self._present = None
        if watchers != self._watchers.get(name, ()):
            self._present = None
        _keep(self._shared, name, shared)
        _keep(self._watchers, name, watchers)


def _keep(kept: dict[str, T], name: str, value: T) -> None:
    if value:
        kept[name] = value
    else:
        kept.pop(name, None)


def _shared(registration: Registration) -> Iterator[Shared]:
    yield from (condition.name for condition in registration.conditions)
    yield from (each for each in registration.cancel_on if isinstance(each, SystemTriggerType))
    for trigger in registration.triggers:
        match trigger:
            case SystemTrigger(type):
                yield type
            case MaintenanceTrigger():
                yield MAINS
            case _:
                pass

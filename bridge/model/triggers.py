"""Triggers, and the fact that one was raised. Nothing here knows which rule or task uses one.

Source of names, numbers and meanings: the classes of the same names in Windows.ApplicationModel.Background.
"""

from collections.abc import Mapping
from enum import IntEnum, StrEnum

import msgspec

from bridge.errors import InvalidValueError
from bridge.model.checks import Checks
from bridge.model.events import Origin
from bridge.model.guid import Guid
from bridge.model.system_triggers import SystemTriggerType


class Recurrence(IntEnum):
    """How often a custom trigger activates a task: Windows' `CustomSystemEventTriggerRecurrence`, and one of ours."""

    ONCE = 0
    """Once a boot, which is what Windows calls a session."""
    ALWAYS = 1
    ONE_SHOT = 2
    """Once; then the trigger is spent. Windows has it for its other triggers."""


class CustomSystemEventTrigger(msgspec.Struct, frozen=True):
    """A trigger that its author named with a GUID, and that rules and API callers raise."""

    guid: Guid
    recurrence: Recurrence = Recurrence.ALWAYS


class SystemTrigger(msgspec.Struct, frozen=True):
    """A change of the machine as a whole."""

    type: SystemTriggerType
    one_shot: bool = False


class TimeTrigger(msgspec.Struct, frozen=True):
    """Goes off `period` microseconds after the registration, and again after each further one."""

    period: int
    one_shot: bool = False


class MaintenanceTrigger(msgspec.Struct, frozen=True):
    """As a `TimeTrigger`, but its runs wait for the mains, and end when these go."""

    period: int
    one_shot: bool = False


class ApplicationTrigger(msgspec.Struct, frozen=True):
    """Goes off when somebody requests the task by its name."""


class DeviceWatcherEventKind(IntEnum):
    """What became of a device: Windows' `DeviceWatcherEventKind`."""

    ADD = 0
    UPDATE = 1
    REMOVE = 2


class DeviceWatcherTrigger(msgspec.Struct, frozen=True):
    """Goes off for udev devices that pass these tests, those that are there already included."""

    match: Checks
    kinds: frozenset[DeviceWatcherEventKind] = frozenset(DeviceWatcherEventKind)


Trigger = (
    CustomSystemEventTrigger
    | SystemTrigger
    | TimeTrigger
    | MaintenanceTrigger
    | ApplicationTrigger
    | DeviceWatcherTrigger
)


class OwnTrigger(StrEnum):
    """The triggers that go off for one task only, by the names of their classes."""

    TIME = "TimeTrigger"
    MAINTENANCE = "MaintenanceTrigger"
    APPLICATION = "ApplicationTrigger"
    DEVICE_WATCHER = "DeviceWatcherTrigger"


TriggerId = Guid | SystemTriggerType | OwnTrigger
"""What went off; its `str` is what handlers, people and recordings are told."""


class PrincipalKind(StrEnum):
    """Whom an `allow` entry names."""

    USER = "user"
    GROUP = "group"


class Principal(msgspec.Struct, frozen=True):
    """A user or a group, by name, as `allow` lists have them.

    >>> Principal.parse("group:audio")
    Principal(kind=<PrincipalKind.GROUP: 'group'>, name='audio')
    """

    kind: PrincipalKind
    name: str

    @classmethod
    def parse(cls, text: str) -> "Principal":
        """The principal that `user:NAME` or `group:NAME` spells. Raises `InvalidValueError` for anything else."""
        kind, _, name = text.partition(":")
        if kind not in list(PrincipalKind) or not name or ":" in name or not name.isprintable():
            raise InvalidValueError(f'"{text}" is neither user:NAME nor group:NAME')
        return cls(PrincipalKind(kind), name)


class NamedTrigger(msgspec.Struct, frozen=True, kw_only=True):
    """A name that a rules file gives to a trigger, and who else may raise it over the API."""

    name: str
    guid: Guid
    allow: frozenset[Principal] = frozenset()


class Raised(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A trigger went off, at `at` microseconds.

    `rule` is the rule that raised it, or None where a caller of the API, the system or the task itself did; `task` is
    the only task that an `OwnTrigger` is for. `key` is the thing that it is about: three disks are three keys.
    `owner` is the only user (a uid) whose tasks it reaches, where who raised it may raise it for these alone.
    `batch` has the details of each event of a device watcher, oldest first. `cause` is the run that a caller of the API
    is a process of.
    """

    at: int
    trigger: TriggerId
    rule: str | None = None
    key: str = ""
    details: Mapping[str, str] = msgspec.field(default_factory=dict)
    origin: Origin = Origin.LIVE
    task: str | None = None
    owner: int | None = None
    batch: tuple[Mapping[str, str], ...] = ()
    cause: str | None = None
    seen_at: int | None = None
    """When the first event came that led to it, where that was before `at`: a filter or a watcher has waited since."""

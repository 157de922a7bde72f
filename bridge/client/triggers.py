"""Triggers and conditions as an application says them. Nothing here is sent, or knows whether something raises one.

Names and meanings are those of the classes in Windows.ApplicationModel.Background; lengths of time are text, as in
tasks files: "15m".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, get_args

from bridge.client.daemon import asking
from bridge.client.details import sent_details, sent_key
from bridge.errors import InvalidValueError
from bridge.model.conditions import SystemConditionType
from bridge.model.durations import parse_duration
from bridge.model.guid import Guid
from bridge.model.system_triggers import SystemTriggerType
from bridge.model.tasks import RequestResult
from bridge.model.triggers import DeviceWatcherEventKind, Recurrence
from bridge.model.windows_names import windows_name

Table = Mapping[str, object]
"""What a tasks file says of a trigger or a condition."""


@dataclass(frozen=True, slots=True)
class CustomSystemEventTrigger:
    """A trigger that its author named with a GUID, and that rules and callers of the API raise.

    `trigger_id` is the GUID in any spelling, and is shown in one. Raises `InvalidGuidError`.

    >>> CustomSystemEventTrigger("9118718b-ff80-4afe-baf1-d88a4525f3ab", Recurrence.ONCE).trigger_id
    '{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}'
    """

    trigger_id: str
    recurrence: Recurrence = Recurrence.ALWAYS
    is_name: bool = field(default=False, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        if not self.is_name:
            object.__setattr__(self, "trigger_id", Guid.parse(str(self.trigger_id)).text)
        _check(self.recurrence, Recurrence)

    @classmethod
    def named(cls, name: str, recurrence: Recurrence = Recurrence.ALWAYS) -> "CustomSystemEventTrigger":
        """The trigger that a rules file of the daemon gives this name; the daemon says if none does.

        >>> CustomSystemEventTrigger.named("audio-jack.connected").trigger_id
        'audio-jack.connected'
        """
        return cls(name, recurrence, is_name=True)


@dataclass(frozen=True, slots=True)
class SystemTrigger:
    """A change of the machine as a whole."""

    trigger_type: SystemTriggerType
    one_shot: bool = False

    def __post_init__(self) -> None:
        _check(self.trigger_type, SystemTriggerType)


@dataclass(frozen=True, slots=True)
class TimeTrigger:
    """Goes off when `freshness_time` has gone by since the registration, and again each time that it has.

    >>> TimeTrigger(15)
    Traceback (most recent call last):
    bridge.errors.InvalidDurationError: 15 is not a duration: a number and one of us, ms, s, m, h, d, as in '20ms'
    """

    freshness_time: str
    one_shot: bool = False

    def __post_init__(self) -> None:
        parse_duration(self.freshness_time)


@dataclass(frozen=True, slots=True)
class MaintenanceTrigger:
    """As a `TimeTrigger`, but its runs wait for the mains, and end when these go."""

    freshness_time: str
    one_shot: bool = False

    def __post_init__(self) -> None:
        parse_duration(self.freshness_time)


@dataclass(slots=True, eq=False)
class ApplicationTrigger:
    """Goes off when the application requests it. It belongs to the task that was registered with it."""

    _task: tuple[str, str] | None = field(default=None, init=False, repr=False)

    def belong(self, name: str, socket: str) -> None:
        """It is the trigger of the task of this name, which the daemon at `socket` has."""
        self._task = (name, socket)

    def request(self, details: Mapping[str, str] | None = None, key: str = "") -> RequestResult:
        """Asks for a run, and says whether there will be one. Raises `BridgeError`s, as every call to the daemon.

        >>> ApplicationTrigger().request()
        Traceback (most recent call last):
        bridge.errors.InvalidValueError: this trigger has no task yet: give it to a builder, and register
        """
        if self._task is None:
            raise InvalidValueError("this trigger has no task yet: give it to a builder, and register")
        name, socket = self._task
        call = {"name": name, "details": sent_details(details), "key": sent_key(key)}
        with asking(socket) as daemon:
            return RequestResult[daemon.call("org.hwbridge.RequestTask", call)["result"]]


@dataclass(frozen=True, slots=True)
class DeviceWatcherTrigger:
    """Goes off for udev devices that pass these tests, those that are there already included.

    `match` is as in tasks files: `{"subsystem": "tty", "ID_VENDOR_ID": "1a86"}`. Without `kinds`, all are told.
    """

    match: Mapping[str, object]
    kinds: tuple[DeviceWatcherEventKind, ...] = ()

    def __post_init__(self) -> None:
        for kind in self.kinds:
            _check(kind, DeviceWatcherEventKind)


Trigger = (
    CustomSystemEventTrigger
    | SystemTrigger
    | TimeTrigger
    | MaintenanceTrigger
    | ApplicationTrigger
    | DeviceWatcherTrigger
)


@dataclass(frozen=True, slots=True)
class SystemCondition:
    """One of Windows' conditions: a level of the machine that a task waits for."""

    condition_type: SystemConditionType

    def __post_init__(self) -> None:
        _check(self.condition_type, SystemConditionType)


def table_of(trigger: object) -> Table:
    """What a tasks file says of a trigger. Raises `InvalidValueError` for what is none.

    >>> table_of(TimeTrigger("15m"))
    {'time': '15m', 'one_shot': False}
    """
    match trigger:
        case CustomSystemEventTrigger(trigger_id, recurrence):
            return {"custom": trigger_id, "recurrence": _RECURRENCES[recurrence]}
        case SystemTrigger(trigger_type, one_shot):
            return {"system": str(trigger_type), "one_shot": one_shot}
        case TimeTrigger(freshness_time, one_shot):
            return {"time": freshness_time, "one_shot": one_shot}
        case MaintenanceTrigger(freshness_time, one_shot):
            return {"maintenance": freshness_time, "one_shot": one_shot}
        case ApplicationTrigger():
            return {"application": True}
        case DeviceWatcherTrigger(matched, kinds):
            return {"device_watcher": dict(matched), **({"kinds": [_KINDS[kind] for kind in kinds]} if kinds else {})}
        case _:
            there_are = ", ".join(kind.__name__ for kind in get_args(Trigger))
            raise InvalidValueError(f"{trigger!r} is no trigger; there are {there_are}")


def trigger_of(table: Mapping[str, Any]) -> Trigger:
    """The trigger of which a definition says this. Raises `InvalidValueError` for a kind that is not known.

    >>> trigger_of({"custom": "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}", "recurrence": "once"}).recurrence.name
    'ONCE'
    """
    one_shot = table.get("one_shot", False)
    match table:
        case {"custom": guid}:
            return CustomSystemEventTrigger(guid, _RECURRENCE_NAMED[table.get("recurrence", "always")])
        case {"system": name}:
            return SystemTrigger(_SYSTEM_NAMED[name], one_shot)
        case {"time": period}:
            return TimeTrigger(period, one_shot)
        case {"maintenance": period}:
            return MaintenanceTrigger(period, one_shot)
        case {"device_watcher": matched}:
            return DeviceWatcherTrigger(matched, tuple(_KIND_NAMED[kind] for kind in table.get("kinds", ())))
        case {"application": _}:
            return ApplicationTrigger()
        case _:
            raise InvalidValueError(f"a trigger of a kind that this version does not know: {dict(table)}")


def name_of(condition: SystemCondition | str) -> str:
    """The name of a condition, as tasks files have it: Windows' own, or one of a `[[condition]]`.

    >>> name_of(SystemCondition(SystemConditionType.INTERNET_AVAILABLE)), name_of("docked")
    ('InternetAvailable', 'docked')
    """
    if isinstance(condition, SystemCondition):
        return windows_name(condition.condition_type)
    if isinstance(condition, str):
        return condition
    raise InvalidValueError(f"{condition!r} is no condition: a SystemCondition, or the name of a [[condition]]")


def _check(value: object, kind: type[IntEnum]) -> None:
    if not isinstance(value, kind):
        raise InvalidValueError(f"{value!r} is no {kind.__name__}; write {kind.__name__}.{next(iter(kind)).name}, ...")


_RECURRENCES = {each: each.name.lower().replace("_", "-") for each in Recurrence}
_KINDS = {each: each.name.lower() for each in DeviceWatcherEventKind}
_RECURRENCE_NAMED = {name: each for each, name in _RECURRENCES.items()}
_KIND_NAMED = {name: each for each, name in _KINDS.items()}
_SYSTEM_NAMED = {str(each): each for each in SystemTriggerType}

"""From `triggers` and `cancel_on` to a task's triggers, with every error in them. Nothing here raises one.

A task has any number of triggers, each once. What Windows has and Linux has nothing for is refused by name.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial

from bridge.errors import InvalidValueError
from bridge.mapping.load.tests import load_tests
from bridge.model.checks import Test
from bridge.model.conditions import SYSTEM_CONDITIONS
from bridge.model.durations import MICROSECONDS, format_duration, parse_duration
from bridge.model.events import SINCE
from bridge.model.guid import Guid
from bridge.model.system_triggers import SystemTriggerType
from bridge.model.triggers import (
    ApplicationTrigger,
    CustomSystemEventTrigger,
    DeviceWatcherEventKind,
    DeviceWatcherTrigger,
    MaintenanceTrigger,
    NamedTrigger,
    Recurrence,
    SystemTrigger,
    TimeTrigger,
    Trigger,
)
from bridge.sources.system import OF_LINUX
from bridge.sources.udev import UDEV
from bridge.toml.names import resolve_trigger
from bridge.toml.schema import Table
from bridge.toml.values import boolean, choice, describe, nearest_or_all, text_as

Names = Mapping[str, NamedTrigger]

SHORTEST_PERIOD = MICROSECONDS["s"]
LONGEST_PERIOD = 365 * MICROSECONDS["d"]

RECURRENCES: Mapping[str, Recurrence] = {
    "always": Recurrence.ALWAYS,
    "once": Recurrence.ONCE,
    "one-shot": Recurrence.ONE_SHOT,
}
KINDS: Mapping[str, DeviceWatcherEventKind] = {kind.name.lower(): kind for kind in DeviceWatcherEventKind}

_OF_MICROSOFT = "it is about the Microsoft account that somebody is signed in with"
NOT_ON_LINUX: Mapping[SystemTriggerType, str] = {
    SystemTriggerType.SMS_RECEIVED: "a modem's serial port tells of messages, and a rule can listen to it",
    SystemTriggerType.CONTROL_CHANNEL_RESET: "control channels are a service of Windows",
    SystemTriggerType.LOCK_SCREEN_APPLICATION_ADDED: "no lock screen of Linux has applications on it",
    SystemTriggerType.LOCK_SCREEN_APPLICATION_REMOVED: "no lock screen of Linux has applications on it",
    SystemTriggerType.ONLINE_ID_CONNECTED_STATE_CHANGE: _OF_MICROSOFT,
    SystemTriggerType.DEFAULT_SIGN_IN_ACCOUNT_CHANGE: _OF_MICROSOFT,
}
"""The system triggers that never go off here, and why."""
SYSTEM: Mapping[str, SystemTriggerType] = {str(each): each for each in SystemTriggerType if each not in NOT_ON_LINUX}
"""The others, by their names."""
_REFUSED: Mapping[str, str] = {str(each): why for each, why in NOT_ON_LINUX.items()}

_OF_EVENTS: Mapping[str, str] = {
    "action": "kinds says what is told of the devices: add, remove, update",
    "ACTION": "kinds says what is told of the devices: add, remove, update",
    SINCE: "tells events apart, and not devices",
}
"""The fields that cannot tell which devices are watched, and why."""

_RECURRENCE = choice(*RECURRENCES)
_KIND = choice(*KINDS)


def load_triggers(table: Table, names: Names) -> tuple[Trigger, ...]:
    """The triggers of a task; without those that are wrong."""
    tables = table.tables("triggers", required=True)
    if table.content.get("triggers") == []:
        table.problem("a task has at least one trigger", "triggers")
    loaded = [(each, trigger) for each in tables if (trigger := load_trigger(each, names)) is not None]
    if len(loaded) > 1:
        _check_twice("triggers", [(each, _meaning(trigger)) for each, trigger in loaded])
    return tuple([trigger for _, trigger in loaded])


def load_cancel_on(table: Table, names: Names, triggers: tuple[Trigger, ...]) -> tuple[Guid | SystemTriggerType, ...]:
    """What cancels the runs of a task that has these triggers."""
    table.known.add("cancel_on")
    if "cancel_on" not in table:
        return ()
    own = {_meaning(trigger) for trigger in triggers}
    loaded: list[tuple[Table, Guid | SystemTriggerType]] = []
    for each in table.tables("cancel_on"):
        kind = each.exactly_one("custom", "system")
        custom = each.read("custom", text_as(partial(resolve_trigger, names)))
        system = each.read("system", text_as(_system))
        trigger = custom if kind == "custom" else system
        each.finish()
        if trigger in own:
            each.problem("is one of the task's triggers, too: it would cancel what it starts")
        elif trigger is not None:
            loaded.append((each, trigger))
    _check_twice("cancel_on", loaded)
    return tuple(trigger for _, trigger in loaded)


def load_trigger(table: Table, names: Names) -> Trigger | None:
    """One trigger; None where something is wrong."""
    before = len(table.problems)
    kind = table.exactly_one(*_LOAD)
    table.known.update(_OPTIONS)
    trigger = _LOAD[kind](table, names) if kind is not None else None
    for key in table.content:
        if key in _LOAD and key != kind:
            _LOAD[key](table, names)
        elif kind is not None and kind not in _OPTIONS.get(key, (kind,)):
            table.problem(f"stands only beside {', '.join(_OPTIONS[key])}{_meant(key, kind)}", key)
    table.finish()
    return trigger if len(table.problems) == before else None


_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "recurrence": ("custom",),
    "one_shot": ("system", "time", "maintenance"),
    "kinds": ("device_watcher",),
}
"""The options of triggers, and beside which kind of trigger each can stand."""


def _meant(option: str, kind: str) -> str:
    if option == "one_shot" and kind in _OPTIONS["recurrence"]:
        return '; beside custom write recurrence = "one-shot"'
    if option == "recurrence" and kind in _OPTIONS["one_shot"]:
        return f"; beside {kind} write one_shot = true, or nothing for always"
    return ""


def _load_custom(table: Table, names: Names) -> Trigger | None:
    guid = table.read("custom", text_as(partial(resolve_trigger, names)))
    recurrence = table.read("recurrence", _RECURRENCE, default="always")
    return CustomSystemEventTrigger(guid, RECURRENCES[recurrence]) if guid is not None else None


def _load_system(table: Table, _: Names) -> Trigger | None:
    kind = table.read("system", text_as(_system))
    one_shot = table.read("one_shot", boolean, default=False)
    return SystemTrigger(kind, one_shot) if kind is not None else None


def _load_time(table: Table, _: Names) -> Trigger | None:
    period = table.read("time", _period)
    one_shot = table.read("one_shot", boolean, default=False)
    return TimeTrigger(period, one_shot) if period is not None else None


def _load_maintenance(table: Table, _: Names) -> Trigger | None:
    period = table.read("maintenance", _period)
    one_shot = table.read("one_shot", boolean, default=False)
    return MaintenanceTrigger(period, one_shot) if period is not None else None


def _load_application(table: Table, _: Names) -> Trigger | None:
    return ApplicationTrigger() if table.read("application", boolean) else None


def _load_device_watcher(table: Table, _: Names) -> Trigger | None:
    kinds = _load_kinds(table)
    match = table.table("device_watcher")
    if match is None:
        return None
    if not match.content:
        match.problem("an empty table would hold for every device; name at least one field")
    tests = load_tests(match, UDEV)
    for name, why in _OF_EVENTS.items():
        if name in tests:
            match.problem(why, name)
    return DeviceWatcherTrigger(tuple(sorted(tests.items(), key=_field)), kinds) if tests else None


def _field(check: tuple[str, Test]) -> str:
    """What tests are sorted by: a table that is kept has its keys in order, and means the same."""
    return check[0]


def _load_kinds(table: Table) -> frozenset[DeviceWatcherEventKind]:
    if "kinds" not in table:
        return frozenset(DeviceWatcherEventKind)
    kinds = table.read_all("kinds", _KIND)
    written = table.content["kinds"]
    if written == []:
        table.problem("is empty: nothing would be told of the devices; leave it out for all kinds", "kinds")
    for kind in dict.fromkeys(kinds):
        if kinds.count(kind) > 1:
            again = written.index(kind, written.index(kind) + 1)
            table.problem(f"{kind} stands there already", "kinds", again)
    return frozenset(KINDS[kind] for kind in kinds)


_LOAD: Mapping[str, Callable[[Table, Names], Trigger | None]] = {
    "custom": _load_custom,
    "system": _load_system,
    "time": _load_time,
    "maintenance": _load_maintenance,
    "application": _load_application,
    "device_watcher": _load_device_watcher,
}
"""For each kind of trigger, what reads it."""


def _system(name: str) -> SystemTriggerType:
    if name in SYSTEM:
        return SYSTEM[name]
    if name in _REFUSED:
        raise InvalidValueError(f"{name} never goes off on Linux: {_REFUSED[name]}")
    if name in SYSTEM_CONDITIONS:
        raise InvalidValueError(f"{name} is a condition, and no trigger{nearest_or_all(name, SYSTEM)}")
    if name in OF_LINUX:
        raise InvalidValueError(f"Windows has no trigger {name}; let a rule of the source system raise a custom one")
    raise InvalidValueError(f"{name!r} is no system trigger{nearest_or_all(name, SYSTEM)}")


def _period(value: object) -> int:
    if isinstance(value, bool):
        raise InvalidValueError(f'expected a duration such as "15m", found {describe(value)}')
    period = parse_duration(value)
    if not SHORTEST_PERIOD <= period <= LONGEST_PERIOD:
        shortest, longest = format_duration(SHORTEST_PERIOD), format_duration(LONGEST_PERIOD)
        raise InvalidValueError(f"expected a time from {shortest} to {longest}, found {value!r}")
    return period


def _meaning(trigger: Trigger) -> Hashable:
    """What two triggers have in common that go off together."""
    match trigger:
        case CustomSystemEventTrigger(guid):
            return guid
        case SystemTrigger(kind):
            return kind
        case TimeTrigger(period) | MaintenanceTrigger(period):
            return type(trigger), period
        case ApplicationTrigger():
            return trigger
        case DeviceWatcherTrigger(match):
            return match


def _check_twice(key: str, loaded: Sequence[tuple[Table, Hashable]]) -> None:
    first: dict[Hashable, int] = {}
    for table, meaning in loaded:
        place = table.path[-1]
        assert isinstance(place, int)
        if first.setdefault(meaning, place) != place:
            table.problem(f"is the same trigger as {key}[{first[meaning] + 1}]; a task has each once")

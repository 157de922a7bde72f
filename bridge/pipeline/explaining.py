"""Why a task does not run: what keeps a raise from starting a run of it, and what keeps its triggers from going off.

It looks at a pipeline, and at what monitors are said to see. Nothing here looks at the machine, at a program or at the
history, and nothing is said where nobody knows: a rule may raise unless it is sure that it cannot.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from bridge.dispatch.explaining import Standing, What, Why, held_up
from bridge.dispatch.task import Task, id_of
from bridge.mapping.check.possible import can_pass, culprits
from bridge.mapping.conditions import Condition
from bridge.mapping.match import Is
from bridge.mapping.rules import Rule
from bridge.mapping.system_levels import CONDITIONS
from bridge.model.checks import Checks
from bridge.model.conditions import Named
from bridge.model.durations import format_roughly
from bridge.model.events import Fields
from bridge.model.guid import Guid
from bridge.model.system_triggers import SystemTriggerType
from bridge.model.text import count_of
from bridge.model.triggers import (
    ApplicationTrigger,
    CustomSystemEventTrigger,
    DeviceWatcherTrigger,
    MaintenanceTrigger,
    SystemTrigger,
    TimeTrigger,
    Trigger,
)
from bridge.pipeline.pipeline import Pipeline
from bridge.sources.device import DEVICE
from bridge.sources.device import IDENTITY as DEVICE_IDENTITY
from bridge.sources.evdev import EVDEV, IDENTITY
from bridge.sources.network import NETWORK
from bridge.sources.serial import SERIAL
from bridge.sources.source import Source
from bridge.sources.system import SYSTEM
from bridge.sources.udev import UDEV

_OF_WHO = {
    EVDEV.name: re.compile("|".join((*IDENTITY, "type", "code"))),
    UDEV.name: re.compile(
        r"subsystem|devtype|devpath|devnode|SUBSYSTEM|DEVTYPE|DEVPATH|DEVNAME"
        r"|@?ID_(?:BUS|TYPE|(?:VENDOR|MODEL|SERIAL|PATH|WWN|USB|INPUT)(?:_[A-Z_]*)?)"
        r"|@?attr\.(?:idVendor|idProduct|manufacturer|product|serial)"
    ),
    SERIAL.name: re.compile(r"port|device|@.*"),
    NETWORK.name: re.compile("interface|kind"),
    DEVICE.name: re.compile(rf"{'|'.join(DEVICE_IDENTITY)}|ID_.*"),
}
"""The fields that stay as they are while a device is there; what others are, a later event may tell otherwise."""
MOST_TRIGGERS = 32
"""Of a task with more triggers, so many are looked at: anybody may register one with thousands."""
_LONGEST = 200
"""Characters of tests that are shown."""


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """What the monitor of a source sees: the fields of each thing that is there, None where nobody knows them.

    `missing` says why there is no monitor, "" where there is one; `refused` are the devices that it may not open.
    Of a source that several monitors tell of, `untold` says for each value of `name` that nobody tells why that is so.
    """

    missing: str = ""
    things: Sequence[Fields] | None = None
    refused: tuple[str, ...] = ()
    untold: Mapping[str, str] = msgspec.field(default_factory=dict)


Look = Callable[[str], Sight]
"""From the name of a source to what its monitor sees."""


def in_order(reasons: Iterable[Why]) -> list[Why]:
    """The first in the way first."""
    order = list(What)
    return sorted(reasons, key=lambda why: order.index(why.what))


class Explaining:
    """What a pipeline knows at the time `now`, with what monitors see."""

    def __init__(self, pipeline: Pipeline, look: Look, now: int) -> None:
        self._pipeline = pipeline
        self._look = look
        self._now = now

    def in_the_way(self, task: Task, refusal: str) -> list[Why]:
        """Everything that is known to be in the task's way, in no order; `refusal` as in `Standing`."""
        dispatcher = self._pipeline.dispatcher
        found = held_up(
            Standing(
                task=task,
                runs=[run for run in dispatcher.runs if run.instance.task.name == task.name],
                levels=dispatcher.levels,
                refusal=refusal,
                now=self._now,
                more_of=self._more_of,
            )
        )
        triggers = [each for place, each in enumerate(task.registration.triggers) if not task.is_spent(place)]
        for trigger in triggers[:MOST_TRIGGERS]:
            found += self._unraised(trigger)
        return list(dict.fromkeys(found))

    def what_raises(self, task: Task) -> str:
        """How each trigger of the task goes off that still does, for people."""
        triggers = enumerate(task.registration.triggers)
        said = [self._how(trigger, task.due.get(place)) for place, trigger in triggers if not task.is_spent(place)]
        left = len(said) - MOST_TRIGGERS
        return "; ".join([*said[:MOST_TRIGGERS], *([f"and by {count_of(left, 'more trigger')}"] if left > 0 else [])])

    def _how(self, trigger: Trigger, due: int | None) -> str:
        match trigger:
            case CustomSystemEventTrigger(guid):
                rules = [f'"{rule.name}"' for rule in self._rules_raising(guid)]
                more = f" and {count_of(len(rules) - 1, 'more rule')}" if len(rules) > 1 else ""
                return f"rule {rules[0]}{more} raises {self._shown(guid)}"
            case SystemTrigger(type):
                return f"{type} is watched"
            case TimeTrigger() | MaintenanceTrigger():
                after = f" in {format_roughly(due - self._now)}" if due is not None and due > self._now else ""
                return f"{id_of(trigger)} goes off{after}"
            case ApplicationTrigger():
                return "it runs when it is requested"
            case DeviceWatcherTrigger():
                return "devices are watched"

    def _rules_raising(self, guid: Guid) -> list[Rule]:
        return [rule for rule in self._pipeline.rules.rules if rule.trigger == guid]

    def _shown(self, guid: Guid) -> str:
        names = self._pipeline.rules.names.values()
        return next((f'"{named.name}"' for named in names if named.guid == guid), guid.text)

    # -- conditions ----------------------------------------------------------------------------------------------------

    def _more_of(self, name: str) -> str:
        """Why a condition is not known, or since when it is not as it is wanted."""
        state = self._pipeline.state_of(name)
        if state is not None:
            return f" (since {format_roughly(self._now - state.since)})"
        declared = [each for each in (*self._pipeline.rules.conditions, *CONDITIONS) if each.name == name]
        return f": {self._unknown(declared[0])}" if declared else ": no rules file declares a condition of this name"

    def _unknown(self, condition: Condition) -> str:
        sight = self._look(condition.source.name)
        missing = _missing(sight, condition.match)
        if missing:
            return missing
        if sight.things is not None and not _seen(condition.source, condition.match, sight.things):
            return f"no device that is there passes {_tests(_of_who(condition.source, condition.match))}"
        return "no event has told of it yet"

    # -- triggers ------------------------------------------------------------------------------------------------------

    def _unraised(self, trigger: Trigger) -> list[Why]:
        """Why a trigger does not go off; nothing where it may."""
        match trigger:
            case CustomSystemEventTrigger(guid):
                return self._custom_unraised(guid)
            case SystemTrigger(type) if type is not SystemTriggerType.SERVICING_COMPLETE:  # no monitor tells of that
                missing = _missing(self._look(SYSTEM.name), (("name", Is(str(type))),))
                message = f"{missing}: {type} never goes off"
                return [Why(what=What.MONITOR, subject=SYSTEM.name, message=message)] if missing else []
            case DeviceWatcherTrigger(match):
                return self._unseen("the device watcher", UDEV, match)
            case _:
                return []

    def _custom_unraised(self, guid: Guid) -> list[Why]:
        rules = self._rules_raising(guid)
        if not rules:
            shown = self._shown(guid)
            name = "it" if shown == guid.text else shown
            message = f"no rule raises {name}: only callers of the API (hwbridge raise) and udev rules that name it do"
            return [Why(what=What.TRIGGER, subject=guid.text, message=message)]
        found: list[Why] = []
        for rule in rules:
            reasons = self._kept_silent(rule)
            if not reasons:
                return []
            found += reasons
        return found

    def _kept_silent(self, rule: Rule) -> list[Why]:
        """Why a rule does not raise its trigger now, whatever device tells something; nothing where it may."""
        named = f'rule "{rule.name}"'
        if not can_pass(rule.source, rule.match):
            tests = _tests(culprits(rule.source, rule.match))
            message = f"{named} raises it, and no event of {rule.source.name} can pass {tests}"
            return [Why(what=What.TRIGGER, subject=rule.trigger.text, message=message)]
        return self._unseen(named, rule.source, rule.match) or list(self._unguarded(rule))

    def _unseen(self, who: str, source: Source, match: Checks) -> list[Why]:
        """Why no device that is there can pass these tests; nothing where one may, or where nobody knows."""
        sight = self._look(source.name)
        missing = _missing(sight, match)
        if missing:
            return [Why(what=What.MONITOR, subject=source.name, message=f"{missing}: {who} hears of nothing")]
        if sight.things is None or _seen(source, match, sight.things):
            return []
        wanted = f"{_tests(_of_who(source, match))}, as {who} wants"
        if sight.refused:
            message = f"no device that is open passes {wanted}; its monitor says"
            return [Why(what=What.MONITOR, subject=source.name, message=f"{message}: {line}") for line in sight.refused]
        message = f"no device that is there passes {wanted}; one that comes may"
        return [Why(what=What.DEVICE, subject=source.name, message=message)]

    def _unguarded(self, rule: Rule) -> Iterator[Why]:
        """The conditions in a rule's `while` that do not hold; of levels of the event's own device nobody knows."""
        for guard in rule.guards:
            if not isinstance(guard, Named):
                continue
            state = self._pipeline.state_of(guard.name)
            if state is None or state.holds is not guard.wanted:
                how = f"which {'is not known' if state is None else 'does not hold'}{self._more_of(guard.name)}"
                message = f'rule "{rule.name}" raises it while {guard}, {how}'
                yield Why(what=What.CONDITION, subject=guard.name, message=message)


def _missing(sight: Sight, match: Checks) -> str:
    """Why no monitor tells what these tests ask for; "" where one does, or may."""
    asked = [test.exact() for name, test in match if name == "name"]
    if sight.missing or not sight.untold or not asked or asked[0] is None:
        return sight.missing
    reasons = [sight.untold.get(str(name), "") for name in asked[0]]
    return reasons[0] if all(reasons) else ""


def _seen(source: Source, match: Checks, things: Sequence[Fields]) -> bool:
    """Whether something that is there may pass these tests, now or later."""
    asked = _of_who(source, match)
    return any(all(test(fields.get(name)) for name, test in asked) for fields in things)


def _of_who(source: Source, match: Checks) -> Checks:
    lasting = _OF_WHO.get(source.name)
    return tuple((name, test) for name, test in match if lasting is not None and lasting.fullmatch(name))


def _tests(checks: Checks) -> str:
    shown = "{ " + ", ".join(f"{name} = {test}" for name, test in checks) + " }"
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."

"""The mapper: takes events, gives back the triggers that they raise. Nothing here decides what a trigger starts.

Rules raise in the order of their files and positions. What must outlive the process (`start_state` "boot" and
"if-changed") is handed in as `Memory`, and every change of it is told as a value for the store.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from bridge.errors import InvalidDetailsError, InvalidGuidError
from bridge.mapping.levels import Levels
from bridge.mapping.match import searches
from bridge.mapping.rules import Rule, StartState
from bridge.mapping.table import RuleTable
from bridge.model.details import checked_details, checked_key, details_of_fields
from bridge.model.events import DeviceGone, Event, Field, Fields, Origin
from bridge.model.guid import Guid
from bridge.model.triggers import Raised
from bridge.sources import SOURCES
from bridge.sources.source import Source, Subject
from bridge.sources.udev import TRIGGER_PROPERTY

HOOK = TRIGGER_PROPERTY
"""What stands for the rule's name where a udev rule raised the trigger by `ENV{HWBRIDGE_TRIGGER}`."""


class Refusal(msgspec.Struct, frozen=True):
    """Something that asked for a trigger and gets none; the message is for the log."""

    at: int
    message: str


class RaisedThisBoot(msgspec.Struct, frozen=True):
    """A rule with `start_state = "boot"` raised for this key: to be remembered until the next boot."""

    rule: str
    key: str


class LevelTurned(msgspec.Struct, frozen=True):
    """A rule with `start_state = "if-changed"` became true or false for a subject: to be remembered."""

    rule: str
    subject: Subject
    true: bool


_NOTHING: Sequence["Mapped"] = ()

Mapped = Raised | Refusal | RaisedThisBoot | LevelTurned


@dataclass(slots=True)
class Memory:
    """What earlier runs of the daemon told by `RaisedThisBoot` and `LevelTurned`."""

    raised_this_boot: set[tuple[str, str]] = field(default_factory=set)
    true: set[tuple[str, Subject]] = field(default_factory=set)


class Mapper:
    """Rules, and the levels that their subjects have."""

    def __init__(self, memory: Memory | None = None) -> None:
        memory = memory or Memory()
        self._raised_this_boot = set(memory.raised_this_boot)
        self._remembered = {name: {subject for rule, subject in memory.true if rule == name} for name, _ in memory.true}
        self._levels = Levels()
        self.table = RuleTable()
        self._inherited = _inherited_of(self.table)
        self._with_levels: frozenset[str] = frozenset()

    def replace(self, table: RuleTable) -> Sequence[LevelTurned]:
        """Goes on with these rules; one that says the same as before under the same name keeps its levels.

        What was remembered of a rule that loses its levels, or does not ask to be remembered any more, turns false.
        """
        before = self._to_remember()
        same = {_meaning(rule): rule for rule in table.rules if rule.has_level}
        self._levels.follow({rule: same[_meaning(rule)] for rule in self.table.rules if _meaning(rule) in same})
        after = self._to_remember()
        for rule in table.rules:
            if rule.start_state is StartState.IF_CHANGED:
                for subject in self._remembered.pop(rule.name, ()):
                    self._levels.turn(rule.source.name, subject, rule, true=True)
        self.table = table
        self._inherited = _inherited_of(table)
        self._with_levels = frozenset(rule.source.name for rule in table.rules if rule.has_level)
        return [LevelTurned(*each, each in after) for each in sorted(before ^ after)]

    def _to_remember(self) -> set[tuple[str, Subject]]:
        true = self._levels.all_true()
        return {(rule.name, subject) for subject, rule in true if rule.start_state is StartState.IF_CHANGED}

    def receive(self, event: Event) -> Sequence[Mapped]:
        """What an event leads to, in order."""
        name = event.source
        fields = _with_own(event.fields, inherited) if (inherited := self._inherited[name]) else event.fields
        matching = [each.rule for each in self.table.candidates[name](fields) if each.matches(fields)]
        if not matching and name not in self._with_levels and not SOURCES[name].names_triggers:
            return _NOTHING
        mapped: list[Mapped] = []
        source = SOURCES[name]
        has_level = name in self._with_levels and not source.repeats(fields) and not source.is_moment(fields)
        subject = source.subject(fields) if has_level else None
        was_true = frozenset(self._levels.true_for(name, subject)) if subject else frozenset()
        for rule in matching:
            if (subject or not rule.edge) and _may_raise(rule, event.origin, was_true=rule in was_true):
                mapped += self._raise(rule, event, fields)
        if subject:
            mapped += self._turn(name, subject, was_true, [rule for rule in matching if rule.has_level])
        if HOOK in fields:
            mapped += _hooked(event)
        if source.leaves(fields):
            mapped += self.gone(DeviceGone(name, event.at, _owner(source, fields)))
        return mapped

    def gone(self, gone: DeviceGone) -> Sequence[Mapped]:
        """A device went: everything that was true for it is false, and nothing is raised for that."""
        return [
            LevelTurned(rule.name, subject, False)
            for subject, rule in self._levels.leave(gone.source, gone.owner)
            if rule.start_state is StartState.IF_CHANGED
        ]

    def _raise(self, rule: Rule, event: Event, fields: Fields) -> list[Mapped]:
        fields = _with_groups(rule, fields)
        try:
            key = checked_key(rule.key.expand(fields))
            details = (
                details_of_fields(fields)
                if rule.details is None
                else checked_details({name: template.expand(fields) for name, template in rule.details})
            )
        except InvalidDetailsError as error:
            return [Refusal(event.at, f"rule {rule.name!r}: {error}; the event was of {_owner(rule.source, fields)}")]
        raised = Raised(
            at=event.at, trigger=rule.trigger, rule=rule.name, key=key, details=details, origin=event.origin
        )
        if rule.start_state is not StartState.BOOT:
            return [raised]
        if (rule.name, key) not in self._raised_this_boot:
            self._raised_this_boot.add((rule.name, key))
            return [RaisedThisBoot(rule.name, key), raised]
        return [] if event.origin is Origin.START else [raised]

    def _turn(self, source: str, subject: Subject, was_true: frozenset[Rule], is_true: Sequence[Rule]) -> list[Mapped]:
        turned = [(rule, True) for rule in is_true if rule not in was_true]
        turned += [(rule, False) for rule in was_true.difference(is_true)]
        for rule, true in turned:
            self._levels.turn(source, subject, rule, true=true)
        return [
            LevelTurned(rule.name, subject, true) for rule, true in turned if rule.start_state is StartState.IF_CHANGED
        ]


def _may_raise(rule: Rule, origin: Origin, *, was_true: bool) -> bool:
    if rule.edge and was_true:
        return False
    if origin is not Origin.START:
        return True
    match rule.start_state:
        case StartState.IGNORE:
            return False
        case StartState.ALWAYS | StartState.BOOT:  # that it is once a boot and key is seen when the key is known
            return True
        case StartState.IF_CHANGED:
            return not was_true


def _owner(source: Source, fields: Fields) -> str:
    return source.subject(fields)[0]


def _meaning(rule: Rule) -> tuple[object, ...]:
    return (rule.name, rule.source.name, rule.match)


def _inherited_of(table: RuleTable) -> dict[str, frozenset[str]]:
    return {name: table.interest(name).inherited for name in SOURCES}


def _with_own(fields: Fields, inherited: frozenset[str]) -> Fields:
    """The fields with `@NAME` of the device itself, which needs no ancestor for what it has."""
    own = {name: fields[name[1:]] for name in inherited - fields.keys() if name[1:] in fields}
    return {**fields, **own} if own else fields


def _with_groups(rule: Rule, fields: Fields) -> Fields:
    groups: dict[str, Field] = {}
    for name, test in rule.match:
        for search in searches(test):
            groups.update(search.groups(fields.get(name)))
    return {**groups, **fields, **groups} if groups else fields  # first, as of many details the last are left out


def _hooked(event: Event) -> list[Mapped]:
    """The triggers that a udev rule named in `HWBRIDGE_TRIGGER`; state that was only found raises nothing."""
    if event.origin is Origin.START:
        return []
    mapped: list[Mapped] = []
    fields = {name: value for name, value in event.fields.items() if name != HOOK}
    device = str(fields.get("devpath", ""))
    for text in dict.fromkeys(str(event.fields[HOOK]).split()):  # two udev rules may name the same one
        try:
            trigger = Guid.parse(text)
        except InvalidGuidError as error:
            mapped.append(Refusal(event.at, f"{device}: {HOOK}: {error}"))
            continue
        details = details_of_fields(fields)
        mapped.append(Raised(at=event.at, trigger=trigger, rule=HOOK, key=device, details=details, origin=event.origin))
    return mapped

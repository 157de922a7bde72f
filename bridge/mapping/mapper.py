"""The mapper: takes events, gives back the triggers that they raise. Nothing here decides what a trigger starts.

Rules raise in the order of their files and positions; a timer that is due at an instant comes before an event of that
instant, which is for the caller to see to. What must outlive the process (`start_state` "boot" and "if-changed") is
handed in as `Memory`, and every change of it is told as a value for the store.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from bridge.errors import InvalidDetailsError
from bridge.mapping.bursts import Burst, Bursts, DeafTimes
from bridge.mapping.conditions import Conditions, Guard, Named
from bridge.mapping.index import Candidate
from bridge.mapping.match import passes
from bridge.mapping.raising import HOOK, Refusal, hooked_by, key_of, raised_of, refusal_of, told_by
from bridge.mapping.rules import HoldFor, QuietFor, Rule, StartState
from bridge.mapping.standings import Standing, Standings
from bridge.mapping.table import RuleTable
from bridge.mapping.timers import Timers
from bridge.model.events import SINCE, DeviceGone, Event, Field, Fields, Origin
from bridge.model.triggers import Raised
from bridge.sources import SOURCES
from bridge.sources.source import Source, Subject

if TYPE_CHECKING:
    from bridge.mapping.explain.reasons import Explain
    from bridge.mapping.explain.telling import Teller


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


@dataclass(slots=True)
class _Plan:
    """What the rules want of one source, looked up once and not for every event."""

    source: Source
    candidates: Callable[[Fields], Sequence[Candidate[Rule]]]
    inherited: frozenset[str]
    wants_since: bool
    is_guarding: bool
    is_plain: bool
    """Whether an event that no rule matches is of no matter, unless a rule is true now: nobody is told of it."""
    last: dict[str, dict[str, int]] = field(default_factory=dict)
    """When the last event of each subject was, by owner; only where a rule asks."""
    kept: dict[str, Fields] = field(default_factory=dict)
    """What the last event of each owner will still have, of owners in recordings."""

    @property
    def adds_fields(self) -> bool:
        """Whether events have more fields than they came with."""
        return self.wants_since or bool(self.inherited) or self.source.kept is not None

    def seen(self, event: Event) -> Event:
        """The event with the fields that it has by what was before it, and by what it is itself."""
        fields = event.fields
        if event.replayed and self.source.kept is not None:
            fields = self._with_kept(fields, self.source.kept)
        if self.inherited:
            fields = _with_own(fields, self.inherited)
        if self.wants_since:
            fields = self._with_since(fields, event.at)
        return event if fields is event.fields else msgspec.structs.replace(event, fields=fields)

    def forget(self, owner: str) -> None:
        """A device went, and with it what its events said and when they were."""
        self.kept.pop(owner, None)
        last = self.last.pop(owner, {})
        if lasting := {rest: at for rest, at in last.items() if rest in self.source.lasting}:
            self.last[owner] = lasting

    def _with_kept(self, fields: Fields, kept: Callable[[Fields | None, Fields], Fields]) -> Fields:
        """The fields, with those that a device that goes had when it came, and that are not told again."""
        owner, _ = self.source.subject(fields)
        before = self.kept.get(owner)
        if not self.source.leaves(fields):
            self.kept[owner] = kept(before, fields)
            return fields
        missing = {name: value for name, value in (before or {}).items() if name not in fields}
        return {**fields, **missing} if missing else fields

    def _with_since(self, fields: Fields, at: int) -> Fields:
        owner, rest = self.source.subject(fields)
        last = self.last.setdefault(owner, {})
        before = last.get(rest)
        if not self.source.repeats(fields):
            last[rest] = at
        return fields if before is None else {**fields, SINCE: at - before}


class Mapper:
    """Rules, and all that they remember of events that have been; `explain` is told why others do not raise."""

    def __init__(self, memory: Memory | None = None, explain: "Explain | None" = None) -> None:
        memory = memory or Memory()
        self._raised_this_boot = set(memory.raised_this_boot)
        self._remembered = {name: {subject for rule, subject in memory.true if rule == name} for name, _ in memory.true}
        self.table = RuleTable()
        self._timers = Timers(lambda rule: self.table.places[rule])
        self._standings = Standings(self._timers)
        self._bursts = Bursts(self._timers)
        self._deaf = DeafTimes()
        self._conditions = Conditions()
        self._teller = _teller_of(explain, self._conditions, self._deaf) if explain is not None else None
        self._plans = _plans_of(self.table, {}, is_told=self._teller is not None)

    def replace(self, table: RuleTable) -> Sequence[LevelTurned]:
        """Goes on with these rules; one that says the same as before under the same name keeps what it knows.

        What was remembered of a rule that loses its levels, or does not ask to be remembered any more, turns false.
        """
        before = self._to_remember()
        same = {_meaning(rule): rule for rule in table.rules}
        successors = {rule: same[_meaning(rule)] for rule in self.table.rules if _meaning(rule) in same}
        self.table = table
        self._standings.follow(successors)
        self._bursts.follow(successors)
        self._deaf.follow(successors)
        self._timers.refile()
        self._conditions.replace([each for name in SOURCES for each in table.guarding(name)])
        self._plans = _plans_of(table, self._plans, is_told=self._teller is not None)
        after = self._to_remember()
        for rule in table.rules:
            if rule.start_state is StartState.IF_CHANGED:
                for subject in self._remembered.pop(rule.name, ()):
                    self._standings.set_true(rule, subject)
        return [LevelTurned(*each, each in after) for each in sorted(before ^ after)]

    def _to_remember(self) -> set[tuple[str, Subject]]:
        true = self._standings.all_true()
        return {(each.rule.name, each.subject) for each in true if each.rule.start_state is StartState.IF_CHANGED}

    def put(self, condition: str, value: bool | None, at: int) -> None:
        """Says what a condition is, whatever events tell; None leaves it to the events."""
        self._conditions.put(condition, value, at)

    def receive(self, event: Event) -> Sequence[Mapped]:
        """What an event leads to, in order."""
        plan = self._plans[event.source]
        seen = plan.seen(event) if plan.adds_fields else event
        fields = seen.fields
        candidates = plan.candidates(fields)
        matching = [each.one for each in candidates if each.matches(fields)] if candidates else ()
        if not matching and plan.is_plain and not self._standings.concerns(plan.source, fields):
            return _NOTHING
        mapped = self._heard(plan, seen, matching)
        if HOOK in fields:
            mapped += hooked_by(event)
        if plan.source.leaves(fields):
            mapped += self.gone(DeviceGone(event.source, event.at, plan.source.subject(fields)[0]))
        return mapped

    def _heard(self, plan: _Plan, event: Event, matching: Sequence[Rule]) -> list[Mapped]:
        source, fields = plan.source, event.fields
        subject = source.subject(fields)
        is_level = not source.repeats(fields) and not source.is_moment(fields)
        if is_level and plan.is_guarding:
            self._conditions.receive(source.name, fields, subject, event.at)
        matching = [rule for rule in matching if not rule.guards or self._conditions.hold(rule.guards, subject[0])]
        if self._teller is not None:
            self._teller.unheard(self.table.rules_of(source.name), matching, event, subject[0])
        stood = self._standings.of(source.name, subject) if is_level else {}
        true_before = [standing for standing in stood.values() if standing.true]
        mapped: list[Mapped] = []
        for rule in matching:
            was_true = any(standing.rule is rule for standing in true_before)
            mapped += self._match(rule, event, subject, is_level=is_level, was_true=was_true)
        for standing in true_before:
            rule = standing.rule
            if _ends(rule, fields) if rule.until else rule not in matching:
                mapped += self._fall(standing, event)
        return mapped

    def _match(self, rule: Rule, event: Event, subject: Subject, *, is_level: bool, was_true: bool) -> Sequence[Mapped]:
        """What a rule raises that matches, now; and that it turned true, where that is to be remembered."""
        may_raise = event.origin is not Origin.START or _may_start(rule, was_true=was_true)
        raises = rule.filter is None and may_raise
        turned: Sequence[Mapped] = ()
        if is_level and rule.has_level and not was_true and not _ends(rule, event.fields):
            raises = self._standings.turn(rule, event, subject, true=True, passes=may_raise) or raises
            turned = _turned(rule, subject, true=True)
        if raises:
            return (*self._raise(rule, event, event.at), *turned)
        if self._teller is not None:
            standing = self._standings.of(rule.source.name, subject).get(rule)
            self._teller.silent(rule, event, standing, may_raise=may_raise, is_level=is_level)
        if isinstance(rule.filter, QuietFor) and may_raise and not rule.source.repeats(event.fields):
            return (*self._count(rule, rule.filter.span, event), *turned)
        return turned

    def _fall(self, standing: Standing, event: Event) -> Sequence[Mapped]:
        """A rule turns false for the subject of this event."""
        rule, subject = standing.rule, standing.subject
        if self._teller is not None:
            self._teller.broken(standing, event.at)
        passes_on = event.origin is not Origin.START or _may_start(rule, was_true=True)
        self._standings.turn(rule, event, subject, true=False, passes=passes_on)
        return _turned(rule, subject, true=False)

    def _count(self, rule: Rule, span: int, event: Event) -> Sequence[Mapped]:
        """One more match of a rule that raises when it is quiet; what comes while it is deaf does not count."""
        try:
            key = key_of(rule, told_by(rule, event.fields))
        except InvalidDetailsError as error:
            return self._refuse(rule, event, error, event.at)
        if not self._is_deaf(rule, event, key, event.at):
            burst = self._bursts.hear(rule, span, key, event)
            if self._teller is not None:
                self._teller.counted(burst)
        return _NOTHING

    def _raise(self, rule: Rule, event: Event, at: int) -> Sequence[Mapped]:
        try:
            told = told_by(rule, event.fields)
            key = key_of(rule, told)
            if self._is_deaf(rule, event, key, at):
                return _NOTHING
            raised = raised_of(rule, event, told, key, at)
        except InvalidDetailsError as error:
            return self._refuse(rule, event, error, at)
        mapped: list[Mapped] = []
        if rule.start_state is StartState.BOOT:
            if (rule.name, key) not in self._raised_this_boot:
                self._raised_this_boot.add((rule.name, key))
                mapped.append(RaisedThisBoot(rule.name, key))
            elif event.origin is Origin.START:
                if self._teller is not None:
                    self._teller.raised_before(rule, event, at)
                return _NOTHING
        self._deaf.raised(rule, key, at)
        mapped.append(raised)
        return mapped

    def _is_deaf(self, rule: Rule, event: Event, key: str, at: int) -> bool:
        if not self._deaf.is_deaf(rule, key, at):
            return False
        if self._teller is not None:
            self._teller.is_deaf(rule, event, key, at)
        return True

    def _refuse(self, rule: Rule, event: Event, error: InvalidDetailsError, at: int) -> Sequence[Mapped]:
        if self._teller is not None:
            self._teller.refused(rule, event, error, at)
        return [refusal_of(rule, event, error)]

    @property
    def deadline(self) -> int | None:
        """When `advance` has something to do, in microseconds, or None."""
        return self._timers.deadline

    def is_due(self, at: int) -> bool:
        """Whether `advance` has something to do by then: cheaper than to ask when."""
        return self._timers.is_due(at)

    def advance(self, at: int) -> Sequence[Mapped]:
        """What the timers that are due by `at` lead to, in order."""
        mapped: list[Mapped] = []
        while (deadline := self._timers.deadline) is not None and deadline <= at:
            match self._timers.pop(deadline):
                case Burst(rule=rule, event=event) as burst:
                    if self._bursts.is_up(burst):
                        mapped += self._raise(rule, event, deadline)
                    elif self._teller is not None:
                        self._teller.miscounted(burst, deadline)
                case Standing(rule=rule, event=Event() as event) as standing:
                    held = not isinstance(rule.filter, HoldFor) or self._have_held(standing)
                    if self._standings.is_up(standing) and held:
                        mapped += self._raise(rule, event, deadline)
                    elif self._teller is not None:
                        self._teller.let_pass(standing, event, deadline)
        return mapped

    def _have_held(self, standing: Standing) -> bool:
        """Whether the guards have held since the level turned true, without a break."""
        return self._conditions.held(standing.rule.guards, standing.subject[0], standing.since)

    def gone(self, gone: DeviceGone) -> Sequence[Mapped]:
        """A device went: everything that was true for it is false, and nothing is raised for that."""
        plan = self._plans[gone.source]
        plan.forget(gone.owner)
        self._conditions.gone(gone.source, gone.owner, gone.at)
        if self._teller is not None:
            for standing in self._standings.leaving(plan.source, gone.owner):
                self._teller.broken(standing, gone.at)
        left = self._standings.leave(plan.source, gone.owner)
        return [each for standing in left for each in _turned(standing.rule, standing.subject, true=False)]


def _teller_of(explain: "Explain", conditions: Conditions, deaf: DeafTimes) -> "Teller":
    from bridge.mapping.explain.telling import Teller  # the daemon has no use for it, and starts without

    return Teller(explain, conditions, deaf)


def _may_start(rule: Rule, *, was_true: bool) -> bool:
    """Whether state that was found may raise."""
    match rule.start_state:
        case StartState.IGNORE:
            return False
        case StartState.ALWAYS | StartState.BOOT:  # that it is once a boot and key is seen when the key is known
            return True
        case StartState.IF_CHANGED:
            return not was_true


def _ends(rule: Rule, fields: Fields) -> bool:
    """Whether an event ends what was true, by the rule's `until`."""
    return bool(rule.until) and passes(rule.until, fields)


def _turned(rule: Rule, subject: Subject, *, true: bool) -> Sequence[LevelTurned]:
    return [LevelTurned(rule.name, subject, true)] if rule.start_state is StartState.IF_CHANGED else []


def _meaning(rule: Rule) -> tuple[object, ...]:
    return (rule.name, rule.source.name, rule.match, rule.until, tuple(map(_meaning_of_guard, rule.guards)))


def _meaning_of_guard(guard: Guard) -> tuple[object, ...]:
    return (guard.name, guard.wanted) if isinstance(guard, Named) else (guard.match,)


def _plans_of(table: RuleTable, before: Mapping[str, _Plan], *, is_told: bool) -> dict[str, _Plan]:
    plans: dict[str, _Plan] = {}
    for name, source in SOURCES.items():
        wants_since = any(SINCE in each.asked_fields() for each in table.interest(name).askers)
        is_guarding = bool(table.guarding(name))
        plans[name] = _Plan(
            source=source,
            candidates=table.candidates[name],
            inherited=table.interest(name).inherited,
            wants_since=wants_since,
            is_guarding=is_guarding,
            is_plain=not (is_guarding or wants_since or source.names_triggers or is_told),
            last=before[name].last if wants_since and name in before else {},
            kept=before[name].kept if name in before else {},
        )
    return plans


def _with_own(fields: Fields, inherited: frozenset[str]) -> Fields:
    """The fields with `@NAME` of the device itself, which needs no ancestor for what it has."""
    own: dict[str, Field] = {name: fields[name[1:]] for name in inherited - fields.keys() if name[1:] in fields}
    return {**fields, **own} if own else fields

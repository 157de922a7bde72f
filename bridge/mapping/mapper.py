"""The mapper: takes events, gives back the triggers that they raise. Nothing here decides what a trigger starts.

Rules raise in the order of their files and positions; a timer that is due at an instant comes before an event of that
instant, which is for the caller to see to. What must outlive the process (`start_state` "boot" and "if-changed") is
handed in as `Memory`, and every change of it is told as a value for the store. Tasks are told of the conditions that
they wait for before anything is raised by the same event.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bridge.errors import InvalidDetailsError
from bridge.mapping.asking import fields_of, interest_of, levels_of
from bridge.mapping.bursts import Burst, Bursts, DeafTimes
from bridge.mapping.conditions import Conditions, Guard, GuardState
from bridge.mapping.interest import Interest
from bridge.mapping.mains import POWER_SUPPLY
from bridge.mapping.match import say_whose
from bridge.mapping.memory import ForgottenThisBoot as ForgottenThisBoot
from bridge.mapping.memory import LevelTurned as LevelTurned
from bridge.mapping.memory import Memory as Memory
from bridge.mapping.memory import RaisedThisBoot as RaisedThisBoot
from bridge.mapping.needs import NO_NEEDS, TaskNeeds
from bridge.mapping.plans import Plan, plans_of
from bridge.mapping.raising import HOOK, Refusal, hooked_by, key_of, raised_of, refusal_of, told_by
from bridge.mapping.rules import HoldFor, QuietFor, Rule, StartState
from bridge.mapping.standings import Standing, Standings
from bridge.mapping.system_levels import OPPOSITES, SystemTriggers, opposite_of
from bridge.mapping.table import RuleTable
from bridge.mapping.task_conditions import TaskConditions
from bridge.mapping.timers import Timers
from bridge.mapping.watchers import Watchers
from bridge.model.checks import passes
from bridge.model.conditions import ConditionFact, Named
from bridge.model.events import DeviceGone, Event, Fields, Origin
from bridge.model.triggers import Raised
from bridge.sources.source import Source, Subject
from bridge.sources.system import SYSTEM
from bridge.sources.udev import UDEV

if TYPE_CHECKING:
    from bridge.mapping.explain.reasons import Explain
    from bridge.mapping.explain.telling import Teller


_NOTHING: Sequence["Mapped"] = ()

Mapped = Raised | Refusal | RaisedThisBoot | ForgottenThisBoot | LevelTurned | ConditionFact


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
        self._task_conditions = TaskConditions(self._conditions)
        self._system_triggers = SystemTriggers()
        self._watchers = Watchers(self._raised_this_boot)
        self._needs = NO_NEEDS
        self._is_served = True
        self._teller = _teller_of(explain, self._conditions, self._deaf) if explain is not None else None
        self._plans: dict[str, Plan] = {}
        self._look_at(self.table)

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
        self._is_served = False
        self._look_at(table)
        after = self._to_remember()
        for rule in table.rules:
            if rule.start_state is StartState.IF_CHANGED:
                for subject in self._remembered.pop(rule.name, ()):
                    self._standings.set_true(rule, subject)
        return [LevelTurned(*each, each in after) for each in sorted(before ^ after)]

    def _to_remember(self) -> set[tuple[str, Subject]]:
        true = self._standings.all_true()
        return {(each.rule.name, each.subject) for each in true if each.rule.start_state is StartState.IF_CHANGED}

    def _look_at(self, table: RuleTable) -> None:
        levels = levels_of(table)
        for condition in table.conditions:
            say_whose(condition.match, f"condition {condition.name!r}")
        for rule in table.rules:
            inline = (check for guard in rule.guards if not isinstance(guard, Named) for check in guard.match)
            say_whose((*rule.match, *rule.until, *inline), f"rule {rule.name!r}")
        self._conditions.replace(levels)
        self._fields = fields_of(table, levels)
        self._plan()

    def _plan(self) -> None:
        of_watchers = frozenset[str]().union(*(each.asked_fields() for each in self._watchers.all))
        fields = {**self._fields, UDEV.name: self._fields[UDEV.name] | of_watchers}
        is_told = self._teller is not None
        self._plans = plans_of(self.table, fields, self._conditions.watches, self._plans, is_told=is_told)

    def _plan_of(self, source: str) -> Plan:
        """The plan of a plugin's source that nobody had named when the others were made."""
        self._plan()
        return self._plans[source]

    def serve(self, needs: TaskNeeds, at: int) -> Sequence[Mapped]:
        """Goes on for tasks that need this, after every change of rules or tasks; what they are told of it.

        That is how the conditions are that are newly waited for, and nothing of those that are unknown.
        """
        if self._is_served and (needs is self._needs or needs == self._needs):
            return _NOTHING
        forgotten: Sequence[Mapped] = ()
        if needs.watchers != self._needs.watchers:
            forgotten = self._watchers.serve(needs.watchers)
            for watcher in self._watchers.all:
                say_whose(watcher.match, f"task {watcher.task!r}")
            self._plan()
        self._needs, self._is_served = needs, True
        self._system_triggers.asked = needs.system_triggers
        return [*self._task_conditions.serve(needs.conditions, at), *forgotten]

    def interest(self, source: str) -> Interest:
        """What rules and tasks ask of one source's monitor."""
        return interest_of(source, self.table, self._needs, self._watchers.all)

    def state_of(self, condition: str) -> GuardState | None:
        """What is known of a condition, and since when; None where nothing is."""
        return self._conditions.state(Named(condition), "")

    def put(self, condition: str, value: bool | None, at: int) -> Sequence[Mapped]:
        """Says what a condition is, whatever events tell; None leaves it to the events. It raises no system trigger."""
        self._conditions.put(condition, value, at)
        if condition in OPPOSITES:
            self._conditions.put(OPPOSITES[condition], None if value is None else not value, at)
        return self._task_conditions.turned(at)

    def receive(self, event: Event) -> Sequence[Mapped]:
        """What an event leads to, in order."""
        plan = self._plans.get(event.source) or self._plan_of(event.source)
        seen = plan.seen(event) if plan.adds_fields else event
        fields = seen.fields
        candidates = plan.candidates(fields)
        matching = [each.one for each in candidates if each.matches(fields)] if candidates else ()
        if not matching and plan.is_plain and not self._standings.concerns(plan.source, fields):
            return _NOTHING
        mapped = self._heard(plan, seen, matching)
        if HOOK in fields:
            mapped += hooked_by(event)
        if plan.source is UDEV and (self._watchers.all or fields.get("subsystem") == POWER_SUPPLY):
            mapped += self._hear_device(seen)
        if plan.source is SYSTEM:
            self._task_conditions.hear_machine(fields)
        if plan.source.leaves(fields):
            mapped += self._left(plan, plan.source.subject(fields)[0], event.at)
        if self._conditions.turned:
            return [*self._task_conditions.turned(event.at), *mapped]
        return mapped

    def found(self, event: Event) -> Sequence[Mapped]:
        """Something that was there before a task asked for it: levels and device watchers are told, rules are not."""
        plan = self._plans.get(event.source) or self._plan_of(event.source)
        if plan.inherited:
            event = replace(event, fields=plan.with_own(event.fields))
        if plan.is_guarding:
            self._learn(plan.source, event.fields, plan.source.subject(event.fields), event.at)
        mapped: list[Mapped] = []
        if plan.source is SYSTEM:
            self._task_conditions.hear_machine(event.fields)
            mapped += self._system_triggers.hear(event)
        if plan.source is UDEV:
            mapped += self._hear_device(event)
        return [*self._task_conditions.turned(event.at), *mapped]

    def _learn(self, source: Source, fields: Fields, subject: Subject, at: int) -> None:
        """What an event tells of conditions and guards; it is no moment, and repeats nothing."""
        self._conditions.receive(source.name, fields, subject, at)
        if source is SYSTEM and (opposite := opposite_of(fields)) is not None:
            self._conditions.receive(source.name, opposite, source.subject(opposite), at)

    def _hear_device(self, event: Event) -> Sequence[Mapped]:
        """What an event of udev tells of the mains, and device watchers."""
        if event.fields.get("subsystem") == POWER_SUPPLY:
            self._task_conditions.hear_supply(event.fields)
        return self._watchers.hear(event) if self._watchers.all else _NOTHING

    def _heard(self, plan: Plan, event: Event, matching: Sequence[Rule]) -> list[Mapped]:
        source, fields = plan.source, event.fields
        subject = source.subject(fields)
        is_level = not source.repeats(fields) and not source.is_moment(fields)
        if is_level and plan.is_guarding:
            self._learn(source, fields, subject, event.at)
        matching = [rule for rule in matching if not rule.guards or self._conditions.hold(rule.guards, subject[0])]
        if self._teller is not None:
            self._teller.unheard(self.table.rules_of(source.name), matching, event, subject[0])
        stood = self._standings.of(source.name, subject) if is_level else {}
        true_before = [standing for standing in stood.values() if standing.true]
        mapped: list[Mapped] = [] if source is not SYSTEM else [*self._system_triggers.hear(event)]
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
        filters, watchers = self._timers.deadline, self._watchers.deadline
        return filters if watchers is None else watchers if filters is None else min(filters, watchers)

    def is_due(self, at: int) -> bool:
        """Whether `advance` has something to do by then: cheaper than to ask when."""
        return self._timers.is_due(at) or self._watchers.is_due(at)

    def advance(self, at: int) -> Sequence[Mapped]:
        """What the timers that are due by `at` lead to, in order; of one instant first those of rules."""
        mapped: list[Mapped] = []
        while (deadline := self.deadline) is not None and deadline <= at:
            mapped += self._advance_rules(deadline)
            mapped += self._watchers.advance(deadline)
        return mapped

    def _advance_rules(self, at: int) -> Sequence[Mapped]:
        mapped: list[Mapped] = []
        while self._timers.is_due(at):
            match self._timers.pop(at):
                case Burst(rule=rule, event=event) as burst:
                    if self._bursts.is_up(burst):
                        mapped += self._raise(rule, event, at)
                    elif self._teller is not None:
                        self._teller.miscounted(burst, at)
                case Standing(rule=rule, event=Event() as event) as standing:
                    held = not isinstance(rule.filter, HoldFor) or self._have_held(standing)
                    if self._standings.is_up(standing) and held:
                        mapped += self._raise(rule, event, at)
                    elif self._teller is not None:
                        self._teller.let_pass(standing, event, at)
        return mapped

    def _have_held(self, standing: Standing) -> bool:
        """Whether the guards have held since the level turned true, without a break."""
        return self._conditions.held(standing.rule.guards, standing.subject[0], standing.since)

    def gone(self, gone: DeviceGone) -> Sequence[Mapped]:
        """A device went: everything that was true for it is false, and no trigger goes off for that."""
        lost = self._watchers.lost(gone) if gone.source == UDEV.name else _NOTHING
        left = self._left(self._plans[gone.source], gone.owner, gone.at)
        return [*self._task_conditions.turned(gone.at), *lost, *left]

    def _left(self, plan: Plan, owner: str, at: int) -> Sequence[Mapped]:
        plan.forget(owner)
        self._conditions.gone(plan.source.name, owner, at)
        if self._teller is not None:
            for standing in self._standings.leaving(plan.source, owner):
                self._teller.broken(standing, at)
        left = self._standings.leave(plan.source, owner)
        mapped: list[Mapped] = [
            each for standing in left for each in _turned(standing.rule, standing.subject, true=False)
        ]
        if plan.source is UDEV:
            self._task_conditions.lose_supply(owner)
            mapped += self._watchers.gone(owner)
        return mapped


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

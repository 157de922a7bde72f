"""Standings: how each rule stands with each subject, and what that makes of the filters on levels.

Nothing here raises a trigger: a rule that is to raise is given back. A rule is true for a subject while the subject's
latest event matches, or, with `until`, until an event matches that; a device that goes makes it false (design.md).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bridge.mapping.rules import Debounce, Edge, HoldFor, Rule
from bridge.mapping.timers import Timers
from bridge.model.events import Event, Fields
from bridge.sources.source import Source, Subject


@dataclass(slots=True, eq=False)
class Standing:
    """One rule and one subject. `settled` is the level that a debounce last took for true; `since` is the last edge.

    `event` is what the rule raises for when its timer is due.
    """

    rule: Rule
    subject: Subject
    true: bool = False
    settled: bool = False
    since: int = 0
    event: Event | None = None
    due: int | None = None
    number: int = 0
    filed: int | None = None

    def is_idle(self) -> bool:
        """Whether nothing would be lost if it were forgotten."""
        return not self.true and not self.settled and self.due is None


Stood = Mapping[Rule, Standing]
_NONE: Stood = {}


@dataclass(slots=True)
class Standings:
    """All that is not idle, by source, owner and the rest of the subject."""

    timers: Timers
    """Shared with what else has timers."""
    _all: dict[str, dict[str, dict[str, dict[Rule, Standing]]]] = field(default_factory=dict)

    def concerns(self, source: Source, fields: Fields) -> bool:
        """Whether an event of these fields may change how any rule stands that does not match it."""
        return source.name in self._all and (
            bool(self.of(source.name, source.subject(fields))) or source.leaves(fields)
        )

    def of(self, source: str, subject: Subject) -> Stood:
        """The rules that stand in some way with a subject."""
        return self._all.get(source, {}).get(subject[0], {}).get(subject[1], _NONE)

    def turn(self, rule: Rule, event: Event, subject: Subject, *, true: bool, passes: bool) -> bool:
        """Makes a rule true or false for a subject, which it was not; says whether it raises now.

        An event that does not pass (state that was found, and is not to raise) starts no timer: what it tells holds.
        """
        standing = self._standing(rule, subject)
        standing.true, standing.since = true, event.at
        raises = False
        match rule.filter:
            case Edge():
                raises = true and passes
            case Debounce(span) if passes:
                standing.event = event
                self.timers.set(standing, event.at + span)
            case HoldFor(span) if passes and true:
                standing.event = event
                self.timers.set(standing, event.at + span)
            case _:
                standing.settled, standing.event = true, None
                self.timers.cancel(standing)
        self._forget_if_idle(standing)
        return raises

    def is_up(self, standing: Standing) -> bool:
        """The timer of a standing is up: whether its rule raises, for `standing.event`."""
        standing.event = None
        if isinstance(standing.rule.filter, HoldFor):
            return True
        rises = standing.true and not standing.settled
        standing.settled = standing.true
        self._forget_if_idle(standing)
        return rises

    def set_true(self, rule: Rule, subject: Subject) -> None:
        """What was remembered from before a restart: the rule was true for this subject."""
        standing = self._standing(rule, subject)
        standing.true = standing.settled = True

    def all_true(self) -> Iterator[Standing]:
        """Every standing that is true."""
        return (standing for standing in self._each() if standing.true)

    def leaving(self, source: Source, owner: str) -> Sequence[Standing]:
        """What is not idle of an owner, and is forgotten when that goes."""
        rests = self._all.get(source.name, {}).get(owner, {})
        there = [each for rest in rests.keys() - source.lasting for each in rests[rest].values()]
        return sorted(there, key=lambda standing: (standing.subject, standing.rule.name))

    def leave(self, source: Source, owner: str) -> Sequence[Standing]:
        """Forgets an owner that went, with its timers, but for what lasts; gives back what was true for it."""
        there = self.leaving(source, owner)
        true = [standing for standing in there if standing.true]
        for standing in there:
            standing.true, standing.settled = False, False
            self.timers.cancel(standing)
            self._forget_if_idle(standing)
        return true

    def follow(self, successors: Mapping[Rule, Rule]) -> None:
        """Goes on with the rules that replace others; what has no successor is forgotten.

        Where a rule filters in another way than before, what is true stays true, and no timer is set.
        """
        there = list(self._each())
        self._all = {}
        for standing in there:
            before, after = standing.rule, successors.get(standing.rule)
            if after is None or not after.has_level:
                self.timers.cancel(standing)
                continue
            standing.rule = after
            if before.filter != after.filter:
                standing.settled = standing.true
                self.timers.cancel(standing)
            if not standing.is_idle():
                self._rules_of(standing.rule, standing.subject)[after] = standing

    def _each(self) -> Iterator[Standing]:
        for owners in self._all.values():
            for rests in owners.values():
                for rules in rests.values():
                    yield from rules.values()

    def _standing(self, rule: Rule, subject: Subject) -> Standing:
        rules = self._rules_of(rule, subject)
        if rule not in rules:
            rules[rule] = Standing(rule, subject)
        return rules[rule]

    def _rules_of(self, rule: Rule, subject: Subject) -> dict[Rule, Standing]:
        return self._all.setdefault(rule.source.name, {}).setdefault(subject[0], {}).setdefault(subject[1], {})

    def _forget_if_idle(self, standing: Standing) -> None:
        if not standing.is_idle():
            return
        source, (owner, rest) = standing.rule.source.name, standing.subject
        owners = self._all[source]
        del owners[owner][rest][standing.rule]
        if not owners[owner][rest]:
            del owners[owner][rest]
        if not owners[owner]:
            del owners[owner]
        if not owners:
            del self._all[source]

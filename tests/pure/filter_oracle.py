"""What design.md says of filters, guards and conditions, said once more: what rules raise, worked out from the whole
list of facts.

Nothing here goes through the facts and remembers; each question is asked of all that has been. So it is slow, and
shares no mistake with bridge/mapping. Times are whole numbers and never go back.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import inf
from typing import NamedTuple

from bridge.model.events import DeviceGone, Event, Field, Origin
from bridge.pipeline.facts import ConditionSet

Told = Event | DeviceGone | ConditionSet
Tests = Mapping[str, object]
Subject = tuple[str, str, str]
"""Source, owner and the rest."""
Said = tuple[int, str, str, str]
"""Of a raise the time, the rule, the key, and the number of the event that it is for."""
NUMBER = {"evdev": "uniq", "udev": "SEQNUM", "serial": "device"}
"""The field in which the events made here have a number of their own."""
NOT_ABOUT_WHOM = {"value", "state", "since", "line", "P", "action"}
"""The fields of events made here that say how a subject is, and not which."""


@dataclass(frozen=True, eq=False)
class Condition:
    """A `[[condition]]`."""

    name: str
    source: str
    match: Tests


@dataclass(frozen=True, eq=False, kw_only=True)
class Rule:
    """A `[[rule]]`; `filter` is one of the four and its time, `count` goes from the first number to the second."""

    name: str
    source: str
    match: Tests
    key: str
    start_state: str = "ignore"
    guards: Sequence[object] = ()
    filter: tuple[str, int] | None = None
    count: tuple[int, int] | None = None
    until: Tests | None = None
    holdoff: int | None = None

    @property
    def kind(self) -> str:
        return self.filter[0] if self.filter else "none"

    @property
    def span(self) -> int:
        return self.filter[1] if self.filter else 0


class Raise(NamedTuple):
    """A raise that may be; `order` puts all of one replay in order, timers of an instant before its events."""

    order: tuple[int, int, int, int]
    at: int
    rule: str
    key: str
    cause: int


NEVER = Raise((-1, 0, 0, 0), -1, "", "", -1)


class Turn(NamedTuple):
    """A fact by which a level turns, or its device goes; without `counts` no timer starts, and the level holds."""

    fact: int
    at: int
    true: bool
    counts: bool


def holds(test: object, value: Field | None) -> bool:
    """Whether a test of `match` holds."""
    match test:
        case {"not": inner}:
            return value is None or not holds(inner, value)
        case list():
            return any(holds(each, value) for each in test)
        case _ if value is None:
            return False
        case True:
            return value != ""
        case dict():
            sides = {name: int(str(side).removesuffix("us")) for name, side in test.items()}
            return sides.get("min", -inf) <= int(value) < sides.get("below", inf)
        case _:
            return str(value) == str(test)


def subject_of(event: Event) -> Subject:
    fields = event.fields
    match event.source:
        case "evdev":
            return "evdev", str(fields["device"]), str(fields["code"])
        case "udev":
            return "udev", str(fields["devpath"]), ""
        case "serial":
            return "serial", str(fields["port"]), "line" if "line" in fields else str(fields.get("signal", ""))
    return event.source, "", str(fields["name"])


def is_moment(event: Event) -> bool:
    return event.fields.get("type") == "EV_REL" or "line" in event.fields


def repeats(event: Event) -> bool:
    return event.fields.get("type") == "EV_KEY" and event.fields["value"] == 2


def tells_of_leaving(fact: Told) -> bool:
    return isinstance(fact, Event) and (fact.fields.get("action") == "remove" or fact.fields.get("state") == "lost")


def with_leaving(facts: Sequence[Told]) -> Iterator[Told]:
    """The facts, and after an event that tells so the going of its device as a fact of its own."""
    for fact in facts:
        yield fact
        if isinstance(fact, Event) and tells_of_leaving(fact):
            yield DeviceGone(fact.source, fact.at, subject_of(fact)[1])


class History:
    """All that was told. A number `k` stands for the moment when the first `k` facts have been told."""

    def __init__(self, facts: Sequence[Told], conditions: Sequence[Condition] = ()) -> None:
        self.facts = list(with_leaving(facts))
        self.conditions = {each.name: each for each in conditions}
        self.events = {i: fact for i, fact in enumerate(self.facts) if isinstance(fact, Event)}
        self.levels = {i: event for i, event in self.events.items() if not is_moment(event) and not repeats(event)}
        self.fields = {i: self._fields(i) for i in self.events}
        self.latest = [self._latest(k) for k in range(len(self.facts) + 1)]
        """At each moment the latest event of every subject that has a level."""

    def went(self, subject: Subject, since: int, k: int) -> bool:
        """Whether the device of a subject went after the fact `since`; of a serial port its own state stays."""
        source, owner, rest = subject
        gone = (fact for fact in self.facts[since:k] if isinstance(fact, DeviceGone))
        return (source, rest) != ("serial", "") and any((fact.source, fact.owner) == (source, owner) for fact in gone)

    def _fields(self, i: int) -> Mapping[str, Field]:
        """The fields of an event, with the time since the subject's one before."""
        event = self.events[i]
        subject = subject_of(event)
        before = [
            each.at
            for j, each in self.events.items()
            if j < i and subject_of(each) == subject and not repeats(each) and not self.went(subject, j, i)
        ]
        return {**event.fields, "since": event.at - before[-1]} if before else event.fields

    def _latest(self, k: int) -> dict[Subject, int]:
        latest = {subject_of(event): i for i, event in self.levels.items() if i < k}
        return {subject: i for subject, i in latest.items() if not self.went(subject, i, k)}

    def passes(self, tests: Tests, i: int) -> bool:
        """Whether all tests hold for an event."""
        return all(holds(test, self.fields[i].get(name)) for name, test in tests.items())

    def condition(self, name: str, k: int) -> bool | None:
        """Whether a condition is true; None where that is not known."""
        said = [each.value for each in self.facts[:k] if isinstance(each, ConditionSet) and each.name == name]
        if said and said[-1] is not None:
            return said[-1]
        condition = self.conditions[name]
        present = self.latest[k].items()
        if any(subject[0] == condition.source and self.passes(condition.match, i) for subject, i in present):
            return True
        return False if any(self._tells(condition, i) for i in self.levels if i < k) else None

    def _tells(self, condition: Condition, i: int) -> bool:
        """Whether an event is about whom the condition asks for, and has all that it asks."""
        about_whom = {name: test for name, test in condition.match.items() if name not in NOT_ABOUT_WHOM}
        there = all(name in self.fields[i] or holds(test, None) for name, test in condition.match.items())
        return self.events[i].source == condition.source and there and self.passes(about_whom, i)

    def guards(self, guards: Sequence[object], source: str, owner: str, k: int) -> bool:
        """Whether all guards of a rule are known to hold for a device."""
        own = [i for subject, i in self.latest[k].items() if subject[:2] == (source, owner)]
        return all(self._guard(guard, own, k) for guard in guards)

    def _guard(self, guard: object, own: Sequence[int], k: int) -> bool:
        match guard:
            case str():
                return self.condition(guard, k) is True
            case {"not": str(name)}:
                return self.condition(name, k) is False
            case dict():
                return any(self.passes(guard, i) for i in own)
        raise AssertionError(guard)


class Account:
    """What becomes of one rule, the one at `place`."""

    def __init__(self, rule: Rule, place: int, history: History) -> None:
        self.rule, self.place, self.history = rule, place, history
        self.facts = history.facts
        self.matches = [i for i in history.events if self._matches(i)]
        """The events that match: with their guards, and each itself as the latest of its subject."""
        self.turns = {subject: list(self._turns(subject)) for subject in history.latest[-1].keys() | self._subjects()}

    def _matches(self, i: int) -> bool:
        rule, event = self.rule, self.history.events[i]
        if event.source != rule.source or not self.history.passes(rule.match, i):
            return False
        return self.history.guards(rule.guards, rule.source, subject_of(event)[1], i + 1)

    def _subjects(self) -> set[Subject]:
        return {subject_of(event) for event in self.history.levels.values()}

    def level(self, subject: Subject, k: int) -> bool:
        """Whether the rule is true for a subject."""
        levels = ((i, event) for i, event in self.history.levels.items() if i < k)
        own = [i for i, event in levels if subject_of(event) == subject and not self.history.went(subject, i, k)]
        if self.rule.until is None:
            return own[-1:] != [] and own[-1] in self.matches
        ends = [i for i in own if self.history.passes(self.rule.until, i)]
        return any(i in self.matches for i in own if not ends or i > ends[-1])

    def may_raise(self, i: int) -> bool:
        """Whether an event may raise by its origin; that `boot` is once is asked of what has been raised."""
        event = self.history.events[i]
        if event.origin is not Origin.START or self.rule.start_state in {"always", "boot"}:
            return True
        return self.rule.start_state == "if-changed" and not self.level(subject_of(event), i)

    def _turns(self, subject: Subject) -> Iterator[Turn]:
        before = False
        for i, fact in enumerate(self.facts):
            after = self.level(subject, i + 1)
            if self.history.went(subject, i, i + 1):
                yield Turn(i, fact.at, true=False, counts=False)
            elif after is not before:
                yield Turn(i, fact.at, after, self.may_raise(i))
            before = after

    def _edges(self) -> Iterator[int]:
        """The events that raise with `edge`."""
        for turns in self.turns.values():
            yield from (turn.fact for turn in turns if turn.true and turn.counts)

    def _settled(self) -> Iterator[int]:
        """The events whose `debounce` raises."""
        for turns in self.turns.values():
            was = False
            for turn, following in zip_longest(turns, turns[1:]):
                if turn.counts and following is not None and following.at < turn.at + self.rule.span:
                    continue
                if turn.true and turn.counts and not was:
                    yield turn.fact
                was = turn.true

    def _held(self) -> Iterator[int]:
        """The events whose `hold_for` raises."""
        for subject, turns in self.turns.items():
            for turn, following in zip_longest(turns, turns[1:]):
                due = turn.at + self.rule.span
                if turn.true and turn.counts and (following is None or following.at >= due):
                    first, last = (sum(fact.at < time for fact in self.facts) for time in (turn.at + 1, due))
                    moments = range(
                        first, last + 1
                    )  # what goes and comes at the very instant of the edge breaks nothing
                    if all(self.history.guards(self.rule.guards, *subject[:2], k) for k in moments):
                        yield turn.fact

    def _bursts(self, raised: Sequence[Raise]) -> Iterator[int]:
        """The last matches of the bursts that `quiet_for` raises for."""
        least, most = self.rule.count or (1, len(self.facts))
        counted: dict[str, list[int]] = {}
        for i in (each for each in self.matches if self.may_raise(each) and not repeats(self.history.events[each])):
            if not self._is_deaf(self.key(i), self.facts[i].at, raised):
                counted.setdefault(self.key(i), []).append(i)
        for matches in counted.values():
            size = 0
            for i, following in zip_longest(matches, matches[1:]):
                size += 1
                if following is None or self.facts[following].at >= self.facts[i].at + self.rule.span:
                    if least <= size <= most:
                        yield i
                    size = 0

    def key(self, i: int) -> str:
        return str(self.history.fields[i].get(self.rule.key, "")) if self.rule.key else ""

    def _causes(self, raised: Sequence[Raise]) -> Iterator[int]:
        match self.rule.kind:
            case "edge":
                return self._edges()
            case "debounce":
                return self._settled()
            case "hold_for":
                return self._held()
            case "quiet_for":
                return self._bursts(raised)
        return (i for i in self.matches if self.may_raise(i))

    def raised(self) -> list[Raise]:
        """What the rule raises: the first that may be, then the first that may be after it, and so on."""
        raised: list[Raise] = []
        while True:
            after = [self._raise(i) for i in self._causes(raised)]
            free = [each for each in after if each > max(raised, default=NEVER) and self._is_free(each, raised)]
            if not free:
                return raised
            raised.append(min(free))

    def _raise(self, i: int) -> Raise:
        at = self.facts[i].at + self.rule.span
        order = (at, 0, self.place, i) if self.rule.span else (at, 1, i, self.place)
        return Raise(order, at, self.rule.name, self.key(i), i)

    def _is_free(self, one: Raise, raised: Sequence[Raise]) -> bool:
        """Whether a rule that has raised so far raises this too, as for `holdoff` and `boot`."""
        found = self.history.events[one.cause].origin is Origin.START
        again = self.rule.start_state == "boot" and found and any(each.key == one.key for each in raised)
        return not again and not self._is_deaf(one.key, one.at, raised)

    def _is_deaf(self, key: str, at: int, raised: Sequence[Raise]) -> bool:
        return any(each.key == key and each.at <= at < each.at + (self.rule.holdoff or 0) for each in raised)


def expected(rules: Sequence[Rule], conditions: Sequence[Condition], facts: Sequence[Told]) -> list[Said]:
    """What the rules raise."""
    history = History(facts, conditions)
    every = sorted(each for place, rule in enumerate(rules) for each in Account(rule, place, history).raised())
    causes = [history.events[each.cause] for each in every]
    numbers = [str(event.fields[NUMBER[event.source]]) for event in causes]
    return [(each.at, each.rule, each.key, number) for each, number in zip(every, numbers, strict=True)]

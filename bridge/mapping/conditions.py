"""Conditions and guards: levels that decide whether a rule counts an event. Nothing here raises a trigger.

A condition has a name and is true while some subject's latest event matches; an inline guard looks at the device that
the event is of. Neither is known before the first event that is about it, and what is not known does not hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from bridge.mapping.index import Index
from bridge.model.checks import Checks, passes
from bridge.model.conditions import Named
from bridge.model.events import Fields
from bridge.sources.source import Source, Subject


class Condition(msgspec.Struct, frozen=True, eq=False):
    """A level with a name. Conditions are the same only if they are one object."""

    name: str
    source: Source
    match: Checks

    def asked_fields(self) -> frozenset[str]:
        """Every field that the condition tests."""
        return frozenset(name for name, _ in self.match)


class OnDevice(msgspec.Struct, frozen=True, eq=False):
    """Guard: some level of the event's own device; `match` has the rule's tests of which device that is, too."""

    source: Source
    match: Checks

    def asked_fields(self) -> frozenset[str]:
        """Every field that the guard tests."""
        return frozenset(name for name, _ in self.match)


Guard = OnDevice | Named
Watched = Condition | OnDevice


@dataclass(slots=True)
class _Level:
    """Of one condition, or of one guard and owner: the subjects that make it true, and when it last turned."""

    subjects: set[Subject] = field(default_factory=set)
    known: bool = False
    turned: int = 0

    def put(self, subject: Subject, at: int, *, true: bool, tells: bool) -> bool:
        """Whether the level turned, or may have been told of for the first time."""
        was = bool(self.subjects) if self.known else None
        (self.subjects.add if true else self.subjects.discard)(subject)
        self.known = self.known or tells
        if bool(self.subjects) is was:
            return False
        self.turned = at
        return True


class GuardState(msgspec.Struct, frozen=True):
    """What is known of a guard: whether it holds, and since when it has been so, in microseconds."""

    holds: bool
    since: int


@dataclass(slots=True)
class _Source:
    """The levels that guards look at in one source."""

    source: Source
    index: Index[Watched]
    levels: dict[Watched, dict[str, _Level]]
    """By what is watched and, of guards, by owner; "" for a condition."""
    turned: set[str]
    """Where the conditions that turn are noted."""
    true: dict[Subject, set[Watched]] = field(default_factory=dict)

    def receive(self, fields: Fields, subject: Subject, at: int) -> None:
        about = [each.one for each in self.index.candidates(fields) if each.matches(fields)]
        was = self.true.get(subject, set())
        now: set[Watched] = set()
        for watched in dict.fromkeys([*was, *about]):
            true = passes(watched.match, fields)
            self._put(watched, subject, at, true=true, tells=true or _tells(watched, fields))
            if true:
                now.add(watched)
        if now:
            self.true[subject] = now
        else:
            self.true.pop(subject, None)

    def gone(self, owner: str, at: int) -> None:
        went = [each for each in self.true if each[0] == owner and each[1] not in self.source.lasting]
        for subject in went:
            for watched in self.true.pop(subject):
                self._put(watched, subject, at, true=False, tells=False)
        for watched, levels in self.levels.items():
            if isinstance(watched, OnDevice) and owner in levels and not levels[owner].subjects:
                del levels[owner]

    def _put(self, watched: Watched, subject: Subject, at: int, *, true: bool, tells: bool) -> None:
        if not isinstance(watched, Condition):
            self.levels[watched].setdefault(subject[0], _Level()).put(subject, at, true=true, tells=tells)
        elif self.levels[watched].setdefault("", _Level()).put(subject, at, true=true, tells=tells):
            self.turned.add(watched.name)


def _tells(watched: Watched, fields: Fields) -> bool:
    """Whether an event that does not match says so by its fields, and does not only lack them."""
    return all(name in fields or test(None) for name, test in watched.match)


class Conditions:
    """The levels of all conditions and guards of a rule table."""

    def __init__(self) -> None:
        self._sources: dict[str, _Source] = {}
        self._by_name: dict[str, _Level] = {}
        self._set: dict[str, GuardState] = {}
        self.turned: set[str] = set()
        """The names of conditions that may have turned; who asks for them takes them out."""

    def replace(self, watched: Sequence[Watched]) -> None:
        """Watches these from now on; what is known of one that says the same as before stays."""
        before = {_meaning(each): levels for source in self._sources.values() for each, levels in source.levels.items()}
        meant = {_meaning(each): each for each in watched}
        true = {name: source.true for name, source in self._sources.items()}
        self._sources = {}
        for source in {each.source.name: each.source for each in watched}.values():
            own = [each for each in watched if each.source is source]
            index = Index(source, [(place, each, _about(each)) for place, each in enumerate(own)])
            self._sources[source.name] = _Source(
                source, index, {each: before.get(_meaning(each), {}) for each in own}, self.turned
            )
            for subject, ones in true.get(source.name, {}).items():
                kept = {meant[_meaning(one)] for one in ones if _meaning(one) in meant}
                if kept:
                    self._sources[source.name].true[subject] = kept
        self.turned.update(self._by_name)
        self._by_name = {
            each.name: self._sources[each.source.name].levels[each].setdefault("", _Level())
            for each in watched
            if isinstance(each, Condition)
        }
        self.turned.update(self._by_name)

    def watches(self, source: str) -> bool:
        """Whether events of this source matter here."""
        return source in self._sources

    def receive(self, source: str, fields: Fields, subject: Subject, at: int) -> None:
        """An event that is the latest of its subject."""
        self._sources[source].receive(fields, subject, at)

    def gone(self, source: str, owner: str, at: int) -> None:
        """A device went: its levels are false."""
        if source in self._sources:
            self._sources[source].gone(owner, at)

    def put(self, name: str, value: bool | None, at: int) -> None:
        """Says what a condition is, whatever events tell; None leaves it to the events again."""
        before = self._state(name)
        self.turned.add(name)
        if value is not None:
            self._set[name] = before if before is not None and before.holds is value else GuardState(value, at)
            return
        self._set.pop(name, None)
        level = self._by_name.get(name)
        if level is not None:
            level.turned = before.since if before is not None and before.holds is bool(level.subjects) else at

    def said(self, name: str) -> bool | None:
        """What `put` said of a condition, and was not taken back."""
        said = self._set.get(name)
        return said.holds if said is not None else None

    def known(self, name: str) -> bool | None:
        """What is known of a condition."""
        state = self._state(name)
        return state.holds if state is not None else None

    def state(self, guard: Guard, owner: str) -> GuardState | None:
        """What is known of a guard, for an event of this owner; None where nothing is."""
        if isinstance(guard, Named):
            state = self._state(guard.name)
            return state and GuardState(state.holds is guard.wanted, state.since)
        source = self._sources.get(guard.source.name)
        return _state_of(source.levels[guard].get(owner)) if source is not None else None

    def _state(self, name: str) -> GuardState | None:
        """What was said of a condition, or else what events tell."""
        return self._set.get(name) or _state_of(self._by_name.get(name))

    def hold(self, guards: Sequence[Guard], owner: str) -> bool:
        """Whether all guards are known to hold."""
        return all((state := self.state(guard, owner)) is not None and state.holds for guard in guards)

    def held(self, guards: Sequence[Guard], owner: str, since: int) -> bool:
        """Whether all guards hold, and have held without a break since then."""
        states = [self.state(guard, owner) for guard in guards]
        return all(state is not None and state.holds and state.since <= since for state in states)


def _state_of(level: _Level | None) -> GuardState | None:
    return GuardState(bool(level.subjects), level.turned) if level is not None and level.known else None


def _about(watched: Watched) -> Checks:
    """The tests that say which subjects it is about, and not how they are."""
    return tuple((name, test) for name, test in watched.match if watched.source.tells_who(name))


def _meaning(watched: Watched) -> tuple[object, ...]:
    return (type(watched), watched.name if isinstance(watched, Condition) else "", watched.source.name, watched.match)

"""Plans: what is wanted of each source, looked up once and not for every event. Nothing here raises a trigger.

A plan also gives an event the fields that it has by what was before it, and by what it is itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from bridge.mapping.index import Candidate
from bridge.mapping.rules import Rule
from bridge.mapping.table import RuleTable
from bridge.model.events import SINCE, Event, Field, Fields
from bridge.sources import SOURCES
from bridge.sources.source import Source


@dataclass(slots=True)
class Plan:
    """What rules and tasks want of one source."""

    source: Source
    candidates: Callable[[Fields], Sequence[Candidate[Rule]]]
    inherited: frozenset[str]
    wants_since: bool
    is_guarding: bool
    """Whether some condition or guard looks at this source."""
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
            fields = self.with_own(fields)
        if self.wants_since:
            fields = self._with_since(fields, event.at)
        return event if fields is event.fields else msgspec.structs.replace(event, fields=fields)

    def with_own(self, fields: Fields) -> Fields:
        """The fields with `@NAME` of the device itself, which needs no ancestor for what it has."""
        missing = self.inherited - fields.keys()
        own: dict[str, Field] = {name: fields[name[1:]] for name in missing if name[1:] in fields}
        return {**fields, **own} if own else fields

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


def plans_of(
    table: RuleTable,
    asked: Mapping[str, frozenset[str]],
    watches: Callable[[str], bool],
    before: Mapping[str, Plan],
    *,
    is_told: bool,
) -> dict[str, Plan]:
    """The plan of each source, which goes on with what the one `before` remembers.

    `asked` are the fields that somebody asks for, by source; `watches` tells whether conditions and guards look at
    one, `is_told` whether somebody wants to know of events that raise nothing.
    """
    plans: dict[str, Plan] = {}
    for name, source in SOURCES.items():
        fields = asked.get(name, frozenset())
        wants_since = SINCE in fields
        is_guarding = watches(name)
        plans[name] = Plan(
            source=source,
            candidates=table.candidates.get(name, _no_candidates),
            inherited=frozenset(field for field in fields if field.startswith("@")),
            wants_since=wants_since,
            is_guarding=is_guarding,
            is_plain=not (is_guarding or wants_since or source.names_triggers or is_told),
            last=before[name].last if wants_since and name in before else {},
            kept=before[name].kept if name in before else {},
        )
    return plans


def _no_candidates(_: Fields) -> Sequence[Candidate[Rule]]:
    """Of a source that nobody had named when the rules were loaded."""
    return ()

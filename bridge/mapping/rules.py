"""A rule, as a value: which event raises which trigger, and when. Nothing here reads a file or remembers an event."""

from enum import StrEnum

import msgspec

from bridge.errors import InvalidValueError
from bridge.mapping.conditions import Guard
from bridge.model.checks import Checks, passes
from bridge.model.events import Fields
from bridge.model.guid import Guid
from bridge.model.templates import Template
from bridge.sources.source import Source


class StartState(StrEnum):
    """Whether state that was found, rather than seen to change, raises the trigger."""

    IGNORE = "ignore"
    ALWAYS = "always"
    BOOT = "boot"
    """Once a boot and key."""
    IF_CHANGED = "if-changed"
    """Only if the level differs from the last one that was stored."""


class Edge(msgspec.Struct, frozen=True):
    """Raise when the match turns true for a subject."""


class Debounce(msgspec.Struct, frozen=True):
    """Raise when the level has held still for `span` microseconds, if it has come to be true and was not."""

    span: int


class HoldFor(msgspec.Struct, frozen=True):
    """Raise when the match has been true for `span` microseconds without a break, once per true period."""

    span: int


class QuietFor(msgspec.Struct, frozen=True):
    """Raise when nothing has matched for `span` microseconds, after a burst of `minimum` to `maximum` matches."""

    span: int
    minimum: int = 1
    maximum: int | None = None

    def counts(self, matches: int) -> bool:
        """Whether a burst of so many matches raises."""
        return matches >= self.minimum and (self.maximum is None or matches <= self.maximum)


Filter = Edge | Debounce | HoldFor | QuietFor


class Rule(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One rule; `details` None stands for all fields of the event. Rules are the same only if they are one object.

    `until` is empty where nothing but the match itself ends a level; `holdoff` is in microseconds.
    """

    name: str
    source: Source
    match: Checks
    trigger: Guid
    key: Template
    details: tuple[tuple[str, Template], ...] | None = None
    start_state: StartState = StartState.IGNORE
    guards: tuple[Guard, ...] = ()
    filter: Filter | None = None
    until: Checks = ()
    holdoff: int | None = None

    def __post_init__(self) -> None:
        if not self.name or not self.name.isprintable():
            raise InvalidValueError(f"rule name {self.name!r} is empty or holds characters that cannot be printed")
        if not self.match:
            raise InvalidValueError("an empty match would hold for every event; name at least one field")

    def matches(self, fields: Fields) -> bool:
        """Whether every test of the rule holds for these fields."""
        return passes(self.match, fields)

    @property
    def has_level(self) -> bool:
        """Whether the rule looks at how the level of a subject changes, not at each event alone."""
        return isinstance(self.filter, Edge | Debounce | HoldFor) or self.start_state is StartState.IF_CHANGED

    @property
    def remembers(self) -> bool:
        """Whether the rule must know, after a restart, what was before it."""
        return self.start_state in {StartState.BOOT, StartState.IF_CHANGED}

    def asked_fields(self) -> frozenset[str]:
        """Every field that the rule names of its own events, in tests and in templates."""
        named = {name for name, _ in (*self.match, *self.until)} | set(self.key.names)
        for _, template in self.details or ():
            named.update(template.names)
        return frozenset(named)

"""Triggers, and the fact that one was raised. Nothing here knows which rule or task uses one."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

import msgspec

from bridge.errors import InvalidValueError
from bridge.model.events import Origin
from bridge.model.guid import Guid


class Recurrence(IntEnum):
    """How often a custom trigger activates a task: Windows' `CustomSystemEventTriggerRecurrence`."""

    ONCE = 0
    ALWAYS = 1


@dataclass(frozen=True, slots=True)
class CustomSystemEventTrigger:
    """A trigger that its author named with a GUID, and that rules and API callers raise.

    Source: Windows.ApplicationModel.Background.CustomSystemEventTrigger.
    """

    guid: Guid
    recurrence: Recurrence = Recurrence.ALWAYS


class PrincipalKind(StrEnum):
    """Whom an `allow` entry names."""

    USER = "user"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Principal:
    """A user or a group, by name, as `allow` lists have them.

    >>> Principal.parse("group:audio")
    Principal(kind=<PrincipalKind.GROUP: 'group'>, name='audio')
    """

    kind: PrincipalKind
    name: str

    @classmethod
    def parse(cls, text: str) -> "Principal":
        """The principal that `user:NAME` or `group:NAME` spells. Raises `InvalidValueError` for anything else."""
        kind, _, name = text.partition(":")
        if kind not in list(PrincipalKind) or not name or ":" in name or not name.isprintable():
            raise InvalidValueError(f'"{text}" is neither user:NAME nor group:NAME')
        return cls(PrincipalKind(kind), name)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedTrigger:
    """A name that a rules file gives to a trigger, and who else may raise it over the API."""

    name: str
    guid: Guid
    allow: frozenset[Principal] = frozenset()


class Raised(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A trigger went off, at `at` microseconds.

    `rule` is the rule that raised it, or None where a caller of the API did. `key` is the thing that it is about:
    three disks are three keys.
    """

    at: int
    trigger: Guid
    rule: str | None
    key: str
    details: Mapping[str, str]
    origin: Origin = Origin.LIVE

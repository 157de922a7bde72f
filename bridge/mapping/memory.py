"""What must outlive the process, as values: what was raised in this boot, which levels were true. Nothing is kept here.

Every change is told as a value for the store, and what the store has is handed to the mapper as `Memory`.
"""

from dataclasses import dataclass, field

import msgspec

from bridge.sources.source import Subject


class RaisedThisBoot(msgspec.Struct, frozen=True):
    """A rule with `start_state = "boot"` raised for this key: to be remembered until the next boot.

    Device watchers tell so of each device that their task was told of; their `rule` is a name that no rule can have.
    """

    rule: str
    key: str


class ForgottenThisBoot(msgspec.Struct, frozen=True):
    """What `RaisedThisBoot` told of this rule and key is over: it is to be forgotten."""

    rule: str
    key: str


class LevelTurned(msgspec.Struct, frozen=True):
    """A rule with `start_state = "if-changed"` became true or false for a subject: to be remembered."""

    rule: str
    subject: Subject
    true: bool


@dataclass(slots=True)
class Memory:
    """What earlier runs of the daemon told by `RaisedThisBoot` and `LevelTurned`."""

    raised_this_boot: set[tuple[str, str]] = field(default_factory=set)
    true: set[tuple[str, Subject]] = field(default_factory=set)

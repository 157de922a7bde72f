"""What a monitor saw. Nothing here knows where an event came from or what it leads to.

An event's fields are flat, named as udev and evdev name them; which fields a source has stands in `bridge/sources`.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

Field = str | int
SINCE = "since"
"""The field that every event has but a subject's first: microseconds since the one before it. No source gives it."""
Fields = Mapping[str, Field]


class Origin(StrEnum):
    """How an event came to be known."""

    LIVE = "live"
    START = "start"
    """State that was found when a device was opened: at the start, at re-open, at hot-plug."""
    RESYNC = "resync"
    """Repaired after events were lost."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event: `at` in microseconds of its source's clock, `fields` by name.

    A struct and not a dataclass, because one is built for every key press that a rule asks about:
    it costs a tenth of a frozen dataclass.
    """

    source: str
    at: int
    fields: Fields
    origin: Origin = Origin.LIVE
    replayed: bool = False


class DeviceGone(msgspec.Struct, frozen=True, gc=False):
    """A device went, and with it every level that it had; `owner` is the first half of its subjects."""

    source: str
    at: int
    owner: str
    replayed: bool = False

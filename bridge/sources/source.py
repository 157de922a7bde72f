"""What every source says of itself. Nothing here knows any one source.

The subject of an event is a pair: the owner (the device, which can go and takes its levels with it) and
the rest (which of the owner's levels). A moment has no subject: nothing that could be true or false stays behind.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bridge.model.events import Fields

Subject = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One source of events.

    `fields` are the names that every event of the source may have, `is_property` tells whether a name beside them
    may be one too (udev's properties, `@NAME`, `attr.NAME`). Fields in `is_hexadecimal` compare without case.
    """

    name: str
    fields: frozenset[str]
    integers: frozenset[str]
    is_property: Callable[[str], bool]
    is_hexadecimal: Callable[[str], bool]
    default_key: str
    subject: Callable[[Fields], Subject | None]
    leaves: Callable[[Fields], bool]
    """Whether the event says that its owner goes."""
    repeats: Callable[[Fields], bool]
    """Whether the event repeats a state (autorepeat), so that it neither starts nor ends a level."""
    names_triggers: bool = False
    """Whether an event may name triggers itself, so that it matters though no rule asks for it."""
    levels: Mapping[str, str] | None = None
    """The `code` and the `type` of every event that has a level; None where every event has one."""

    def knows(self, name: str) -> bool:
        """Whether an event of this source may have a field of this name."""
        return name in self.fields or self.is_property(name)

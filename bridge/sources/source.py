"""What every source says of itself. Nothing here knows any one source.

The subject of an event is a pair: the owner (the device, which can go and takes its levels with it) and
the rest (which of the owner's levels). Of a moment nothing stays behind that could be true or false.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bridge.model.events import SINCE, Field, Fields

Subject = tuple[str, str]


def _no_name(_: str) -> bool:
    return False


def _no_event(_: Fields) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One source of events. One whose subjects all have a level, and have no device, needs only what has no default.

    `fields` are the names that every event of the source may have, `is_property` tells whether a name beside them
    may be one too (udev's properties, `@NAME`, `attr.NAME`). Fields in `is_hexadecimal` compare without case.
    """

    name: str
    fields: frozenset[str]
    integers: frozenset[str] = frozenset()
    is_property: Callable[[str], bool] = _no_name
    is_hexadecimal: Callable[[str], bool] = _no_name
    default_key: str
    subject: Callable[[Fields], Subject]
    is_moment: Callable[[Fields], bool] = _no_event
    """Whether the event is over as soon as it has happened, so that it has no level."""
    identifies: Callable[[str], bool]
    """Whether a field of this name says which subject an event is about, and not how that subject is."""
    names_owner: Callable[[str], bool] = _no_name
    """Whether a field of this name says which device an event is of, whatever the event is about."""
    checked: Callable[[dict[str, Field]], dict[str, Field]] = dict
    """Recorded fields in their canonical form. Raises `InvalidValueError` for what no event of the source can be."""
    leaves: Callable[[Fields], bool] = _no_event
    """Whether the event says that its owner goes, and takes its levels with it."""
    repeats: Callable[[Fields], bool] = _no_event
    """Whether the event repeats a state (autorepeat), so that it neither starts nor ends a level."""
    lasting: frozenset[str] = frozenset()
    """The second halves of those subjects whose levels stay when their owner goes."""
    words: Mapping[str, Sequence[str]] = field(default_factory=dict, hash=False)
    """Fields of which every value is one of a few words."""
    kept: Callable[[Fields | None, Fields], Fields] | None = None
    """What an owner's last event still has of the ones before: given that, or None at first, and the fields of another.

    None where the last event needs nothing. A monitor sees to it itself; recordings that others made may not.
    """
    found: Callable[[Fields], Fields] = dict
    """The fields of an owner whose last event these are of, when it is found by a monitor that starts."""
    names_triggers: bool = False
    """Whether an event may name triggers itself, so that it matters though no rule asks for it."""
    levels: Callable[[Collection[Field]], Iterable[Mapping[str, Field | None]]] | None = None
    """For each kind of event that has a level, the fields that tell the kind; None where every event has one.

    A field that such events do not have is None. It is given the codes that a rule lists, since codes without a name
    are too many to go through.
    """

    def knows(self, name: str) -> bool:
        """Whether an event of this source may have a field of this name."""
        return name in self.fields or self.is_property(name)

    def tells_who(self, name: str) -> bool:
        """Whether a test of this field asks which subject an event is about, and not how that subject is."""
        return name != SINCE and self.identifies(name)

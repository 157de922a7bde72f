"""A part of a recording: where it begins, with what a daemon that starts then would find, and where it ends.

Nothing here plays events or prints what they lead to, and their times stay those of the recording.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, takewhile

import msgspec

from bridge.model.events import DeviceGone, Event, Origin
from bridge.sources import SOURCES
from bridge.sources.source import Source

Told = Event | DeviceGone


def beginning_at(events: Iterable[Told], begin: int) -> Iterator[Told]:
    """The events from `begin` (microseconds) on, and before them the state that those before it have left.

    Of each subject that has a level the last event is told again, at `begin` and as a start event, unless its device
    has gone: device by device, in the order in which they came. Of moments and of keys that repeat nothing is left.

    >>> lid = {"device": "/dev/input/event0", "type": "EV_SW", "code": "SW_LID"}
    >>> events = [Event("evdev", at, {**lid, "value": value}) for at, value in ((1, 1), (2, 0), (9, 1))]
    >>> [(event.at, str(event.origin), event.fields["value"]) for event in beginning_at(events, 5)]
    [(5, 'start', 0), (9, 'live', 1)]
    """
    coming = iter(events)
    left = _Left()
    for event in coming:
        if event.at >= begin:
            coming = chain((event,), coming)
            break
        left.take(event)
    yield from left.found(begin)
    yield from coming


def ending_at(events: Iterable[Told], end: int) -> Iterator[Told]:
    """The events up to `end` (microseconds), which is one of them."""
    return takewhile(lambda event: event.at <= end, events)


class _Left:
    """What events leave behind: of each device the last event of each of its levels."""

    def __init__(self) -> None:
        self._levels: dict[tuple[str, str], dict[str, Event]] = {}

    def take(self, told: Told) -> None:
        """One event more."""
        source = SOURCES[told.source]
        if isinstance(told, DeviceGone):
            self._leave(source, told.owner)
            return
        fields = told.fields
        owner, rest = source.subject(fields)
        leaves = source.leaves(fields)
        if leaves:
            self._leave(source, owner)
        if source.is_moment(fields) or source.repeats(fields) or (leaves and rest not in source.lasting):
            return
        self._levels.setdefault((source.name, owner), {})[rest] = told

    def _leave(self, source: Source, owner: str) -> None:
        there = self._levels.pop((source.name, owner), {})
        lasting = {rest: event for rest, event in there.items() if rest in source.lasting}
        if lasting:
            self._levels[source.name, owner] = lasting

    def found(self, at: int) -> Iterator[Event]:
        """All of it, as a monitor that is opened then finds it."""
        for levels in self._levels.values():
            for event in levels.values():
                fields = SOURCES[event.source].found(event.fields)
                yield msgspec.structs.replace(event, at=at, origin=Origin.START, fields=fields)

"""One order for what several monitors tell, on the clock of a recording. It drops no event, and reads no clock.

Monitors date what they tell: input devices when the kernel saw it, udev when it was read. So of two monitors that are
read at one time, the later one may tell what happened first.
"""

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from operator import attrgetter

import msgspec

from bridge.model.events import DeviceGone, Event

Told = Sequence[Event | DeviceGone]


class Timeline:
    """Times from the start of a recording on, never less than one before.

    What one monitor told stays in its order, which is that of what happened. What several tell in one turn is merged
    by time. An event that is told too late for that, because a later one is written already, is moved to that one's
    time: it can come as late as it takes to read the monitors once.

    >>> timeline = Timeline(5_000_000)
    >>> [event.at for event in timeline.place([[Event("evdev", 5_300_000, {})], [Event("udev", 5_200_000, {})]])]
    [200000, 300000]
    >>> [event.at for event in timeline.place([[Event("evdev", 5_250_000, {})]])]
    [300000]
    """

    def __init__(self, begin: int) -> None:
        """`begin` is when the recording starts, in microseconds of the monitors' clock."""
        self._begin = begin
        self._last = 0

    def place(self, told: Iterable[Told]) -> list[Event | DeviceGone]:
        """What each of several monitors told in one turn, in one order and at its time of the recording."""
        placed = list(merge(*map(self._in_order, told), key=attrgetter("at")))
        if placed:
            self._last = placed[-1].at
        return placed

    def _in_order(self, told: Told) -> Iterator[Event | DeviceGone]:
        at = self._last
        for event in told:
            at = max(at, event.at - self._begin)
            yield msgspec.structs.replace(event, at=at)

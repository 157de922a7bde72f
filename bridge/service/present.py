"""What monitors see now: which devices there are, as far as a monitor knows them. It tells no monitor anything.

A look at many devices takes as long as many calls, and anybody may ask again and again. So what was seen is believed
for a while, which is the longer the longer it took.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.mapping.interest import Interest
from bridge.model.events import Fields
from bridge.monitors.monitor import Clock, DescribingMonitor
from bridge.monitors.playback import Playback
from bridge.pipeline.explaining import Sight
from bridge.service.bridge import Bridge
from bridge.service.installed import installed_monitors
from bridge.sources.evdev import EVDEV, IDENTITY
from bridge.sources.udev import UDEV

SHARE = 200
"""Of the daemon's time at most one part in so many goes into looking."""
_MOST_REFUSED = 5


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was seen when so much was asked of the monitor, and until when it is believed."""

    sight: Sight
    until: int
    asked: Interest


class Present:
    """What the monitors of a bridge see."""

    def __init__(self, bridge: Bridge, clock: Clock) -> None:
        self._bridge = bridge
        self._clock = clock
        self._seen: dict[str, _Seen] = {}

    def look(self, source: str) -> Sight:
        """What the monitor of this source sees, of late."""
        now, asked = self._clock(), self._bridge.pipeline.interest(source)
        seen = self._seen.get(source)
        if seen is None or seen.until <= now or seen.asked != asked:
            sight = self._look(source)
            after = self._clock()
            seen = self._seen[source] = _Seen(sight, after + SHARE * (after - now), asked)
        return seen.sight

    def _look(self, source: str) -> Sight:
        monitors = self._bridge.monitors
        if any(isinstance(each, Playback) and each.report().devices for each in monitors.values()):
            return Sight()  # a recording that is being played may tell of any source
        monitor = monitors.get(source)
        if monitor is None:
            return Sight(missing=_missing(source))
        if source == UDEV.name:
            things = [event.fields for event in monitor.snapshot()]
            return Sight(things=None if monitor.report().refused else things)  # refused: they cannot be listed
        if source == EVDEV.name and isinstance(monitor, DescribingMonitor):
            return Sight(things=list(_inputs(monitor)), refused=monitor.report().refused[:_MOST_REFUSED])
        return Sight()


def _missing(source: str) -> str:
    if source in installed_monitors():
        return f"the monitor of {source} is not open (the daemon's log says why)"
    return f"nothing here watches {source}"


def _inputs(monitor: DescribingMonitor) -> Iterator[Fields]:
    """Of every open input device, for each code that it can send the fields that its events have."""
    described: Sequence[Mapping[str, Any]] = monitor.describe()
    for device in described:
        identity = {name: device[name] for name in IDENTITY if name in device}
        for type_, codes in device["capabilities"].items():
            for code in codes:
                yield {**identity, "type": type_, "code": code}

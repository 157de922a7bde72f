"""What monitors see now: which devices there are, as far as a monitor knows them. It tells no monitor anything.

A look at many devices takes as long as many calls, and anybody may ask again and again. So what was seen is believed
for a while, which is the longer the longer it took.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from bridge.errors import DeviceError
from bridge.mapping.interest import Interest
from bridge.model.events import Fields
from bridge.monitors.monitor import Clock, DescribingMonitor
from bridge.monitors.playback import Playback
from bridge.pipeline.explaining import Sight
from bridge.service.bridge import Bridge
from bridge.service.installed import source_of, told_by, watched_sources
from bridge.sources.device import DEVICE
from bridge.sources.evdev import EVDEV, IDENTITY
from bridge.sources.network import NETWORK
from bridge.sources.serial import SERIAL
from bridge.sources.udev import UDEV

SHARE = 200
"""Of the daemon's time at most one part in so many goes into looking."""
_MOST_REFUSED = 5
_OF_LEVELS = frozenset({SERIAL.name, NETWORK.name, DEVICE.name})
"""The sources of which a snapshot tells of everything that is there."""
_AWAY = frozenset({"lost", "left"})
"""The states of what is known, and not there."""


class _Seen(msgspec.Struct, frozen=True):
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
            sight = self._looked(source)
            after = self._clock()
            seen = self._seen[source] = _Seen(sight, after + SHARE * (after - now), asked)
        return seen.sight

    def _looked(self, source: str) -> Sight:
        try:
            return self._look(source)
        except DeviceError as error:
            return Sight(missing=f"the monitor of {source} cannot say what is there: {error}")

    def _look(self, source: str) -> Sight:
        monitors = self._bridge.monitors
        if any(isinstance(each, Playback) and each.report().devices for each in monitors.values()):
            return Sight()  # a recording that is being played may tell of any source
        if source == SERIAL.name and any(each.text for each in self._bridge.pipeline.interest(EVDEV.name).inputs):
            return Sight()  # lines may be typed
        there = [each for name, each in monitors.items() if source_of(name) == source]
        if not there:
            return Sight(missing=self._why_not(source))
        if source == UDEV.name:
            things = [event.fields for event in there[0].snapshot()]
            return Sight(things=None if there[0].report().refused else things)  # refused: they cannot be listed
        if source == EVDEV.name and isinstance(there[0], DescribingMonitor):
            return Sight(things=list(_inputs(there[0])), refused=there[0].report().refused[:_MOST_REFUSED])
        if source in _OF_LEVELS:
            things = [event.fields for event in there[0].snapshot() if event.fields.get("state") not in _AWAY]
            return Sight(things=things, refused=there[0].report().refused[:_MOST_REFUSED])
        return Sight(untold=dict(self._untold(source)))

    def _why_not(self, source: str) -> str:
        for name, why in self._bridge.failures.items():
            if source_of(name) == source:
                return _not_open(name, why)
        if source in watched_sources():
            return f"the monitor of {source} is not open (the daemon's log says why)"
        return f"nothing here watches {source}"

    def _untold(self, source: str) -> Iterator[tuple[str, str]]:
        """What those monitors of a source would tell that are asked for and not there."""
        for name, why in self._bridge.failures.items():
            if source_of(name) == source:
                for told in told_by(name):
                    yield told, _not_open(name, why)


def _not_open(name: str, why: str) -> str:
    return f"the monitor {name} is not open: {why}"


def _inputs(monitor: DescribingMonitor) -> Iterator[Fields]:
    """Of every open input device, for each code that it can send the fields that its events have."""
    described: Sequence[Mapping[str, Any]] = monitor.describe()
    for device in described:
        identity = {name: device[name] for name in IDENTITY if name in device}
        for type_, codes in device["capabilities"].items():
            for code in codes:
                yield {**identity, "type": type_, "code": code}

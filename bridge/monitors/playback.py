"""A recording as one more monitor: its events come at their own times after the start. It opens no device."""

import os
from collections.abc import Iterable, Sequence

import msgspec

from bridge.mapping.interest import Interest
from bridge.model.events import DeviceGone, Event
from bridge.monitors.monitor import Clock, MonitorReport


class Playback:
    """The events of a recording, due as long after the first `watch` as they are after the recording's start.

    Its descriptor is never readable; `deadline` says when `read` has something to tell.
    """

    def __init__(self, name: str, events: Iterable[Event | DeviceGone], clock: Clock) -> None:
        self._name = name
        self._left = list(reversed(list(events)))
        self._clock = clock
        self._start: int | None = None
        self._descriptor = os.eventfd(0)

    def fileno(self) -> int:
        """A descriptor that is never readable."""
        return self._descriptor

    def watch(self, interest: Interest) -> Sequence[Event | DeviceGone]:
        """Starts to play, the first time; a recording plays whether a rule asks or not."""
        if self._start is None:
            self._start = self._clock()
        return self.read()

    def deadline(self) -> int | None:
        """When the next event is due, or None after the last."""
        return self._start + self._left[-1].at if self._left and self._start is not None else None

    def read(self) -> Sequence[Event | DeviceGone]:
        """The events that are due, at the times at which they were due."""
        due: list[Event | DeviceGone] = []
        while (at := self.deadline()) is not None and at <= self._clock():
            due.append(msgspec.structs.replace(self._left.pop(), at=at))
        return due

    def snapshot(self) -> Sequence[Event]:
        """Nothing: what a recording has told is past."""
        return ()

    def report(self) -> MonitorReport:
        """The recording's name, until it has been played."""
        return MonitorReport(devices=(self._name,) if self._left else ())

    def close(self) -> None:
        """Ends it."""
        os.close(self._descriptor)

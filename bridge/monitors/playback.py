"""A recording as one more monitor: its events come at their own times after the start. It opens no device."""

import os
from collections.abc import Iterable, Sequence

import msgspec

from bridge.errors import DeviceError, RecordingError
from bridge.mapping.interest import Interest
from bridge.model.events import DeviceGone, Event
from bridge.monitors.monitor import Clock, MonitorReport


class Playback:
    """The events of a recording, due as long after the first `watch` as they are after the recording's start.

    They are asked for one by one, each when the one before it is due. Its descriptor is never readable; `deadline`
    says when `read` has something to tell.
    """

    def __init__(self, name: str, events: Iterable[Event | DeviceGone], clock: Clock, begin: int = 0) -> None:
        """`begin` is the time of the recording, in microseconds, that is to be now at the first `watch`."""
        self._name = name
        self._begin = begin
        self._left = iter(events)
        self._next: Event | DeviceGone | None = None
        self._error: RecordingError | None = None
        self._clock = clock
        self._start: int | None = None
        self._descriptor = os.eventfd(0)
        self._take()

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
        if self._start is None:
            return None
        if self._error is not None:
            return self._start  # it is to be told at once
        return self._start + self._next.at - self._begin if self._next is not None else None

    def read(self) -> Sequence[Event | DeviceGone]:
        """The events that are due, at the times at which they were due.

        Raises `DeviceError` where the recording cannot be read on: somebody has changed it since it was checked.
        """
        due: list[Event | DeviceGone] = []
        while self._next is not None and (at := self.deadline()) is not None and at <= self._clock():
            due.append(msgspec.structs.replace(self._next, at=at))
            self._take()
        if self._error is not None and not due:
            raise DeviceError(str(self._error)) from self._error
        return due

    def snapshot(self) -> Sequence[Event]:
        """Nothing: what a recording has told is past."""
        return ()

    def resync(self) -> Sequence[Event | DeviceGone]:
        """What is due: a recording loses nothing."""
        return self.read()

    def report(self) -> MonitorReport:
        """The recording's name, until it has been played."""
        return MonitorReport(devices=(self._name,) if self._next is not None else ())

    def close(self) -> None:
        """Ends it."""
        os.close(self._descriptor)

    def _take(self) -> None:
        try:
            self._next = next(self._left, None)
        except RecordingError as error:
            self._next, self._error = None, error

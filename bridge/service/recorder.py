"""A recording in the making: monitors in, lines out, until an end. It opens no monitor, and no file to write to.

Every turn gives whole lines, so that what is written of a recording is one, whenever it is ended.
"""

import logging
import select
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from bridge.errors import DeviceError
from bridge.mapping.interest import Interest
from bridge.model.checks import Checks
from bridge.model.events import DeviceGone, Event, Origin
from bridge.monitors.monitor import Clock, DescribingMonitor, Description, Monitor, TimedMonitor
from bridge.service.blank_keys import blank_description, blank_events
from bridge.service.installed import source_of
from bridge.service.recorded_lines import event_lines, header_line
from bridge.service.timeline import Timeline, Told
from bridge.sources import SOURCES

log = logging.getLogger("bridge")
_LONGEST_WAIT = 3_600_000
"""Milliseconds; poll(2) takes no more than an int of them."""


@dataclass(frozen=True, slots=True)
class Everything:
    """What asks for every event of a source, with the fields that every event has."""

    match: Checks = ()

    def asked_fields(self) -> frozenset[str]:
        """None: attributes and properties of ancestors are read only where a rule names them."""
        return frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """When a recording is over by itself: at the first of these. None is never.

    `span` are microseconds since it began, `quiet` microseconds without an event; `count` are events that were not
    found at the start of a device.
    """

    span: int | None = None
    count: int | None = None
    quiet: int | None = None


class Recorder:
    """Monitors, and the lines of what they tell; `blank` makes unreadable what was typed.

    The recording's time begins when it is made, at 0. A monitor that fails is named in the log, and closed.
    """

    def __init__(self, monitors: Mapping[str, Monitor], *, clock: Clock, ends: Ends, blank: bool = False) -> None:
        self._monitors = dict(monitors)
        self._clock = clock
        self._ends = ends
        self._blank = blank
        self._began = self._came = clock()
        self._timeline = Timeline(self._began)
        self._counted = 0

    @property
    def monitors(self) -> Mapping[str, Monitor]:
        """Those that are listened to, by the names of their sources."""
        return self._monitors

    def begin(self, interest: Callable[[str], Interest], about: Mapping[str, object]) -> bytes:
        """Starts to watch what `interest` says of each source; returns the header, and the lines of what was found.

        `about` is what the header says besides sources and devices. Devices that only events tell of are counted.
        """
        watched = [(name, partial(each.watch, interest(source_of(name)))) for name, each in self._monitors.items()]
        found = {name: self._told(name, watch) for name, watch in watched}
        header = self._header(about, found)
        # What came while other monitors began is earlier than what those found.
        told = [[*found[name], *self._told(name, each.read)] for name, each in [*self._monitors.items()]]
        return _bytes([header, *self._lines(told)])

    def read(self, names: Collection[str]) -> bytes:
        """The lines of what these monitors have to tell, and of what others have by their deadlines."""
        asked = [(name, each) for name, each in self._monitors.items() if name in names or self._is_due(each)]
        return _bytes(self._lines([self._told(name, monitor.read) for name, monitor in asked]))

    def left(self) -> int | None:
        """The microseconds until something is to be done though no monitor can be read; None if nothing is."""
        timed = (monitor.deadline() for monitor in self._monitors.values() if isinstance(monitor, TimedMonitor))
        deadlines = [at for at in (*timed, *self._ends_at()) if at is not None]
        return max(0, min(deadlines) - self._clock()) if deadlines else None

    def is_over(self) -> bool:
        """Whether an end is reached, or no monitor is left."""
        return not self._monitors or self._is_full() or any(self._clock() >= at for at in self._ends_at())

    def close(self) -> None:
        """Closes the monitors."""
        for name in [*self._monitors]:
            self._monitors.pop(name).close()

    def _ends_at(self) -> Iterator[int]:
        if self._ends.span is not None:
            yield self._began + self._ends.span
        if self._ends.quiet is not None:
            yield self._came + self._ends.quiet

    def _is_full(self) -> bool:
        return self._ends.count is not None and self._counted >= self._ends.count

    def _is_due(self, monitor: Monitor) -> bool:
        at = monitor.deadline() if isinstance(monitor, TimedMonitor) else None
        return at is not None and at <= self._clock()

    def _told(self, name: str, ask: Callable[[], Told]) -> Told:
        try:
            told = ask()
        except DeviceError as error:
            self._failed(name, error)
            return ()
        return blank_events(told) if self._blank else told

    def _described(self, name: str, monitor: Monitor) -> Sequence[Description]:
        try:
            return monitor.describe() if isinstance(monitor, DescribingMonitor) else ()
        except DeviceError as error:
            self._failed(name, error)
            return ()

    def _failed(self, name: str, error: DeviceError) -> None:
        log.error("%s: %s; it is not recorded", name, error)
        self._monitors.pop(name).close()

    def _header(self, about: Mapping[str, object], found: Mapping[str, Told]) -> str:
        devices: list[Description] = []
        others = 0
        for name, monitor in [*self._monitors.items()]:
            described = self._described(name, monitor)
            devices += described
            if not described and name in self._monitors:
                others += len({device for event in found[name] if (device := _device_of(event))})
        shown = [blank_description(device) for device in devices] if self._blank else devices
        sources = [*dict.fromkeys(map(source_of, self._monitors))]
        return header_line({**about, "sources": sources, "other-devices": others}, shown)

    def _lines(self, told: Iterable[Told]) -> list[str]:
        events = []
        for event in self._timeline.place(told):
            if self._is_full():
                break
            self._counted += isinstance(event, DeviceGone) or event.origin is not Origin.START
            events.append(event)
        if events:
            self._came = self._clock()
        return event_lines(events)


def record(recorder: Recorder, write: Callable[[bytes], None], stop: int) -> None:
    """Writes what comes until an end, or until the descriptor `stop` is readable; what has come by then, too."""
    while not recorder.is_over():
        ready = _wait(recorder, stop)
        if stop in ready:
            break
        write(recorder.read([name for name, monitor in recorder.monitors.items() if monitor.fileno() in ready]))
    write(recorder.read(recorder.monitors))


def _wait(recorder: Recorder, stop: int) -> set[int]:
    """The descriptors that can be read, at the deadline at the latest."""
    waiting = select.poll()
    for descriptor in (stop, *(monitor.fileno() for monitor in recorder.monitors.values())):
        waiting.register(descriptor, select.POLLIN)
    left = recorder.left()
    milliseconds = None if left is None else min(-(-left // 1000), _LONGEST_WAIT)
    return {descriptor for descriptor, _ in waiting.poll(milliseconds)}


def _device_of(event: Event | DeviceGone) -> str:
    return event.owner if isinstance(event, DeviceGone) else SOURCES[event.source].subject(event.fields)[0]


def _bytes(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()

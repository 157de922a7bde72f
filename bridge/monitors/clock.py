"""The clock of the machine: another zone or offset in force, a wall clock that is set, sleep. A part of `system`.

Nothing is asked again and again: inotify tells of the zone's files, and one timer of the kernel goes off when the
offset changes next, when the wall clock is set, and after sleep. What others missed meanwhile is not repaired here.
"""

import logging
import select
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bridge.mapping.interest import Interest
from bridge.model.events import Event, Field, Origin
from bridge.monitors.clock_readings import ClockReadings, read_clocks
from bridge.monitors.local_time import LocalTime, ZonePlaces, read_local_time
from bridge.monitors.monitor import Clock, LiveSource, MonitorReport, Settings
from bridge.monitors.timer_descriptor import NEVER, Rang, TimerClock, TimerDescriptor
from bridge.monitors.watched_paths import WatchedPaths
from bridge.sources.system import SYSTEM
from bridge.sources.time_zone import TimeZone, time_zone

_log = logging.getLogger("bridge.monitors.clock")

ZONE, STEP, RESUME = TELLS = ("TimeZoneChange", "ClockStep", "Resume")
LEAST = 100_000
"""Microseconds of a step, or of sleep, that are told. Smaller ones add up until they are."""
QUIET = 100_000
"""Microseconds after the last change of a file until the zone is looked at: `ln -sf` and `cp` are several changes."""
PATIENCE = 1_000_000
"""And at most so many after the first one."""
_SECOND = 1_000_000


class WallTimer(Protocol):
    """A timer on the wall clock that says when this is set: see `TimerDescriptor`."""

    def fileno(self) -> int:
        """Readable when `read` has something to say."""

    def set(self, at: int | None) -> Rang:
        """Goes off at `at` microseconds since 1970."""

    def read(self) -> Rang:
        """What it has to say, once."""

    def close(self) -> None:
        """Ends it."""


def _wall_timer() -> WallTimer:
    return TimerDescriptor(TimerClock.WALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Whose clock it is: this machine's, if nothing else is said."""

    clocks: Callable[[], ClockReadings] = read_clocks
    timer: Callable[[], WallTimer] = _wall_timer
    places: ZonePlaces = field(default_factory=ZonePlaces)


def open_monitor(*, clock: Clock, settings: Settings) -> "ClockMonitor":
    """The monitor of this machine's clock; there are no settings. Raises `DeviceError` if no timer is to be had."""
    return ClockMonitor(clock=clock, machine=Machine())


class ClockMonitor:
    """A `TimedMonitor`, which has a deadline only while somebody changes the zone's files."""

    def __init__(self, *, clock: Clock, machine: Machine) -> None:
        """Watches nothing yet."""
        self._clock = clock
        self._machine = machine
        self._timer = machine.timer()
        self._epoll = select.epoll()
        self._epoll.register(self._timer.fileno(), select.EPOLLIN)
        self._steps = _Steps(machine.clocks())
        self._asked: frozenset[str] = frozenset()
        self._files: _ZoneFiles | None = None
        self._zone: TimeZone | None = None
        self._lost = 0

    def fileno(self) -> int:
        """An epoll over the timer and the watched files."""
        return self._epoll.fileno()

    def watch(self, interest: Interest) -> Sequence[Event]:
        """Watches what `interest` asks for: the zone's files only for `TimeZoneChange`.

        Tells what has come for those who asked before, and the zone in force to who asks for it anew (origin `start`).
        """
        asked = frozenset(name for name in TELLS if interest.may_ask("name", name))
        told = list(self.read())
        if ZONE not in asked:
            self._forget_zone()
        elif self._files is None:
            self._files = _ZoneFiles(self._machine.places)
            self._epoll.register(self._files.fileno(), select.EPOLLIN)
            told += self._look(Origin.START)
        if not self._asked:
            self._steps = _Steps(self._machine.clocks())
        self._asked = asked
        told += self._set_timer()
        return [event for event in told if event.fields["name"] in asked]

    def read(self) -> Sequence[Event]:
        """Sleep, then by how much the wall clock was set, then the zone, where that is another now."""
        ready = {descriptor for descriptor, _ in self._epoll.poll(0)}
        is_due = self._timer.fileno() in ready and self._timer.read() is not Rang.NOT_YET
        told = self._moved()
        if self._files is not None:
            if self._files.fileno() in ready and self._files.read(self._clock()):
                self._lost += 1
                _log.warning("changes of the zone's files were lost, inotify's queue was full: they are looked at")
            origin = self._files.settled(self._clock())
            if origin is not None or ((is_due or told) and self._files.deadline is None):
                told += self._look(origin or Origin.LIVE)
        if is_due or told:
            told += self._set_timer()
        return told

    def deadline(self) -> int | None:
        """When what is done to the zone's files counts as done, or None."""
        return self._files.deadline if self._files is not None else None

    def snapshot(self) -> Sequence[Event]:
        """The zone as it was told last, if it is asked for: the rest are moments."""
        return [self._zone_event(self._zone, Origin.START)] if self._zone is not None else []

    def resync(self) -> Sequence[Event]:
        """What has come, and the zone and the offset, should they be otherwise though nothing said so."""
        told = list(self.read())
        if self._files is not None:
            self._files.settle()
            told += self._look(Origin.RESYNC)
        return [*told, *self._set_timer()]

    def report(self) -> MonitorReport:
        """The zone in force, why it may be UTC, and how often inotify's queue was too short."""
        zone = () if self._zone is None else (f"zone {self._zone.zone}, {_shown(self._zone.offset)}",)
        refused = self._files.refused if self._files is not None else ()
        return MonitorReport(devices=zone, refused=tuple(refused), lost=self._lost)

    def close(self) -> None:
        """Closes the timer, and no file is watched any more."""
        self._forget_zone()
        self._timer.close()
        self._epoll.close()

    def _forget_zone(self) -> None:
        if self._files is not None:
            self._epoll.unregister(self._files.fileno())
            self._files.close()
        self._files = self._zone = None

    def _set_timer(self) -> Sequence[Event]:
        """Sets the timer to the next change of the offset; tells if the clock was set in between."""
        told: list[Event] = []
        while self._timer.set(NEVER if self._zone is None else self._zone.until * _SECOND) is Rang.CLOCK_SET:
            told += self._moved()
            told += self._look(Origin.LIVE) if self._files is not None else ()
        return told

    def _moved(self) -> list[Event]:
        """What the clocks show to have been between the last look at them and now."""
        at = self._clock()
        moved = self._steps.since(self._machine.clocks())
        return [_event(name, at, Origin.LIVE, value=value) for name, value in moved if name in self._asked]

    def _look(self, origin: Origin) -> Sequence[Event]:
        """Looks at the zone; tells it if it is another, or another offset is in force."""
        assert self._files is not None, "who looks at the zone watches it"
        before = self._zone
        self._zone = zone = self._files.zone(self._machine.clocks().wall // _SECOND)
        is_same = before is not None and (before.zone, before.offset) == (zone.zone, zone.offset)
        return () if is_same else (self._zone_event(zone, origin),)

    def _zone_event(self, zone: TimeZone, origin: Origin) -> Event:
        return _event(ZONE, self._clock(), origin, zone=zone.zone, offset=zone.offset)


class _Steps:
    """By how much clocks have moved against each other, since that was last told."""

    def __init__(self, shown: ClockReadings) -> None:
        self._shown = shown
        self._asleep, self._started = shown.asleep, shown.started

    def since(self, shown: ClockReadings) -> Iterator[tuple[str, int]]:
        """Sleep, and by how much the wall clock was set, as names and values of events."""
        slept, step = shown.asleep - self._asleep, shown.started - self._started
        if slept > LEAST:
            self._asleep = shown.asleep
            yield RESUME, slept
        if abs(step) > LEAST:  # against the clock that counts sleep, so that sleep is no step
            self._started = shown.started
            yield STEP, step


class _ZoneFiles:
    """The files that say which zone holds; what is done to them counts when it is over."""

    def __init__(self, places: ZonePlaces) -> None:
        self._places = places
        self._watched = WatchedPaths((places.localtime, places.timezone))
        self._refused: str | None = None
        self._since: int | None = None
        self._is_behind = False
        self.deadline: int | None = None

    @property
    def refused(self) -> Iterable[str]:
        """What cannot be watched, and what is wrong with the zone file."""
        return (*self._watched.refused, *((self._refused,) if self._refused is not None else ()))

    def fileno(self) -> int:
        return self._watched.fileno()

    def read(self, now: int) -> bool:
        """Hears what was done to the files; whether some of that was lost."""
        changes = self._watched.read()
        if changes.paths:
            self._since = now if self._since is None else self._since
            self.deadline = min(now + QUIET, self._since + PATIENCE)
            self._is_behind |= changes.lost
        return changes.lost

    def settled(self, now: int) -> Origin | None:
        """How a change that is over came to be known; None while there is none."""
        if self.deadline is None or self.deadline > now:
            return None
        origin = Origin.RESYNC if self._is_behind else Origin.LIVE
        self.settle()
        return origin

    def settle(self) -> None:
        """Nothing is waited for any more."""
        self._since = self.deadline = None
        self._is_behind = False

    def zone(self, at: int) -> TimeZone:
        """The zone in force `at` so many seconds since 1970; UTC where the file is none, as for libc."""
        found: LocalTime = read_local_time(self._places)
        self._refused = found.refused
        try:
            return time_zone(found.name, found.content, at)
        except ValueError as error:
            self._refused = f"{self._places.localtime}: {error}: UTC holds"
            return time_zone(found.name, b"", at)

    def close(self) -> None:
        self._watched.close()


def _event(name: str, at: int, origin: Origin, **fields: Field) -> Event:
    return Event(SYSTEM.name, at, SYSTEM.checked({"name": name, **fields}), origin)


def _shown(offset: int) -> str:
    """The offset as people write it: `UTC+05:30`."""
    hours, minutes = divmod(abs(offset) // 60, 60)
    return f"UTC{'-' if offset < 0 else '+'}{hours:02}:{minutes:02}"


LIVE = LiveSource(source=SYSTEM, open=open_monitor, tells=frozenset(TELLS))

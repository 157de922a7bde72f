"""A monitor as the service opens it: whatever goes wrong in it is a `DeviceError` that names it. It listens to nothing.

What plugins tell is looked at, too, since nothing behind here expects an event that cannot be.
"""

import logging
import os
import select
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from bridge.errors import DeviceError, InvalidValueError
from bridge.mapping.interest import Interest
from bridge.model.events import DeviceGone, Event, Origin
from bridge.monitors.monitor import (
    Clock,
    DescribingMonitor,
    Description,
    LiveSource,
    Monitor,
    MonitorReport,
    Settings,
    TimedMonitor,
)
from bridge.recording.jsonl import line_of_header
from bridge.recording.record import checked_fields
from bridge.sources import SOURCES

log = logging.getLogger("bridge")
T = TypeVar("T")
Told = Sequence[Event | DeviceGone]
_METHODS = frozenset(name for name in vars(Monitor) if not name.startswith("_"))


def guarded(ask: Callable[[], T]) -> T:
    """What `ask` gives. Raises `DeviceError`, whatever it raises."""
    try:
        return ask()
    except DeviceError:
        raise
    except (Exception, SystemExit) as error:  # code of others too: one monitor takes nothing down with it
        raise DeviceError(f"{type(error).__name__}: {error} (a mistake in its code, {_place_of(error)})") from error


def _place_of(error: BaseException) -> str:
    """Where it was raised, as `monitor.py:42`: whoever wrote the monitor can find it there."""
    last = error.__traceback__
    assert last is not None, "it was raised"
    while last.tb_next is not None:
        last = last.tb_next
    return f"{os.path.basename(last.tb_frame.f_code.co_filename)}:{last.tb_lineno}"


def open_monitor(live: LiveSource, *, clock: Clock, settings: Settings, is_foreign: bool) -> "OpenedMonitor":
    """Opens a monitor, which watches nothing yet. Raises `DeviceError`, and leaves nothing open then."""
    monitor: object = guarded(lambda: live.open(clock=clock, settings=settings))
    if not isinstance(monitor, Monitor):
        lacking = ", ".join(sorted(name for name in _METHODS if not hasattr(monitor, name)))
        raise DeviceError(f"what it opens is no monitor: {type(monitor).__name__} has no {lacking}")
    try:
        fileno = guarded(lambda: _pollable(monitor.fileno()))
    except DeviceError:
        OpenedMonitor(monitor, -1, clock=clock, is_foreign=is_foreign).close()
        raise
    return OpenedMonitor(monitor, fileno, clock=clock, is_foreign=is_foreign)


def _pollable(fileno: object) -> int:
    """The descriptor, if it can be waited for. Raises `DeviceError` for one of a file, or that is none."""
    if not isinstance(fileno, int):
        raise DeviceError(f"its descriptor is {fileno!r}, not an integer")
    try:
        with select.epoll() as waiting:
            waiting.register(fileno, select.EPOLLIN)
    except (OSError, OverflowError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DeviceError(f"its descriptor {fileno} cannot be waited for: {reason}") from error
    return fileno


class OpenedMonitor:
    """A monitor whose every method raises `DeviceError` or nothing; with `is_foreign` what it tells is looked at."""

    def __init__(self, monitor: Monitor, fileno: int, *, clock: Clock, is_foreign: bool) -> None:
        self._monitor = monitor
        self._clock = clock
        self._fileno = fileno
        self._failure: DeviceError | None = None
        self._is_foreign = is_foreign
        self._deadline = monitor.deadline if isinstance(monitor, TimedMonitor) else None
        self._describe = monitor.describe if isinstance(monitor, DescribingMonitor) else None

    def fileno(self) -> int:
        """The monitor's, as it was when it was opened."""
        return self._fileno

    def watch(self, interest: Interest) -> Told:
        """As the monitor's."""
        return self._told(lambda: self._monitor.watch(interest))

    def read(self) -> Told:
        """As the monitor's."""
        return self._told(self._monitor.read)

    def snapshot(self) -> Sequence[Event]:
        """As the monitor's."""
        return [each for each in self._told(self._monitor.snapshot) if isinstance(each, Event)]

    def resync(self) -> Told:
        """As the monitor's."""
        return self._told(self._monitor.resync)

    def deadline(self) -> int | None:
        """As the monitor's, None for one that has none. Where that goes wrong it is now, and `read` says so."""
        try:
            return _time(guarded(self._deadline)) if self._deadline is not None else None
        except DeviceError as error:
            self._failure = error
            return 0

    def describe(self) -> Sequence[Description]:
        """As the monitor's; nothing for one that describes none."""
        describe = self._describe
        return guarded(lambda: _descriptions(describe())) if describe is not None else ()

    def report(self) -> MonitorReport:
        """As the monitor's, or what is wrong with that."""
        try:
            return guarded(lambda: _report(self._monitor.report()))
        except DeviceError as error:
            return MonitorReport(refused=(str(error),))

    def close(self) -> None:
        """Ends it; if that goes wrong, it is only logged."""
        try:
            guarded(self._monitor.close)
        except DeviceError as error:
            log.error("a monitor cannot be closed: %s", error)

    def _told(self, ask: Callable[[], Told]) -> Told:
        if self._failure is not None:
            raise self._failure
        told = guarded(ask)
        return guarded(lambda: [_checked(each, self._clock()) for each in told]) if self._is_foreign else told


def _time(deadline: object) -> int | None:
    """When a monitor wants to be read, if that is a time. Raises `DeviceError`."""
    if deadline is not None and type(deadline) is not int:
        raise DeviceError(f"its deadline is {deadline!r}, not an integer of microseconds, or None")
    return deadline


def _report(report: object) -> MonitorReport:
    """What a monitor says of itself, if it is that. Raises `DeviceError`."""
    if not isinstance(report, MonitorReport):
        raise DeviceError(f"its report is no MonitorReport, but {type(report).__name__}")
    lists = (report.devices, report.refused)
    are_texts = all(isinstance(each, tuple) and all(isinstance(line, str) for line in each) for each in lists)
    if not are_texts or type(report.lost) is not int:
        raise DeviceError(f"its report cannot be: {report}")
    return report


def _descriptions(described: Sequence[Description]) -> Sequence[Description]:
    """What a monitor says of its devices, if a recording can have it. Raises `DeviceError`."""
    try:
        if not all(isinstance(device, Mapping) for device in described):
            raise TypeError("a device is described by a mapping")
        line_of_header({"devices": described})
    except (TypeError, ValueError) as error:
        raise DeviceError(f"its descriptions of devices cannot be: {error}") from error
    return described


def _checked(told: object, now: int) -> Event | DeviceGone:
    """What a plugin told by `now`, if it can be. Raises `DeviceError`."""
    if not isinstance(told, Event | DeviceGone) or told.source not in SOURCES:
        raise DeviceError(f"it told {told!r}, which is no event of a source that there is")
    if type(told.at) is not int or not 0 <= told.at <= now:
        meant = f"at is an integer of microseconds by the clock that it was given, which is at {now}"
        raise DeviceError(f"it told an event of {told.source} at {told.at!r}: {meant}")
    if isinstance(told, DeviceGone):
        if not isinstance(told.owner, str):
            raise DeviceError(f"it told that a device of {told.source} is gone, {told.owner!r}, which is no text")
        return told
    if not isinstance(told.origin, Origin):
        raise DeviceError(f"it told an event of {told.source} with the origin {told.origin!r}, which is no Origin")
    source = SOURCES[told.source]
    try:
        subject = source.subject(checked_fields(source, told.fields))
    except InvalidValueError as error:
        raise DeviceError(f"it told an event of {source.name} that cannot be: {error}") from error
    if not isinstance(subject, tuple) or [type(each) for each in subject] != [str, str]:
        raise DeviceError(f"the subject of an event of {source.name} is {subject!r}, not two texts")
    return told

"""What every monitor promises to the service. No monitor stands here.

A monitor is made by the factory that its entry point in the group `bridge.monitors` names:
`open_monitor(*, clock, settings) -> Monitor`, `clock` giving CLOCK_MONOTONIC in microseconds, `settings` being the
table of hwbridge.toml with the source's name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from bridge.mapping.interest import Interest
from bridge.model.events import DeviceGone, Event

Clock = Callable[[], int]
Settings = Mapping[str, object]
Description = Mapping[str, object]
"""One device as the header of a recording shows it: values that JSON has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorReport:
    """What a monitor has open, what it may not open (a line each), and how often events were lost and repaired."""

    devices: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    lost: int = 0


class Monitor(Protocol):
    """A live source of events.

    One that has something to tell at a time of its own, rather than when a descriptor says so, is a `TimedMonitor`.
    """

    def fileno(self) -> int:
        """A descriptor that is readable when `read` has something to tell."""

    def watch(self, interest: Interest) -> Sequence[Event | DeviceGone]:
        """Watches what `interest` asks for, from now on and instead of what was asked before.

        Subscribes first and lists second, so that nothing falls between; returns the state found (origin `start`).
        """

    def read(self) -> Sequence[Event | DeviceGone]:
        """Everything that has come, in order, without waiting."""

    def snapshot(self) -> Sequence[Event]:
        """The present state of everything watched, with origin `start`."""

    def report(self) -> MonitorReport:
        """What `hwbridge status` shows of this monitor."""

    def close(self) -> None:
        """Ends it; no descriptor stays open."""


@runtime_checkable
class TimedMonitor(Monitor, Protocol):
    """A monitor with a deadline."""

    def deadline(self) -> int | None:
        """When `read` has something to tell, in microseconds of the clock, or None."""


@runtime_checkable
class DescribingMonitor(Monitor, Protocol):
    """A monitor that knows more of its devices than their events say."""

    def describe(self) -> Sequence[Description]:
        """The devices that are watched now. It loses no event, and a device that goes meanwhile is left out."""

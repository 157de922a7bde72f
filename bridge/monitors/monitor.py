"""What every monitor promises to the service. No monitor stands here.

Each has an entry point in the group `bridge.monitors`, which names a `LiveSource`. The entry point is called as the
source (`udev`), or, where several monitors tell of one source, as the source and a part of it (`system.power`). The
last part is also the name of the table in hwbridge.toml that its settings stand in.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from bridge.mapping.interest import Interest
from bridge.model.events import DeviceGone, Event
from bridge.sources.source import Source
from bridge.toml.schema import Table

Clock = Callable[[], int]
"""Gives CLOCK_MONOTONIC in microseconds."""
Settings = Mapping[str, object]
Description = Mapping[str, object]
"""One device as the header of a recording shows it: values that JSON has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorReport:
    """What a monitor has open, what it may not open (a line each), and how often something was lost."""

    devices: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    lost: int = 0


@runtime_checkable
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

    def resync(self) -> Sequence[Event | DeviceGone]:
        """What has come, and then what a look at everything shows to be otherwise than was told (origin `resync`).

        It is asked for after the machine slept, when nobody knows what the kernel could not tell.
        """

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


class OpenMonitor(Protocol):
    """Opens a monitor, which watches nothing yet."""

    def __call__(self, *, clock: Clock, settings: Settings) -> Monitor:
        """`settings` are what `LiveSource.settings` gave. Raises `DeviceError` where there can be none."""


def no_settings(table: Table) -> Settings:
    """Reads the table of a monitor that has no settings; whatever stands in it is an error."""
    table.finish()
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSource:
    """What an entry point names: of which source the events are, and how their monitor is opened.

    `settings` reads its table in hwbridge.toml, and is given an empty one where there is none. `tells` are the values
    of the source's field `name` that this monitor has, where others have the rest of them.
    """

    source: Source
    open: OpenMonitor
    settings: Callable[[Table], Settings] = no_settings
    tells: frozenset[str] | None = None

    def is_asked(self, interest: Interest) -> bool:
        """Whether anything asks for what this monitor can tell."""
        if self.tells is None:
            return interest.asks() or self.source.names_triggers
        return any(interest.may_ask("name", name) for name in self.tells)

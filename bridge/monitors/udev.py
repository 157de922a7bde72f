"""Devices that come, go and change, as udevd (or without one the kernel) tells: the live source `udev`.

Nothing here decides what an event leads to. What several sockets hear is put in order in `merged`; what is told of it,
and what is known of a device between its events, is in `states` and `known`.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import msgspec
import pyudev

from bridge.errors import DeclarationError, DeviceError, InvalidValueError
from bridge.mapping.interest import Interest
from bridge.model.events import DeviceGone, Event
from bridge.monitors.merged import WHOLE_QUEUE, Filter, Heard, MergedSubscriptions, Subscription
from bridge.monitors.monitor import Clock, LiveSource, MonitorReport, Settings
from bridge.monitors.states import DeviceStates, Listing, Message, Told, messages_of
from bridge.monitors.uevents import GROUPS, SUBSYSTEMS_A_FILTER, UeventSocket, devices_there, group_in_force, is_there
from bridge.sources.udev import TAG, UDEV
from bridge.toml.schema import Table
from bridge.toml.values import choice

_log = logging.getLogger("bridge.monitors.udev")


class Machine(Protocol):
    """Where device events come from and where devices are listed: libudev, or what a test makes up."""

    @property
    def group(self) -> str:
        """`udev` or `kernel`."""

    def subscribe(self, one: Filter) -> Subscription:
        """Hears from now on what `one` lets pass; raises `DeviceError` where that is not possible."""

    def devices(self, one: Filter) -> Iterable[pyudev.Device]:
        """The devices that are there now and pass `one`; raises `DeviceError` where they cannot be listed."""

    def has(self, devpath: str) -> bool:
        """Whether a device is there now, listed or not."""


class Libudev(msgspec.Struct, frozen=True):
    """The machine that we run on."""

    group: str

    def subscribe(self, one: Filter) -> Subscription:
        """A netlink socket of its own."""
        return UeventSocket(group=self.group, subsystems=one.subsystems, tag=one.tag)

    def devices(self, one: Filter) -> Iterable[pyudev.Device]:
        """What libudev lists."""
        return devices_there(group=self.group, subsystems=one.subsystems, tag=one.tag)

    def has(self, devpath: str) -> bool:
        """What sysfs says."""
        return is_there(devpath)


def open_monitor(*, clock: Clock, settings: Settings) -> "UdevMonitor":
    """The monitor that `[udev]` of hwbridge.toml asks for: `group`, one of `auto` (the default), `udev`, `kernel`.

    Raises `DeclarationError` for anything else in `settings`.
    """
    problems = [f"[udev] {name}: unknown key, 'group' is the only one" for name in sorted(settings.keys() - {"group"})]
    asked = str(settings.get("group", "auto"))
    try:
        group = group_in_force(asked)
    except InvalidValueError as error:
        problems.append(f"[udev] {error}")
    if problems:
        raise DeclarationError(problems)
    if asked == "auto" and group == "kernel":
        _log.warning("no udevd runs here: device events come from the kernel, without udev's properties and tags")
    return UdevMonitor(clock=clock, machine=Libudev(group))


class UdevMonitor:
    """A `Monitor`: subscribes, lists, and lists again when the kernel could not queue what came."""

    def __init__(self, *, clock: Clock, machine: Machine) -> None:
        """Watches nothing yet."""
        self._clock = clock
        self._machine = machine
        self._subscriptions = MergedSubscriptions(machine.subscribe)
        self._states = DeviceStates()
        self._refused: str | None = None

    def fileno(self) -> int:
        """Readable when `read` has something to tell."""
        return self._subscriptions.fileno()

    def watch(self, interest: Interest) -> Sequence[Event | DeviceGone]:
        """Watches the devices with the tag `hwbridge`, and those of the subsystems that `interest` asks for.

        Tells what former sockets had still queued, then the devices newly watched (origin `start`, action `add`),
        then what was heard while they were listed. Raises `DeviceError`, with everything as it was, where a socket
        cannot be opened.
        """
        waiting = self._subscriptions.listen(self._filters(interest))
        self._states.ask(interest.attributes, interest.inherited)
        told = self._states.hear(messages_of(waiting.devices), self._clock())
        listing = self._list()
        told += self._states.start(listing, self._clock())
        told += self._states.hear(listing.heard, self._clock())
        filters = tuple(self._subscriptions.filters)
        self._states.keep(lambda properties: any(one.passes(properties) for one in filters))
        return told

    def read(self) -> Sequence[Event | DeviceGone]:
        """What has come, in the kernel's order; after a loss also what listing the devices shows to be otherwise."""
        return self._take(self._subscriptions.drain())

    def snapshot(self) -> Sequence[Event]:
        """Every device watched, as it is now."""
        return self._states.present(self._devices(), self._clock())

    def resync(self) -> Sequence[Event | DeviceGone]:
        """What has come, all of it, and what listing the devices shows to be otherwise."""
        told = self._take(self._subscriptions.drain(WHOLE_QUEUE))
        return told if self._subscriptions.is_behind else told + self._repair()

    def report(self) -> MonitorReport:
        """The sockets, whether devices could not be listed, and how often the kernel's queue was too short."""
        return MonitorReport(
            devices=tuple(sorted(f"group {self._machine.group}, {one}" for one in self._subscriptions.filters)),
            refused=() if self._refused is None else (self._refused,),
            lost=self._subscriptions.lost,
        )

    def close(self) -> None:
        """Closes every socket."""
        self._subscriptions.close()

    def _filters(self, interest: Interest) -> Iterator[Filter]:
        if self._machine.group == "udev":
            yield Filter(tag=TAG)
        if not interest.asks():
            return
        subsystems = interest.pinned("subsystem")
        if subsystems is None or len(subsystems) > SUBSYSTEMS_A_FILTER:
            yield Filter()
        elif subsystems:
            yield Filter(subsystems=subsystems)

    def _take(self, heard: Heard) -> Told:
        told = self._states.hear(messages_of(heard.devices), self._clock())
        if heard.is_repair_due:
            repaired = self._repair()
            found = self._refused or f"listing told {len(repaired)}"
            _log.warning("device events were lost, the kernel's queue was full: %s", found)
            told += repaired
        return told

    def _devices(self) -> dict[str, Message]:
        self._refused = None
        try:
            found = [device for one in self._subscriptions.filters for device in self._machine.devices(one)]
        except DeviceError as error:
            self._refused = str(error)
            return {}
        return {message.properties["DEVPATH"]: message for message in messages_of(found)}

    def _list(self) -> Listing:
        listed = self._devices()
        return Listing(listed, messages_of(self._subscriptions.drain(WHOLE_QUEUE).devices))

    def _repair(self) -> Told:
        self._subscriptions.start_over()
        listing = self._list()
        at = self._clock()
        if self._subscriptions.is_behind or self._refused is not None:  # lost again: `read` repairs; or no list
            return self._states.hear(listing.heard, at)
        repaired = self._states.repair(listing, at, self._machine.has)
        return repaired + self._states.hear(listing.heard, at)


def _load_settings(table: Table) -> Settings:
    settings = {"group": table.read("group", choice(*GROUPS), default="auto")}
    table.finish()
    return settings


LIVE = LiveSource(source=UDEV, open=open_monitor, settings=_load_settings)

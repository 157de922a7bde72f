"""Physical devices that arrive and leave: the live source `device`, told by the uevents of all their nodes.

What a plug is made of, and when it is over, is decided in `bridge.sources.folding`. No device is opened here: that
may reset what hangs on a serial port, or start a watchdog; whether we may open one is asked of the kernel (access(2)).
"""

import logging
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import pyudev

from bridge.errors import DeviceError
from bridge.mapping.interest import Interest
from bridge.model.durations import format_duration, parse_duration
from bridge.model.events import DeviceGone, Event, Fields, Origin
from bridge.monitors.merged import WHOLE_QUEUE, Filter, Heard, MergedSubscriptions, Subscription
from bridge.monitors.monitor import Clock, LiveSource, MonitorReport, Settings
from bridge.monitors.states import Message, messages_of
from bridge.monitors.udev import Libudev
from bridge.monitors.uevents import GROUPS, context, devices_there, group_in_force
from bridge.sources.device import DEVICE
from bridge.sources.folding import Folding, Sight
from bridge.sources.physical import NEVER_A_PART, Node, may_be_part, node_of
from bridge.toml.schema import Table
from bridge.toml.values import choice, text_as

_log = logging.getLogger("bridge.monitors.device")
SETTLE = "500ms"
MOST = "5s"
EVERYTHING = Filter()
_TELLING = frozenset({"state", "nodes", "since"})
"""Fields that do not say which device it is, or say it only later."""


class Machine(Sight, Protocol):
    """Where uevents come from, and where devices and their nodes are looked at: libudev, or what a test makes up."""

    def subscribe(self, one: Filter) -> Subscription:
        """Hears from now on what `one` lets pass; raises `DeviceError` where that is not possible."""

    def all_devices(self) -> Sequence[Message]:
        """All that is there now and may be part of a device; raises `DeviceError` where it cannot be listed."""

    def is_initialised(self, message: Message) -> bool:
        """Whether udevd is done with a listed device."""


class ThisMachine(Libudev, frozen=True):
    """The machine that we run on."""

    def all_devices(self) -> Sequence[Message]:
        """What libudev lists, also what udevd is not done with."""
        return messages_of(filter(_may_be_part, devices_there(group="kernel", but=NEVER_A_PART)))

    def is_initialised(self, message: Message) -> bool:
        """What udevd wrote down; of what has no node it may write nothing."""
        if self.group == "kernel" or not {"DEVNAME", "IFINDEX"} & message.properties.keys():
            return True
        return bool(message.device.is_initialized)

    def below(self, devpath: str) -> Iterable[str]:
        """What sysfs has there with a subsystem, which is what the kernel tells of (drivers/base/core.c)."""
        top = context().sys_path
        for folder, folders, files in os.walk(f"{top}{devpath}"):
            if "uevent" in files and "subsystem" in folders:
                yield folder.removeprefix(top)

    def is_openable(self, devnode: str, number: str) -> bool:
        """What access(2) says, with the rights that we have in effect, to read or to write."""
        try:
            there = os.stat(devnode)
        except OSError:
            return False
        if not (stat.S_ISCHR(there.st_mode) or stat.S_ISBLK(there.st_mode)):
            return False
        if f"{os.major(there.st_rdev)}:{os.minor(there.st_rdev)}" != number:
            return False
        return any(os.access(devnode, way, effective_ids=True) for way in (os.R_OK, os.W_OK))


def open_monitor(*, clock: Clock, settings: Settings) -> "DeviceMonitor":
    """The monitor that `[device]` of hwbridge.toml asks for: who tells of devices, and how long it waits."""
    group = group_in_force(str(settings.get("group", "auto")))
    return DeviceMonitor(clock=clock, machine=ThisMachine(group), settings=settings)


class DeviceMonitor:
    """A `TimedMonitor`: hears every uevent, and lists all devices again when the kernel could not queue some.

    While nobody asks for devices it hears nothing.
    """

    def __init__(self, *, clock: Clock, machine: Machine, settings: Settings) -> None:
        """Watches nothing yet."""
        self._clock = clock
        self._machine = machine
        self._settle_time, self._most = _times(settings)
        self._subscriptions = MergedSubscriptions(machine.subscribe)
        self._folding: Folding | None = None
        self._not_listed: str | None = None
        self._unready: dict[str, str] = {}

    def fileno(self) -> int:
        """Readable when a uevent waits."""
        return self._subscriptions.fileno()

    def watch(self, interest: Interest) -> Sequence[Event | DeviceGone]:
        """Tells what has settled of the devices that `interest` asks for and that were not told yet."""
        if not interest.asks():
            self._subscriptions.listen(())
            self._folding = None
            self._unready.clear()
            return []
        waiting = self._subscriptions.listen((EVERYTHING,))
        if self._folding is None:
            self._folding = Folding(quiet=self._settle_time, most=self._most)
            told = self._find(self._folding, Origin.START)
        else:
            told = self._hear(self._folding, waiting)
        told += self._folding.ask(_asked_by(interest), self._clock())
        return told + self._settled(self._folding)

    def read(self) -> Sequence[Event | DeviceGone]:
        """What left by what was heard, what has arrived by now, and after a loss what is otherwise than was told."""
        heard = self._subscriptions.drain()
        return self._take(self._folding, heard) if self._folding is not None else []

    def snapshot(self) -> Sequence[Event]:
        """The devices that were told and are there, with the nodes that they have now."""
        return self._folding.present(self._clock()) if self._folding is not None else []

    def resync(self) -> Sequence[Event | DeviceGone]:
        """What has come, all of it, and what listing all devices shows to be otherwise."""
        heard = self._subscriptions.drain(WHOLE_QUEUE)
        if self._folding is None:
            return []
        told = self._take(self._folding, heard)
        if self._subscriptions.is_behind:
            return told
        return told + self._find(self._folding, Origin.RESYNC) + self._settled(self._folding)

    def deadline(self) -> int | None:
        """When a device that settles may have settled."""
        return self._folding.deadline if self._folding is not None else None

    def report(self) -> MonitorReport:
        """The devices that were told, the nodes that held one back until the end, and how often uevents were lost."""
        return MonitorReport(
            devices=tuple(sorted(str(event.fields["id"]) for event in self.snapshot())),
            refused=(*filter(None, [self._not_listed]), *self._unready.values()),
            lost=self._subscriptions.lost,
        )

    def close(self) -> None:
        """Closes the socket."""
        self._subscriptions.close()

    def _take(self, folding: Folding, heard: Heard) -> list[Event | DeviceGone]:
        told = self._hear(folding, heard)
        if heard.is_repair_due:
            repaired = self._find(folding, Origin.RESYNC)
            found = self._not_listed or f"listing told {len(repaired)}"
            _log.warning("uevents were lost, the kernel's queue was full: %s", found)
            told += repaired
        return told + self._settled(folding)

    def _hear(self, folding: Folding, heard: Heard) -> list[Event | DeviceGone]:
        at = self._clock()
        told: list[Event | DeviceGone] = []
        for message in messages_of(filter(_may_be_part, heard.devices)):
            told += folding.hear(message.properties, at)
        return told

    def _find(self, folding: Folding, origin: Origin) -> list[Event | DeviceGone]:
        """Lists what is there, and then hears what came meanwhile. After another loss, `read` will list once more."""
        self._subscriptions.start_over()
        self._not_listed = None
        told: list[Event | DeviceGone] = []
        try:
            nodes = [self._node(message) for message in self._machine.all_devices()]
        except DeviceError as error:
            self._not_listed = str(error)
        else:
            told += folding.find(nodes, self._clock(), origin)
        return told + self._hear(folding, self._subscriptions.drain(WHOLE_QUEUE))

    def _node(self, message: Message) -> Node:
        return node_of(message.properties, is_initialised=self._machine.is_initialised(message))

    def _settled(self, folding: Folding) -> list[Event | DeviceGone]:
        told = folding.settle(self._clock(), self._machine)
        for event in told:
            self._note_unready(folding, event.fields)
        there = {str(event.fields["id"]) for event in folding.present(self._clock())} if self._unready else set()
        self._unready = {name: line for name, line in self._unready.items() if name in there}
        return [*told]

    def _note_unready(self, folding: Folding, fields: Fields) -> None:
        name = str(fields["id"])
        nodes = folding.unready(str(fields["devpath"]), self._machine)
        if not nodes:
            return
        self._unready[name] = (
            f"device {name}: told as arrived, but not ready after {format_duration(self._most)}: {' '.join(nodes)} "
            "(udevd is not done with it, or the user that hwbridge runs as may not open it: a udev rule can allow it)"
        )
        _log.warning("%s", self._unready[name])


def _may_be_part(device: pyudev.Device) -> bool:
    try:
        return may_be_part(device.device_path)
    except UnicodeDecodeError:  # pyudev decodes strictly; what is read of it later is not
        return True


def _asked_by(interest: Interest) -> Callable[[Fields], bool]:
    names = frozenset().union(*(asker.asked_fields() for asker in interest.askers)) - _TELLING
    return lambda fields: interest.possible(fields, names)


def _times(settings: Settings) -> tuple[int, int]:
    settle, most = settings.get("settle", parse_duration(SETTLE)), settings.get("most", parse_duration(MOST))
    assert isinstance(settle, int)
    assert isinstance(most, int)
    return settle, most


def _load_settings(table: Table) -> Settings:
    group = table.read("group", choice(*GROUPS), default="auto")
    settle = table.read("settle", text_as(parse_duration), default=parse_duration(SETTLE))
    most = table.read("most", text_as(parse_duration), default=parse_duration(MOST))
    if most < settle:
        table.problem(f"{format_duration(most)} is less than settle, {format_duration(settle)}", "most")
    table.finish()
    return {"group": group, "settle": settle, "most": most}


LIVE = LiveSource(source=DEVICE, open=open_monitor, settings=_load_settings)

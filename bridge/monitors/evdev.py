"""The live source `evdev`: which input devices are open, and what they tell. It opens none that no rule can match.

Devices are found in sysfs and followed by uevents (`input_machine`); each open one is an `EvdevDevice`. Those whose
keys spell text tell events of the source `serial`, too.
"""

import errno
import logging
import select
from collections.abc import Sequence
from operator import attrgetter

import pyudev
from msgspec.structs import replace

from bridge.errors import DeviceError, InvalidValueError
from bridge.mapping.interest import Interest
from bridge.model.events import DeviceGone, Event, Origin
from bridge.monitors.evdev_device import EvdevDevice, Found, describe
from bridge.monitors.evdev_node import EV_ABS
from bridge.monitors.evdev_text import SpelledPorts
from bridge.monitors.input_asked import Asked, asked_of, declared_ports, inherited_names
from bridge.monitors.input_description import PROPERTIES, describe_input
from bridge.monitors.input_devices import is_event_name
from bridge.monitors.input_machine import Machine, ThisMachine, Uevents
from bridge.monitors.monitor import Clock, Description, LiveSource, MonitorReport, Settings
from bridge.monitors.uevents import GROUPS, property_of
from bridge.sources.evdev import EVDEV, InputIdentity
from bridge.toml.schema import Table
from bridge.toml.values import choice

_log = logging.getLogger("bridge.monitors.evdev")
_UEVENTS = ""
"""The key among what is refused of the subscription to uevents; every other is a devpath."""


def open_monitor(*, clock: Clock, settings: Settings) -> "EvdevMonitor":
    """The monitor of this machine's input devices; its one setting is `group`, who tells of devices that come.

    Raises `InvalidValueError` for another setting, or another group than there is.
    """
    for name in settings.keys() - {"group"}:
        raise InvalidValueError(f"[evdev] {name}: unknown key")
    return EvdevMonitor(clock=clock, machine=ThisMachine(str(settings.get("group", "auto"))))


class EvdevMonitor:
    """A `Monitor`: opens devices as they come and rules ask for them; each event lost is repaired by its device."""

    def __init__(self, *, clock: Clock, machine: Machine) -> None:
        """Watches nothing yet. `clock` gives CLOCK_MONOTONIC in microseconds, the clock of the kernel's events."""
        self._clock = clock
        self._machine = machine
        self._epoll = select.epoll()
        self._uevents: Uevents | None = None
        self._devices: dict[str, EvdevDevice] = {}
        self._refused: dict[str, str] = {}
        self._interest = Interest("evdev", ())
        self._pinned: frozenset[str] | None = frozenset()
        self._ports = SpelledPorts()
        self._lost = 0

    def fileno(self) -> int:
        """An epoll over the uevents and all open devices."""
        return self._epoll.fileno()

    def watch(self, interest: Interest) -> Sequence[Event | DeviceGone]:
        """Opens what `interest` asks for, closes what it does not, and tells the state of what was not watched yet.

        A device that may not be read is reported, not raised; so is a machine that tells nothing of new devices.
        """
        self._interest, self._pinned = interest, interest.pinned("code")
        if not interest.asks():
            self._ports.declare(frozenset(), at=self._clock())
            return self._close_all()
        self._subscribe()
        return [*self._look_at_all(Origin.START), *self._ports.declare(declared_ports(interest), at=self._clock())]

    def read(self) -> Sequence[Event | DeviceGone]:
        """What has come: first from the devices, by time, then what became of devices that came and went."""
        ready = {descriptor for descriptor, _ in self._epoll.poll(0)}
        found: Found = []
        for devpath, device in [*self._devices.items()]:
            if device.fileno() in ready:
                found += self._closed_if_gone(devpath, device, device.read())
        if len(ready) > 1:
            found.sort(key=attrgetter("at"))
        if self._uevents is not None and self._uevents.fileno() in ready:
            found += self._follow(self._uevents)
        return found

    def snapshot(self) -> Sequence[Event]:
        """The last value of every wanted code that has one, device by device, and the ports that are spelled."""
        values = [event for device in self._devices.values() for event in device.snapshot()]
        return values + self._ports.snapshot(self._clock())

    def resync(self) -> Sequence[Event | DeviceGone]:
        """What has come, the devices that came or went, and the values that are others than was told."""
        if not self._interest.asks():
            return []
        self._subscribe()
        found = [*self.read(), *self._look_at_all(Origin.RESYNC)]
        for devpath, device in [*self._devices.items()]:
            found += self._closed_if_gone(devpath, device, device.resync())
        return found

    def report(self) -> MonitorReport:
        """The open devices, those that cannot be opened and why, and how often events were lost."""
        return MonitorReport(
            devices=tuple(device.summary for device in self._devices.values()),
            refused=(*self._refused.values(), *(each.refusal for each in self._devices.values() if each.refusal)),
            lost=self._lost + sum(device.lost for device in self._devices.values()),
        )

    def describe(self) -> Sequence[Description]:
        """The open devices: who they are, what they can send, and the state of what is watched."""
        return [described for devpath in self._devices if (described := self._describe(devpath)) is not None]

    def close(self) -> None:
        """Closes the devices, the uevents and the epoll."""
        self._close_all()
        self._epoll.close()

    def _describe(self, devpath: str) -> Description | None:
        there, device = self._machine.read(devpath), self._devices[devpath]
        if there is None:
            return None
        try:
            properties = self._machine.inherited(devpath, PROPERTIES)
        except DeviceError:  # what is not known of a device is left out
            properties = {}
        axes = device.axes(sorted(there.capabilities.get(EV_ABS, ())))
        return describe_input(there, properties=properties, axes=axes, state=device.snapshot())

    def _subscribe(self) -> None:
        if self._uevents is not None:
            return
        try:
            uevents = self._machine.subscribe()
        except DeviceError as error:
            self._refuse(_UEVENTS, f"input devices that come later are not seen: {error}")
            return
        self._epoll.register(uevents.fileno(), select.EPOLLIN)
        self._uevents = uevents
        self._refused.pop(_UEVENTS, None)

    def _unsubscribe(self) -> None:
        uevents, self._uevents = self._uevents, None
        if uevents is not None:
            self._epoll.unregister(uevents.fileno())
            uevents.close()

    def _follow(self, uevents: Uevents) -> Found:
        try:
            heard, dropped = uevents.read()
        except DeviceError as error:
            self._unsubscribe()
            self._refuse(_UEVENTS, f"input devices that come later are not seen: {error}")
            return []
        found: Found = []
        for device in heard:
            if is_event_name(device.sys_name):
                found += self._hear(device)
        if dropped:
            self._lost += 1
            _log.warning("uevents of input devices were lost, the kernel's queue was full: listing the devices")
            found += self._look_at_all(Origin.RESYNC)
        return found

    def _hear(self, uevent: pyudev.Device) -> Found:
        devpath = property_of(uevent, "DEVPATH") or ""
        # Who writes "remove" to a device's uevent file (udevadm trigger) does not take the device away.
        if uevent.action != "remove" or property_of(uevent, "SYNTH_UUID") is not None:
            return self._look_at(devpath, Origin.LIVE)
        self._refused.pop(devpath, None)
        device = self._devices.get(devpath)
        return self._closed_if_gone(devpath, device, device.read_rest()) if device is not None else []

    def _look_at_all(self, origin: Origin) -> Found:
        found: Found = []
        for devpath, device in [*self._devices.items()]:  # first, because a new device may have taken its node
            found += self._closed_if_gone(devpath, device, device.read())
        for devpath in dict.fromkeys([*self._devices, *self._machine.find()]):
            found += self._look_at(devpath, origin)
        return found

    def _look_at(self, devpath: str, origin: Origin) -> Found:
        """Opens, closes or leaves the device at `devpath`, as it is now and as rules ask for it now.

        `origin` is how it came to be known that a port is spelled.
        """
        there = self._machine.read(devpath)
        if there is None:
            self._refused.pop(devpath, None)
            return []
        try:
            inherited = self._machine.inherited(devpath, inherited_names(self._interest))
        except DeviceError as error:
            self._refuse(devpath, f"device {describe(there.identity)}: {error}")
            return []
        of_events = {name: value for name, value in inherited.items() if name in self._interest.inherited}
        identity = replace(there.identity, inherited=of_events)
        asked = asked_of(self._interest, identity.fields(), inherited, there.capabilities, pinned=self._pinned)
        device = self._devices.get(devpath)
        if not asked.asks():
            self._refused.pop(devpath, None)
            return self._close(devpath, device) if device is not None else []
        device = device or self._open(devpath, identity)
        return self._watch(devpath, device, identity, asked, origin) if device is not None else []

    def _watch(self, devpath: str, device: EvdevDevice, identity: InputIdentity, asked: Asked, origin: Origin) -> Found:
        found = device.watch(identity, asked)
        if not device.gone:
            found += self._ports.follow(devpath, asked.spells, at=self._clock(), origin=origin)
        return self._closed_if_gone(devpath, device, found)

    def _open(self, devpath: str, identity: InputIdentity) -> EvdevDevice | None:
        try:
            node = self._machine.open(identity.device)
        except OSError as error:
            if self._machine.has(devpath):  # else it went meanwhile
                self._refuse(devpath, _refusal(identity, error))
            return None
        if not self._machine.has(devpath):  # its node may be another device's by now
            node.close()
            return None
        self._refused.pop(devpath, None)
        self._epoll.register(node.fileno(), select.EPOLLIN)
        device = self._devices[devpath] = EvdevDevice(identity=identity, node=node, clock=self._clock)
        return device

    def _closed_if_gone(self, devpath: str, device: EvdevDevice, found: Found) -> Found:
        if device.gone:
            found += self._close(devpath, device)
        if device.failure is not None:
            line = f"device {describe(device.identity)}: closed until its next uevent ({device.failure})"
            self._refuse(devpath, line)
        return found

    def _close(self, devpath: str, device: EvdevDevice) -> Found:
        del self._devices[devpath]
        self._lost += device.lost
        # Not left to the kernel: a child that has just been forked may hold the node open a moment longer.
        self._epoll.unregister(device.fileno())
        device.close()
        return [*self._ports.follow(devpath, None, at=self._clock(), origin=Origin.LIVE)]

    def _close_all(self) -> Found:
        lost = [each for devpath, device in [*self._devices.items()] for each in self._close(devpath, device)]
        self._unsubscribe()
        self._refused.clear()
        return lost

    def _refuse(self, devpath: str, line: str) -> None:
        if self._refused.get(devpath) != line:
            _log.warning("%s", line)
        self._refused[devpath] = line


def _refusal(identity: InputIdentity, error: OSError) -> str:
    shown = f"device {describe(identity)}"
    if error.errno in (errno.EACCES, errno.EPERM):
        remedy = "add the user that hwbridge runs as to the group input, or run it as root"
        return f"{shown}: may not be read ({error.strerror}): {remedy}"
    return f"{shown}: cannot be opened ({error.strerror})"


def _load_settings(table: Table) -> Settings:
    settings = {"group": table.read("group", choice(*GROUPS), default="auto")}
    table.finish()
    return settings


LIVE = LiveSource(source=EVDEV, open=open_monitor, settings=_load_settings)

"""From messages about devices, and from lists of them, to events: told once each, with what is known of the device.

Nothing here opens a socket or lists devices; attributes and ancestors are read from those it is given.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec
import pyudev
from msgspec.structs import replace

from bridge.model.events import DeviceGone, Event, Origin
from bridge.monitors.known import Known, Properties, arrived, changed, differs, is_synthetic
from bridge.monitors.uevents import attribute_of, inherited_of, properties_of
from bridge.sources.device_fields import readable
from bridge.sources.udev import event_of_properties

Told = list[Event | DeviceGone]


class Message(NamedTuple):
    """A device as an event or a list shows it."""

    device: pyudev.Device
    properties: Properties


def messages_of(devices: Iterable[pyudev.Device]) -> list[Message]:
    """The devices with their properties, taken from libudev once."""
    return [Message(device, properties_of(device)) for device in devices]


class Listing(msgspec.Struct, frozen=True):
    """Devices that were `listed`, by devpath, and what was `heard` from before that until after it."""

    listed: Mapping[str, Message]
    heard: list[Message]

    def heard_of(self) -> Mapping[str, list[str]]:
        """What became of each devpath that was heard of: `add`, `remove`, or `change` for all that leaves it there."""
        heard: dict[str, list[str]] = {}
        for _, properties in self.heard:
            action = properties["ACTION"]
            if action == "move":
                heard.setdefault(properties.get("DEVPATH_OLD", ""), []).append("remove")
                action = "add"
            elif action not in ("add", "remove") or is_synthetic(properties):
                action = "change"
            heard.setdefault(properties["DEVPATH"], []).append(action)
        return heard


class DeviceStates:
    """What was told of every device that is watched, and what is to be told next."""

    def __init__(self) -> None:
        """Knows no device."""
        self._attributes: frozenset[str] = frozenset()
        self._inherited: frozenset[str] = frozenset()
        self._known: dict[str, Known] = {}
        self._ahead: dict[str, str] = {}  # devpath -> the action that a repair told and udevd may tell yet

    def ask(self, attributes: frozenset[str], inherited: frozenset[str]) -> None:
        """From now on events have these fields `attr.NAME` and `@NAME`."""
        self._attributes, self._inherited = attributes, inherited

    def keep(self, is_watched: Callable[[Properties], bool]) -> None:
        """Forgets the devices that are not watched."""
        self._known = {devpath: known for devpath, known in self._known.items() if is_watched(known.told)}

    def hear(self, messages: Iterable[Message], at: int) -> Told:
        """Events as they came."""
        return [told for message in messages for told in self._hear(message, at)]

    def start(self, listing: Listing, at: int) -> Told:
        """The listed devices that nothing is known of, up to what was heard meanwhile."""
        for devpath, (device, _) in listing.listed.items():
            if (known := self._known.get(devpath)) is not None:
                self._known[devpath] = replace(known, read=self._read(device, known.told, known.read))
        return self._new(listing, at, Origin.START)

    def repair(self, listing: Listing, at: int, is_there: Callable[[str], bool]) -> Told:
        """What differs between what was told and what was listed, up to what was heard meanwhile.

        `is_there` is asked about devices of kinds that are not listed.
        """
        self._ahead = {}
        told = self._gone(listing, at, is_there)
        told += self._new(listing, at, Origin.RESYNC)
        return told + self._changed(listing, at)

    def present(self, listed: Mapping[str, Message], at: int) -> list[Event]:
        """The listed devices as start events; nothing counts as told."""
        events = []
        for devpath, (device, properties) in listed.items():
            known = self._known.get(devpath)
            read = self._read(device, properties, known.read if known else {})
            events.append(self._event({**properties, "ACTION": "add"}, read, at, Origin.START))
        return events

    def _hear(self, message: Message, at: int) -> Told:
        device, properties = message
        told: Told = list(self._move(properties, at)) if properties["ACTION"] == "move" else []
        devpath = properties["DEVPATH"]
        known = self._known.pop(devpath, None)
        if self._was_told_ahead(properties, known):
            if known is not None:
                self._known[devpath] = known
            return told
        if properties["ACTION"] == "add" and not is_synthetic(properties):
            known = None  # whatever was there before is another device
        read = self._read(device, properties, known.read if known else {})
        if properties["ACTION"] == "remove":
            properties = {**known.kept, **properties} if known else properties
        else:
            self._known[devpath] = changed(known, properties, read) if known else arrived(properties, read)
        told.append(self._event(properties, read, at, Origin.LIVE))
        return told

    def _move(self, properties: Properties, at: int) -> Iterator[DeviceGone]:
        """Renames what is known. The kernel tells of the moved device only, and not of those below it."""
        new, former = properties["DEVPATH"], properties.get("DEVPATH_OLD", properties["DEVPATH"])
        if new == former:
            return
        self._known.pop(new, None)
        yield DeviceGone("udev", at, readable(former))
        for devpath in tuple(self._known):
            if f"{devpath}/".startswith(f"{former}/"):
                self._known[f"{new}{devpath.removeprefix(former)}"] = self._known.pop(devpath)
                if devpath != former:
                    yield DeviceGone("udev", at, readable(devpath))

    def _was_told_ahead(self, properties: Properties, known: Known | None) -> bool:
        action = properties["ACTION"]
        if self._ahead.pop(properties["DEVPATH"], None) != action or is_synthetic(properties):
            return False
        return action == "remove" or (known is not None and not differs(known, properties))

    def _new(self, listing: Listing, at: int, origin: Origin) -> Told:
        told: Told = []
        heard_of = listing.heard_of()
        for devpath, (device, properties) in listing.listed.items():
            if devpath in self._known or "add" in heard_of.get(devpath, ()):
                continue  # known; or it came meanwhile, and what was heard says so
            read = self._read(device, properties, {})
            self._known[devpath] = arrived(properties, read)
            if origin is Origin.RESYNC:
                self._ahead[devpath] = "add"
            told.append(self._event({**properties, "ACTION": "add"}, read, at, origin))
        return told

    def _gone(self, listing: Listing, at: int, is_there: Callable[[str], bool]) -> Told:
        told: Told = []
        heard_of = listing.heard_of()
        for devpath in tuple(self._known):
            heard = heard_of.get(devpath, [])
            its_going_was_lost = heard[:1] == ["add"]
            if its_going_was_lost or not (heard or devpath in listing.listed or is_there(devpath)):
                known = self._known.pop(devpath)
                self._ahead[devpath] = "remove"
                properties = {**known.kept, "ACTION": "remove", "DEVPATH": devpath}
                told.append(self._event(properties, known.read, at, Origin.RESYNC))
        return told

    def _changed(self, listing: Listing, at: int) -> Told:
        told: Told = []
        heard_of = listing.heard_of()
        for devpath, (device, properties) in listing.listed.items():
            known = self._known.get(devpath)
            if known is None or devpath in heard_of or not differs(known, properties):
                continue
            read = self._read(device, properties, known.read)
            self._known[devpath] = changed(known, properties, read)
            told.append(self._event({**properties, "ACTION": "change"}, read, at, Origin.RESYNC))
        return told

    def _read(self, device: pyudev.Device, properties: Properties, before: Properties) -> Properties:
        """The asked attributes and inherited fields, `before` those that were read already."""
        read = dict(before)
        for name in self._attributes - read.keys():
            if (value := attribute_of(device, name.removeprefix("attr."))) is not None:
                read[name] = value
        for name in self._inherited - read.keys():
            own = name.removeprefix("@")
            if own not in properties and (value := inherited_of(device, own)) is not None:
                read[name] = value
        return read

    def _event(self, properties: Properties, read: Properties, at: int, origin: Origin) -> Event:
        more = {name: read[name] for name in (self._attributes | self._inherited) & read.keys()}
        more |= {name: properties[name[1:]] for name in self._inherited if name[1:] in properties}
        return event_of_properties(properties, at=at, origin=origin, more=more)

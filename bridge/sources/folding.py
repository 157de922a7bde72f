"""The many events of one plug folded into one: what `device` tells, and when. It is given the time with every fact.

A device has arrived when nothing was heard of it for a while and all its nodes are ready; it has left when it went.
Nothing here hears, lists or opens a device, and nothing decides which of them is a part of which (`physical`).
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from bridge.model.events import Event, Field, Fields, Origin
from bridge.sources.device import identity_of
from bridge.sources.device_fields import readable
from bridge.sources.physical import Node, Properties, device_among, fields_of_device, node_of

LEAST_LOOK = 50_000
"""Microseconds at least from one look at a device that is not ready to the next."""


class Sight(Protocol):
    """What can be seen of the machine now."""

    def is_openable(self, devnode: str, number: str) -> bool:
        """Whether we may open the node of this name, if it is the device `MAJOR:MINOR`."""

    def below(self, devpath: str) -> Iterable[str]:
        """The places of all that the kernel has below a device and tells of, whether udevd has seen it or not."""


@dataclass(slots=True, kw_only=True)
class _Device:
    """A physical device that is there; `fields` are None until it has settled, `look_at` is when that may be."""

    origin: Origin
    first: int
    last: int
    look_at: int
    fields: Fields | None = None
    is_told: bool = False


class Folding:
    """Every device of the machine: which are there, which still settle, and what was told of them.

    A device settles `quiet` microseconds after the last event of one of its nodes, if all of them are ready by then,
    and at the latest `most` after the first. One that goes before that was never there.
    """

    def __init__(self, *, quiet: int, most: int) -> None:
        """Knows no device."""
        self._quiet = quiet
        self._most = most
        self._nodes: dict[str, Node] = {}
        self._paths: list[str] = []  # of all nodes, sorted: what is below one stands behind it
        self._devices: dict[str, _Device] = {}
        self._settling: dict[str, _Device] = {}
        self._ids: set[str] = set()
        self._is_asked: Callable[[Fields], bool] = lambda fields: False

    @property
    def deadline(self) -> int | None:
        """When `settle` has something to do, if nothing is heard until then."""
        return min((device.look_at for device in self._settling.values()), default=None)

    def ask(self, is_asked: Callable[[Fields], bool], at: int) -> list[Event]:
        """From now on devices are told of which these are the fields; those that were not told yet are told now."""
        self._is_asked = is_asked
        told = []
        for devpath, device in self._devices.items():
            if device.fields is not None:
                was_told, device.is_told = device.is_told, is_asked(device.fields)
                if device.is_told and not was_told:
                    told.append(self._present(devpath, device.fields, at))
        return told

    def present(self, at: int) -> list[Event]:
        """The devices that are there and were told, with the nodes that they have now."""
        return [
            self._present(devpath, device.fields, at)
            for devpath, device in self._devices.items()
            if device.is_told and device.fields is not None
        ]

    def find(self, nodes: Iterable[Node], at: int, origin: Origin) -> list[Event]:
        """All nodes that are there: tells what left unheard, and lets settle what is new.

        A device of which udevd has long been done with every node settles at once.
        """
        listed = {node.devpath: node for node in nodes}
        left = [devpath for devpath in self._devices if devpath not in listed or self._is_replaced(devpath, listed)]
        told = [event for devpath in left for event in self._leave(devpath, at, origin)]
        self._nodes, self._paths = listed, sorted(listed)
        there = {path for node in listed if (path := self._device_of(node)) is not None and self._is_there(path)}
        told += [event for path in sorted(self._devices.keys() - there) for event in self._leave(path, at, origin)]
        for devpath in sorted(there - self._devices.keys()):
            self._come(devpath, _times(self._parts(devpath), at, self._most), origin)
        return told

    def hear(self, properties: Properties, at: int) -> list[Event]:
        """One event of udevd or of the kernel; tells what left by it.

        Who writes to a `uevent` file (`udevadm trigger`) plugs nothing, but udevd may know more of a device after it,
        and nothing more after `remove`.
        """
        action, devpath = properties["ACTION"], properties["DEVPATH"]
        is_synthetic = "SYNTH_UUID" in properties
        node = node_of(properties, is_initialised=True)
        if action == "remove" and is_synthetic:
            self._forget(devpath)
            return []
        known = self._nodes.get(devpath)
        is_another = known is not None and known.is_another(node)
        if is_another and (is_synthetic or action not in ("add", "move")):
            return []  # of the one before, or of the next whose coming was lost: then listing tells which is there
        if action == "remove":
            return self._remove(devpath, at)
        if action == "move":
            self._move(properties.get("DEVPATH_OLD", devpath), devpath)
        told = self._remove(devpath, at) if is_another and action == "add" else []
        self._put(node)
        origin = Origin.START if is_synthetic else Origin.LIVE
        told += self._look(devpath, at, origin)
        device = self._settling.get(devpath)
        if device is not None and action == "add" and not is_synthetic:
            device.origin = Origin.LIVE
        return told

    def settle(self, at: int, sight: Sight) -> list[Event]:
        """What has arrived by now."""
        told: list[Event] = []
        for devpath, device in [*self._settling.items()]:
            if device.look_at > at:
                continue
            parts = self._parts(devpath)
            is_quiet = at >= device.last + self._quiet
            if at >= device.first + self._most or (is_quiet and not self.unready(devpath, sight)):
                told += self._arrive(devpath, device, parts, at)
            else:
                pause = max(self._quiet, LEAST_LOOK)
                device.look_at = min(max(device.last, at) + pause, device.first + self._most)
        return told

    def unready(self, devpath: str, sight: Sight) -> list[str]:
        """What a device waits for now: nodes, and where there is none the places in sysfs."""
        waits = [part.devnode or part.devpath for part in self._parts(devpath) if self._waits(part, sight)]
        return sorted([*waits, *(path for path in sight.below(devpath) if path not in self._nodes)])

    def _waits(self, part: Node, sight: Sight) -> bool:
        if not part.is_initialised or part.is_unfinished:
            return True
        if part.promises_node:
            return not any(self._nodes[path].keeps_promise for path in self._below(part.devpath))
        return part.devnode is not None and not sight.is_openable(part.devnode, part.number)

    def _arrive(self, devpath: str, device: _Device, parts: list[Node], at: int) -> list[Event]:
        del self._settling[devpath]
        fields = fields_of_device(self._nodes[devpath], [part for part in parts if part.devpath != devpath])
        fields = {"id": self._id_of(fields), **fields}
        self._ids.add(str(fields["id"]))
        device.fields = {"state": "arrived", **fields, "nodes": _names(parts)}
        device.is_told = self._is_asked(device.fields)
        return [Event("device", at, device.fields, device.origin)] if device.is_told else []

    def _id_of(self, fields: Mapping[str, Field]) -> str:
        """Its identity; of twins that are there together all but the first have the place with it."""
        known = identity_of(fields)
        twins = (known, f"{known}@{fields.get('ID_PATH') or fields['devpath']}", f"{known}@{fields['devpath']}")
        return next((each for each in twins if each not in self._ids), twins[-1])

    def _leave(self, devpath: str, at: int, origin: Origin) -> list[Event]:
        device = self._devices.pop(devpath)
        self._settling.pop(devpath, None)
        if device.fields is None:
            return []
        self._ids.discard(str(device.fields["id"]))
        return [Event("device", at, {**device.fields, "state": "left"}, origin)] if device.is_told else []

    def _come(self, devpath: str, times: tuple[int, int], origin: Origin) -> None:
        first, last = times
        look_at = min(last + self._quiet, first + self._most)
        device = _Device(origin=origin, first=first, last=last, look_at=look_at)
        self._devices[devpath] = self._settling[devpath] = device

    def _look(self, devpath: str, at: int, origin: Origin) -> list[Event]:
        """A node came, changed or went: what that means for its device, and for those above and below that it parts."""
        own, above = self._device_of(devpath), self._device_of(devpath.rpartition("/")[0])
        affected = [own, above, *(self._below(devpath) if own == devpath else ())]
        told: list[Event] = []
        for path in affected:
            if path is not None and path in self._devices and not self._is_there(path):
                told += self._leave(path, at, origin)
        if own is None or not self._is_there(own):
            return told
        if own not in self._devices:
            self._come(own, (at, at), origin)
        elif own in self._settling and origin is Origin.LIVE:
            device = self._settling[own]
            device.last, device.look_at = at, min(at + self._quiet, device.first + self._most)
        return told

    def _is_there(self, devpath: str) -> bool:
        """Whether what could be a device is one: no part of another and, where that is asked, with a node."""
        kind = self._nodes[devpath].kind
        if kind is None or self._device_of(devpath) != devpath:
            return False
        return not kind.needs_node or any(part.devnode for part in self._parts(devpath))

    def _remove(self, devpath: str, at: int) -> list[Event]:
        """A node goes, and all below it, as the kernel has it; what is heard of those later is of nobody."""
        gone = [*self._below(devpath)]
        if not gone:
            return []
        told = [e for path in reversed(gone) if path in self._devices for e in self._leave(path, at, Origin.LIVE)]
        for path in gone:
            self._drop(path)
        return told + self._look(devpath, at, Origin.LIVE)

    def _forget(self, devpath: str) -> None:
        """It is there as before, but udevd has dropped all that it had written down of it (device_delete_db)."""
        if (node := self._nodes.get(devpath)) is not None:
            self._nodes[devpath] = node.forgotten()

    def _move(self, former: str, new: str) -> None:
        if former == new:
            return
        for path in [*self._below(former)]:
            moved = f"{new}{path.removeprefix(former)}"
            node = replace(self._nodes[path], devpath=moved)
            self._drop(path)
            self._put(node)
            for devices in (self._devices, self._settling):
                if path in devices:
                    devices[moved] = devices.pop(path)

    def _is_replaced(self, devpath: str, listed: Mapping[str, Node]) -> bool:
        """Whether another device is in the place of a known one: by its own marks, or without any by those of parts."""
        own = self._nodes[devpath]
        parts = [own] if own.marks.keys() & listed[devpath].marks.keys() else self._parts(devpath)
        return any(part.devpath in listed and part.is_another(listed[part.devpath]) for part in parts)

    def _parts(self, devpath: str) -> list[Node]:
        """The nodes of which the device at `devpath` is made, itself the first."""
        return [self._nodes[path] for path in self._below(devpath) if self._device_of(path) == devpath]

    def _device_of(self, devpath: str) -> str | None:
        device = device_among(self._lineage(devpath))
        return device.devpath if device is not None else None

    def _lineage(self, devpath: str) -> Iterator[Node]:
        while devpath:
            if (node := self._nodes.get(devpath)) is not None:
                yield node
            devpath = devpath.rpartition("/")[0]

    def _below(self, devpath: str) -> Iterator[str]:
        if devpath in self._nodes:
            yield devpath
        start, end = bisect_left(self._paths, f"{devpath}/"), bisect_left(self._paths, f"{devpath}0")  # 0 follows /
        yield from self._paths[start:end]

    def _put(self, node: Node) -> None:
        if node.devpath not in self._nodes:
            insort(self._paths, node.devpath)
        self._nodes[node.devpath] = node

    def _drop(self, devpath: str) -> None:
        del self._nodes[devpath]
        del self._paths[bisect_left(self._paths, devpath)]

    def _present(self, devpath: str, fields: Fields, at: int) -> Event:
        return Event("device", at, {**fields, "nodes": _names(self._parts(devpath))}, Origin.START)


def _names(parts: Iterable[Node]) -> str:
    """The device nodes that udevd is done with, separated by spaces."""
    return readable(" ".join(sorted(node.devnode for node in parts if node.devnode and node.is_initialised)))


def _times(parts: Iterable[Node], at: int, most: int) -> tuple[int, int]:
    """When the first and the last event of a device was that is found, as far as udevd says: else long ago."""
    parts = tuple(parts)
    if not all(node.is_initialised for node in parts):
        return at, at
    seen = [node.since for node in parts if node.since is not None and node.since <= at]
    return (min(seen), max(seen)) if seen else (at - most, at - most)

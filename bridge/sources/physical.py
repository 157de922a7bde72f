"""Which physical device a node of the kernel is part of, and what that device is called: the tables of `device`.

The kernel has a device for every function, driver and node; of those that lie above a node in sysfs, one is what
somebody plugs in. Nothing here looks at sysfs or waits for anything.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from bridge.model.events import Field
from bridge.sources.device_fields import PROPERTY, readable

Properties = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of kernel device that is a physical device, by its subsystem and, where that is given, its devtype.

    `where` is the form of its place in sysfs. A device of this kind below a physical one of the subsystems `part_of`
    is a part of it. One that `needs_node` is a device while it has a node; one that `is_inner` is a node's device
    only where nothing plugged in is above that.
    """

    subsystem: str
    devtype: str | None = None
    where: re.Pattern[str] = re.compile(r".*")
    part_of: frozenset[str] = frozenset()
    needs_node: bool = False
    is_inner: bool = False


_VIRTUAL = "/devices/virtual/"


def _virtual(subsystem: str, name: str) -> Kind:
    return Kind(subsystem=subsystem, where=re.compile(f"{_VIRTUAL}{name}"))


KINDS = (
    Kind(subsystem="usb", devtype="usb_device", where=re.compile(r".*/[0-9]+-[0-9.]+")),
    Kind(subsystem="bluetooth", devtype="link", needs_node=True),
    Kind(subsystem="mmc"),
    Kind(subsystem="memstick"),
    Kind(subsystem="firewire", devtype="firewire_device"),
    Kind(subsystem="thunderbolt", devtype="thunderbolt_device"),
    Kind(subsystem="pcmcia"),
    Kind(subsystem="scsi", devtype="scsi_device", part_of=frozenset({"usb", "firewire"})),
    Kind(subsystem="pci"),
    Kind(subsystem="virtio", part_of=frozenset({"pci"})),
    Kind(subsystem="w1"),
    _virtual("hid", "misc/uhid/[^/]+"),
    _virtual("input", "input/input[0-9]+"),
    _virtual("bluetooth", "bluetooth/hci[0-9]+"),
    _virtual("sound", "sound/card[0-9]+"),
    _virtual("video4linux", "video4linux/video[0-9]+"),
    *(
        Kind(subsystem=subsystem, needs_node=True, is_inner=True)
        for subsystem in ("serio", "i2c", "spi", "gameport", "pnp", "acpi", "amba", "vmbus", "xen", "ccw", "platform")
    ),
)
"""What is plugged in, or stands for it, and behind that the buses inside of machines.

A node's device is the nearest of these above it, or the node itself. A host controller's own hub (`usb1`) is plugged
nowhere, and is the controller's. What only software is made of (loop devices, network bridges, consoles) is none.
"""
_BY_SUBSYSTEM: dict[str, list[Kind]] = {}
for _kind in KINDS:
    _BY_SUBSYSTEM.setdefault(_kind.subsystem, []).append(_kind)

_VIRTUAL_PLACES = tuple(f"{_VIRTUAL}{name}/" for name in ("misc/uhid", "input", "bluetooth", "sound", "video4linux"))
NEVER_A_PART = frozenset(
    [
        "subsystem",
        "module",
        "drivers",
        "memory",
        "cpu",
        "node",
        "clockevents",
        "clocksource",
        "mem",
        "vc",
        "vtconsole",
        "bdi",
        "workqueue",
        "devlink",
    ]
)
"""Subsystems of which no device is part of a physical one; there are thousands, and listing them takes long."""
_SAYS = frozenset({"PRODUCT", "PCI_ID", "HID_ID", "HID_NAME", "HID_UNIQ", "NAME", "UNIQ", "MMC_NAME"})
"""Properties of the kernel, beside `ID_*`, that a device is known by; most are there without a udevd, too."""
_MARKS = ("DISKSEQ", "DEVNUM")
"""What the next device in the same place has otherwise, the kernel's word: a disk's number, a USB device's."""
_FIRST_SEEN = "USEC_INITIALIZED"
"""When udevd first saw a device; it is a mark of those that udevd keeps in mind whatever their rules: with a node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One device of the kernel: `devnode` is what programs open, `number` its `MAJOR:MINOR`.

    `is_initialised` says that udevd is done with it, `since` when it first was, where that is known, in microseconds
    of CLOCK_MONOTONIC. `properties` are those that `device` tells, `marks` what tells it from the next in its place.
    More comes of one that `is_unfinished`, as its driver is still to take it, and of one that `promises_node` until one
    is below it that `keeps_promise`: a disk is looked for a second after its USB device came.
    """

    devpath: str
    subsystem: str
    kind: Kind | None
    devnode: str | None
    number: str
    is_initialised: bool
    since: int | None
    is_unfinished: bool
    promises_node: bool
    properties: Properties = field(default_factory=dict)
    marks: Properties = field(default_factory=dict)

    @property
    def keeps_promise(self) -> bool:
        """Whether it is what a SCSI host is for, and not only a way to talk to that."""
        return self.devnode is not None and self.subsystem not in ("bsg", "scsi_generic")

    def is_another(self, other: "Node") -> bool:
        """Whether `other`, of the same place, is not the same device, by the best mark that both have."""
        for name in (*_MARKS, _FIRST_SEEN):
            if name in self.marks and name in other.marks:
                return self.marks[name] != other.marks[name]
        return False

    def forgotten(self) -> "Node":
        """The same where udevd has forgotten when it first saw it: what it says of that from now on is of later."""
        return replace(self, marks={name: value for name, value in self.marks.items() if name != _FIRST_SEEN})


def may_be_part(devpath: str) -> bool:
    """Whether something at this place in sysfs may be part of a physical device: most that is there is not.

    >>> [may_be_part(f"/devices/virtual/{name}") for name in ("tty/tty1", "input/input5/event3")]
    [False, True]
    """
    return devpath.startswith(_VIRTUAL_PLACES if devpath.startswith(_VIRTUAL) else "/devices/")


def node_of(properties: Properties, *, is_initialised: bool) -> Node:
    """The node that udev's properties tell of.

    >>> node = node_of({"DEVPATH": "/devices/virtual/mem/null", "DEVNAME": "/dev/null"}, is_initialised=True)
    >>> node.devnode, node.kind
    ('/dev/null', None)
    """
    since = properties.get(_FIRST_SEEN, "")
    marks = _MARKS if "DEVNAME" not in properties else (*_MARKS, _FIRST_SEEN)
    return Node(
        devpath=properties["DEVPATH"],
        subsystem=properties.get("SUBSYSTEM", ""),
        kind=kind_of(properties),
        devnode=properties.get("DEVNAME"),
        number=f"{properties.get('MAJOR', '')}:{properties.get('MINOR', '')}",
        is_initialised=is_initialised,
        since=int(since) if since.isdecimal() else None,
        is_unfinished=properties.get("DEVTYPE") == "usb_device" and "DRIVER" not in properties,
        promises_node=properties.get("DEVTYPE") == "scsi_host",
        properties={name: value for name, value in properties.items() if _is_told(name)},
        marks={name: properties[name] for name in marks if name in properties},
    )


def kind_of(properties: Properties) -> Kind | None:
    """The kind of physical device that a kernel device may be.

    >>> kind_of({"SUBSYSTEM": "usb", "DEVTYPE": "usb_device", "DEVPATH": "/devices/pci0000:00/0000:00:14.0/usb1"})
    """
    devpath = properties["DEVPATH"]
    for kind in _BY_SUBSYSTEM.get(properties.get("SUBSYSTEM", ""), ()):
        if kind.devtype in (None, properties.get("DEVTYPE")) and kind.where.fullmatch(devpath):
            return kind
    return None


def device_among(lineage: Iterable[Node]) -> Node | None:
    """The device that a node is part of; `lineage` is the node and what is above it, the nearest first."""
    plugged: Node | None = None
    inner: Node | None = None
    for node in lineage:
        if node.kind is None:
            continue
        if node.kind.is_inner:
            inner = inner or node
        elif plugged is None or _is_part(plugged, node):
            plugged = node
    return plugged or inner


def _is_part(part: Node, whole: Node) -> bool:
    return part.kind is not None and whole.subsystem in part.kind.part_of


def fields_of_device(device: Node, parts: Iterable[Node]) -> dict[str, Field]:
    """The identity of a device; what it does not say itself, the nearest of its `parts` says that is known by more.

    Without an `id`, which is for the caller to choose.
    """
    said = dict(_said_of(device, parts))
    vendor, product = _ids_of(said)
    fields = {
        "subsystem": device.subsystem,
        "devpath": device.devpath,
        "name": _name_of(said),
        "vendor": vendor,
        "product": product,
        "serial": _first(said, "ID_SERIAL_SHORT", "HID_UNIQ", "UNIQ"),
    }
    told: dict[str, Field] = {name: readable(value) for name, value in fields.items() if value}
    return told | {name: readable(said[name]) for name in sorted(said) if name.startswith("ID_")}


def _said_of(device: Node, parts: Iterable[Node]) -> Properties:
    if _is_known(device.properties):
        return device.properties
    known = (part for part in sorted(parts, key=lambda part: part.devpath) if _is_known(part.properties))
    part = next(known, None)
    return {**part.properties, **device.properties} if part is not None else device.properties


def _is_known(said: Properties) -> bool:
    return any(name in said for name in ("ID_SERIAL", "ID_MODEL", "PRODUCT", "PCI_ID", "HID_ID"))


_IDS = (
    ("PCI_ID", re.compile(r"([0-9A-Fa-f]{1,4}):([0-9A-Fa-f]{1,4})")),
    ("HID_ID", re.compile(r"[0-9A-Fa-f]+:0*([0-9A-Fa-f]{1,4}):0*([0-9A-Fa-f]{1,4})")),
    ("PRODUCT", re.compile(r"(?:[0-9A-Fa-f]+/(?=.*/.*/))?([0-9A-Fa-f]{1,4})/([0-9A-Fa-f]{1,4})/[0-9A-Fa-f]+")),
)
"""The kernel's own ways to say vendor and product; input devices have the bus before them."""


def _ids_of(said: Properties) -> tuple[str, str]:
    """Vendor and product, four hexadecimal digits each, or nothing.

    >>> _ids_of({"PRODUCT": "46d/c52b/1211"}), _ids_of({"PRODUCT": "3/46d/c52b/111"})
    (('046d', 'c52b'), ('046d', 'c52b'))
    """
    vendor, product = said.get("ID_VENDOR_ID", ""), said.get("ID_MODEL_ID", "")
    if _HEX.fullmatch(vendor) and _HEX.fullmatch(product):
        return vendor[-4:].lower(), product[-4:].lower()
    for name, form in _IDS:
        if found := form.fullmatch(said.get(name, "")):
            return found[1].zfill(4).lower(), found[2].zfill(4).lower()
    return "", ""


_HEX = re.compile(r"(?:0x)?[0-9A-Fa-f]{4}")
_ESCAPED = re.compile(r"\\x([0-9A-Fa-f]{2})")


def _name_of(said: Properties) -> str:
    r"""What the device calls itself, in its own spelling where that is known.

    >>> _name_of({"ID_MODEL": "Lab_Headset", "ID_MODEL_ENC": "Lab\\x20Headset"}), _name_of({"NAME": '"Lab"'})
    ('Lab Headset', 'Lab')
    """
    own = _first(said, "HID_NAME", "MMC_NAME") or said.get("NAME", "").strip('"')
    if "ID_MODEL_ENC" in said:
        return _unescaped(said["ID_MODEL_ENC"]).strip()
    return own or _first(said, "ID_MODEL", "ID_NAME", "ID_MODEL_FROM_DATABASE")


def _unescaped(text: str) -> str:
    r"""Udev's `\xNN` undone (ID_*_ENC, udev_util_encode_string)."""
    raw = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    try:
        return raw.encode("latin-1").decode(errors="surrogateescape")
    except UnicodeEncodeError:  # what is not escaped was text already
        return text


def _first(said: Properties, *names: str) -> str:
    values: Iterator[str] = (said[name].strip('"') for name in names if said.get(name, "").strip('"'))
    return next(values, "")


def _is_told(name: str) -> bool:
    return name in _SAYS or (name.startswith("ID_") and PROPERTY.fullmatch(name) is not None)

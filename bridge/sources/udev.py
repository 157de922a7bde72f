"""The source `udev`: a device came, went or changed. Nothing here talks to udevd or reads sysfs.

Names are udev's (udev(7), libudev): an event has every property by its name, beside the fields below.
"""

import re
from collections.abc import Mapping

from bridge.model.events import Event, Field, Fields, Origin
from bridge.sources.source import Source, Subject

PROPERTY = re.compile(r"(?=.*[A-Z0-9_.:])[A-Za-z0-9_.:-]+", re.ASCII)
"""A property's name. One that is all small letters is more likely a field misspelt, and is refused."""
ATTRIBUTE = re.compile(r"attr\.[A-Za-z0-9_/:.-]+", re.ASCII)
"""A sysfs attribute below the device, `attr.idVendor` or `attr.power/control`."""
HEXADECIMAL = re.compile(
    r"@?(ID_(USB_)?(VENDOR|MODEL)_ID|ID_REVISION|ID_USB_REVISION|attr\.(idVendor|idProduct|bcdDevice))"
)
TAG = "hwbridge"
TRIGGER_PROPERTY = "HWBRIDGE_TRIGGER"
"""Set by a udev rule: the triggers, separated by spaces, that this event raises."""

FIELDS = ("action", "subsystem", "devtype", "devpath", "devnode", "driver", "synthetic")
_PROPERTY_OF_FIELD = {
    "action": "ACTION",
    "subsystem": "SUBSYSTEM",
    "devtype": "DEVTYPE",
    "devpath": "DEVPATH",
    "devnode": "DEVNAME",
    "driver": "DRIVER",
}


def is_attribute(name: str) -> bool:
    """Whether `name` is `attr.NAME`, without a step up: a path with `..` would leave the device."""
    return ATTRIBUTE.fullmatch(name) is not None and ".." not in name[5:].split("/")


def is_inherited(name: str) -> bool:
    """Whether `name` is `@NAME` or `@attr.NAME`: of the device itself or its nearest ancestor that has it."""
    return name[:1] == "@" and (is_attribute(name[1:]) or PROPERTY.fullmatch(name[1:]) is not None)


def is_property(name: str) -> bool:
    """Whether an event may have a field of this name, beside the fixed ones.

    >>> [is_property(name) for name in ("ID_SERIAL_SHORT", "@ID_PATH", "attr.idVendor", "subsytem")]
    [True, True, True, False]
    """
    return PROPERTY.fullmatch(name) is not None or is_attribute(name) or is_inherited(name)


def event_of_properties(
    properties: Mapping[str, str], *, at: int, origin: Origin = Origin.LIVE, more: Mapping[str, str] | None = None
) -> Event:
    """The event that udev's `properties` tell of: the fixed fields, then `more`, then every property by name.

    `more` are the fields that only some rule asked for (`attr.NAME`, `@NAME`). Of a synthetic uevent
    (`udevadm trigger`; kernel, Documentation/ABI/testing/sysfs-uevent) the field `synthetic` is "1".
    """
    fields: dict[str, Field] = {
        field: readable(properties[name]) for field, name in _PROPERTY_OF_FIELD.items() if name in properties
    }
    if "SYNTH_UUID" in properties:
        fields["synthetic"] = "1"
    for name, value in (more or {}).items():  # before the properties: of many details the last are left out
        fields[name] = readable(value)
    for name in sorted(properties):
        fields[name] = readable(properties[name])
    return Event("udev", at, fields, origin)


def readable(text: str) -> str:
    r"""Text as hwbridge holds it: what is not UTF-8, and NUL, becomes `\xNN`.

    >>> readable("caf\udce9\x00")
    'caf\\xe9\\x00'
    """
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace").replace("\0", "\\x00")


def _subject(fields: Fields) -> Subject:
    return str(fields.get("devpath", "")), ""


def _leaves(fields: Fields) -> bool:
    return fields.get("action") == "remove"


UDEV = Source(
    name="udev",
    fields=frozenset(FIELDS),
    integers=frozenset(),
    is_property=is_property,
    is_hexadecimal=lambda name: HEXADECIMAL.fullmatch(name) is not None,
    default_key="{devpath}",
    subject=_subject,
    leaves=_leaves,
    repeats=lambda fields: False,
)

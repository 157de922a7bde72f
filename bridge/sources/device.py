"""The source `device`: a physical device came whole, or went. Nothing here gathers nodes or watches uevents.

One plug makes many uevents of many nodes (udev(7)); here it is one event, about one device.
"""

import re

from bridge.errors import InvalidValueError
from bridge.model.events import Field, Fields
from bridge.sources.device_fields import PROPERTY, is_hexadecimal
from bridge.sources.recorded import check_texts, text_of, word_of
from bridge.sources.source import Source

STATES = ("arrived", "left")
IDENTITY = ("id", "subsystem", "devpath", "name", "vendor", "product", "serial")
_IDS = frozenset({"vendor", "product"})
_ID = re.compile(r"[0-9A-Fa-f]{4}")
_TELLING = frozenset({"state", "nodes"})
_VIRTUAL = "/devices/virtual/"
"""Where sysfs has the devices that are plugged nowhere; the next one of them has another number in its place."""


def identity_of(fields: Fields) -> str:
    """What a device is known by: its ids and its serial number, or without one the place where it is plugged in.

    So a device with a serial number is the same one in another place. One that is made by software is plugged nowhere,
    and is known by its name. Raises `InvalidValueError` where the fields say neither ids nor place.

    >>> identity_of({"subsystem": "usb", "vendor": "0403", "product": "6001", "serial": "A50285BI"})
    'usb-0403:6001-A50285BI'
    >>> identity_of({"subsystem": "usb", "vendor": "0403", "product": "6001", "ID_PATH": "pci-0000:00:14.0-usb-0:2"})
    'usb-0403:6001@pci-0000:00:14.0-usb-0:2'
    >>> identity_of({"subsystem": "input", "devpath": "/devices/virtual/input/input12", "name": "Pedal"})
    'input-Pedal'
    """
    ids = ":".join(filter(None, (_first(fields, "vendor", "ID_VENDOR_ID"), _first(fields, "product", "ID_MODEL_ID"))))
    serial, place = _first(fields, "serial", "ID_SERIAL_SHORT"), _first(fields, "ID_PATH", "devpath")
    name = _first(fields, "ID_SERIAL", "name", "ID_MODEL") if not serial else ""
    if place.startswith(_VIRTUAL) and (ids or name):
        place = ""
    elif ids or place:
        name = ""
    if not (ids or serial or place or name):
        raise InvalidValueError("does not say which device it is of: give its id, vendor, product, serial or devpath")
    known = "-".join(filter(None, (_first(fields, "subsystem", "ID_BUS"), ids.lower(), serial, name)))
    return known if serial or not place else "@".join(filter(None, (known, place)))


def _first(fields: Fields, *names: str) -> str:
    return next((str(fields[name]) for name in names if fields.get(name)), "")


def _checked(fields: dict[str, Field]) -> dict[str, Field]:
    """The fields with hexadecimal ids in small letters, and an `id`, made of the others where it is left out."""
    word_of(fields, "state", STATES)
    check_texts(fields, ())
    for name in sorted(_IDS.intersection(fields)):
        if not _ID.fullmatch(text_of(fields, name)):
            raise InvalidValueError(f"{name} is {fields[name]!r}, not four hexadecimal digits")
        fields = {**fields, name: str(fields[name]).lower()}
    if "id" not in fields:
        return {"id": identity_of(fields), **fields}
    text_of(fields, "id")
    return fields


def _is_property(name: str) -> bool:
    return name.startswith("ID_") and PROPERTY.fullmatch(name) is not None


DEVICE = Source(
    name="device",
    fields=frozenset({*IDENTITY, *_TELLING}),
    integers=frozenset(),
    words={"state": STATES},
    is_property=_is_property,
    is_hexadecimal=lambda name: name in _IDS or is_hexadecimal(name),
    default_key="{id}",
    subject=lambda fields: (str(fields.get("id", "")), ""),
    is_moment=lambda fields: False,
    identifies=lambda name: name not in _TELLING,
    names_owner=lambda name: name not in _TELLING,
    checked=_checked,
    leaves=lambda fields: fields.get("state") == "left",
    repeats=lambda fields: False,
)

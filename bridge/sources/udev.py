"""The source `udev`: a device came, went or changed. Nothing here talks to udevd or reads sysfs.

Names are udev's (udev(7), libudev): an event has every property by its name, beside the fields below.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from bridge.errors import InvalidValueError
from bridge.model.events import Event, Field, Fields, Origin
from bridge.sources.device_fields import is_hexadecimal, is_property, readable
from bridge.sources.source import Source, Subject

TAG = "hwbridge"
TRIGGER_PROPERTY = "HWBRIDGE_TRIGGER"
"""Set by a udev rule: the triggers, separated by spaces, that this event raises."""

FIELDS = ("action", "subsystem", "devtype", "devpath", "devnode", "driver", "synthetic")
_IDENTIFYING = frozenset({"subsystem", "devtype", "devpath", "devnode", "SUBSYSTEM", "DEVTYPE", "DEVPATH", "DEVNAME"})
_PROPERTY_OF_FIELD = {
    "action": "ACTION",
    "subsystem": "SUBSYSTEM",
    "devtype": "DEVTYPE",
    "devpath": "DEVPATH",
    "devnode": "DEVNAME",
    "driver": "DRIVER",
}


OF_ONE_EVENT = re.compile(r"ACTION|SEQNUM|SYNTH_UUID|SYNTH_ARG_.*|DEVPATH_OLD")
"""Properties of an event and not of its device (kernel, lib/kobject_uevent.c)."""
_is_told = lru_cache(maxsize=4096)(is_property)
"""A udev rule may set properties of any name; those that no rule can test are not told, or they would hide fields."""


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
    for name in sorted(filter(_is_told, properties)):
        fields[name] = readable(properties[name])
    return Event("udev", at, fields, origin)


def _subject(fields: Fields) -> Subject:
    return str(fields.get("devpath", "")), ""


def _checked(fields: dict[str, Field]) -> dict[str, Field]:
    if "action" not in fields:
        raise InvalidValueError("has no action")
    return fields


def _leaves(fields: Fields) -> bool:
    return fields.get("action") == "remove"


def _kept(before: Fields | None, fields: Fields) -> Fields:
    return before if before is not None and fields.get("action") != "add" else _of_device(fields)


def _found(fields: Fields) -> Fields:
    added = {"action": "add", "ACTION": "add"}
    there = _of_device(fields)
    return {name: added.get(name, value) for name, value in fields.items() if name in there or name in added}


def _of_device(fields: Fields) -> dict[str, Field]:
    """The fields, but for those of the event alone: what it asked to be raised is one of these."""
    of_event = {"action", "synthetic", TRIGGER_PROPERTY}
    return {name: value for name, value in fields.items() if name not in of_event and not OF_ONE_EVENT.fullmatch(name)}


UDEV = Source(
    name="udev",
    fields=frozenset(FIELDS),
    integers=frozenset(),
    is_property=is_property,
    is_hexadecimal=is_hexadecimal,
    default_key="{devpath}",
    subject=_subject,
    is_moment=lambda fields: False,
    identifies=_IDENTIFYING.__contains__,
    names_owner=_IDENTIFYING.__contains__,
    checked=_checked,
    leaves=_leaves,
    repeats=lambda fields: False,
    kept=_kept,
    found=_found,
    names_triggers=True,
)

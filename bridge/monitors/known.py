"""What is known of a device between its events: what was told last, and what its leaving shall still say.

Nothing here hears an event or looks at a device.
"""

from collections.abc import Mapping

import msgspec

from bridge.sources.udev import OF_ONE_EVENT, TRIGGER_PROPERTY

Properties = Mapping[str, str]

OF_MESSAGES = frozenset({"USEC_INITIALIZED", "UDEV_DATABASE_VERSION"})
"""Every message of udevd has these, but a listed device only if udevd keeps a file for it."""
SETS = {"DEVLINKS": " ", "TAGS": ":", "CURRENT_TAGS": ":"}
"""Properties without an order: libudev puts them together anew in each process."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """One device: `told` are the properties of its latest event, `kept` those that its remove event keeps.

    `read` are the fields `attr.NAME` and `@NAME` that were read from sysfs and from its ancestors, once.
    """

    told: Properties
    kept: Properties
    read: Properties


def arrived(properties: Properties, read: Properties) -> Known:
    """What is known of a device that came: all that its first event said lasts, except the triggers it raised."""
    kept = {name: value for name, value in properties.items() if _lasts(name) and name != TRIGGER_PROPERTY}
    return Known(told=properties, kept=kept, read=read)


def changed(known: Known, properties: Properties, read: Properties) -> Known:
    """What is known after another event: what lasts has its new values, and new `ID_*` (a medium, a file system) lasts.

    >>> card = arrived({"ACTION": "add", "ID_SERIAL": "7", "ID_BUS": "usb"}, {})
    >>> medium = {"ACTION": "change", "ID_BUS": "usb", "ID_FS_LABEL": "photos", "DISK_MEDIA_CHANGE": "1"}
    >>> card = changed(card, medium, {})
    >>> dict(card.kept)
    {'ID_SERIAL': '7', 'ID_BUS': 'usb', 'ID_FS_LABEL': 'photos'}
    """
    news = {name: value for name, value in properties.items() if name in known.kept or name.startswith("ID_")}
    return Known(told=properties, kept={**known.kept, **news}, read=read)


def differs(known: Known, properties: Properties) -> bool:
    """Whether the device, listed now with `properties`, is another than its latest event told."""
    return _comparable(known.told) != _comparable(properties)


def is_synthetic(properties: Properties) -> bool:
    """Whether someone wrote the event into sysfs (`udevadm trigger`), so that nothing came or went."""
    return "SYNTH_UUID" in properties


def _lasts(name: str) -> bool:
    return OF_ONE_EVENT.fullmatch(name) is None


def _comparable(properties: Properties) -> dict[str, str | frozenset[str]]:
    return {
        name: frozenset(value.split(SETS[name])) if name in SETS else value
        for name, value in properties.items()
        if _lasts(name) and name not in OF_MESSAGES
    }

"""Which of several devices a declared serial port means, and how long until it is tried again. None is opened here.

A port is known again by the serial number of its device, then by the place that it is plugged into, then by the
interface; the numbers of nodes, as in ttyUSB0, say nothing.
"""

from collections.abc import Mapping, Sequence

IDENTITY = ("ID_SERIAL_SHORT", "ID_PATH", "ID_USB_INTERFACE_NUM")
"""The properties that tell a port again, the surest first."""
SOONEST_RETRY, LATEST_RETRY = 500_000, 30_000_000
"""Microseconds."""
LATEST_AFTER_HANG_UP = 4_000_000
"""Of a port that hangs up as soon as it is open: it is there, and its cable may sit firmly the next time."""

Properties = Mapping[str, str]


def in_order(found: Sequence[Properties], before: Properties) -> list[Properties]:
    """The devices that a port may mean, the likeliest first: like the one that it was `before`, else by their places.

    >>> twins = [{"ID_PATH": "usb-0:2", "DEVNAME": "/dev/ttyUSB0"}, {"ID_PATH": "usb-0:1", "DEVNAME": "/dev/ttyUSB1"}]
    >>> [each["DEVNAME"] for each in in_order(twins, {})]
    ['/dev/ttyUSB1', '/dev/ttyUSB0']
    >>> [each["DEVNAME"] for each in in_order(twins, {"ID_PATH": "usb-0:2", "DEVNAME": "/dev/ttyUSB7"})]
    ['/dev/ttyUSB0', '/dev/ttyUSB1']
    """

    def likelihood(device: Properties) -> tuple[list[bool], list[str]]:
        others = [name in before and device.get(name) != before[name] for name in IDENTITY]
        return others, [device.get(name, "") for name in (*IDENTITY[1:], "DEVPATH", "DEVNAME")]

    return sorted(found, key=likelihood)


def is_the_same(device: Properties, before: Properties) -> bool:
    """Whether a device is the one that a port was before, by all that tells it again.

    >>> is_the_same({"ID_PATH": "usb-0:2", "DEVNAME": "/dev/ttyUSB1"}, {"ID_PATH": "usb-0:2"}), is_the_same({}, {})
    (True, False)
    """
    known = [name for name in IDENTITY if name in before]
    return bool(known) and all(device.get(name) == before[name] for name in known)


def told_apart_by(found: Sequence[Properties]) -> str | None:
    """The surest property that all these devices have, each another value; None where there is no such.

    >>> told_apart_by([{"ID_SERIAL_SHORT": "1", "ID_PATH": "a"}, {"ID_SERIAL_SHORT": "1", "ID_PATH": "b"}])
    'ID_PATH'
    """
    for name in IDENTITY:
        values = {device[name] for device in found if name in device}
        if len(values) == len(found):
            return name
    return None


def retry_delay(failures: int) -> int:
    """Microseconds until a port is tried again that could not be opened so many times in a row.

    >>> [retry_delay(failures) // 1000 for failures in (1, 2, 3, 7, 1000)]
    [500, 1000, 2000, 30000, 30000]
    """
    return min(SOONEST_RETRY << min(failures - 1, 16), LATEST_RETRY)

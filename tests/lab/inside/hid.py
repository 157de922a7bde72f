"""The buttons of a USB device, pressed: reports that the kernel's HID driver reads. No input event is made here.

USB, Device Class Definition for HID 1.11; HID Usage Tables (HUT) 1.12: page 7 are keys, page 12 is consumer control.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

CONSUMER_CONTROL = bytes.fromhex(
    "05 0c  09 01  a1 01  15 00  25 01  75 01  95 07"
    "09 e2  09 e9  09 ea  09 cd  09 b5  09 b6  09 b7  81 02  95 01  81 03  c0"
)
"""A report descriptor: seven buttons, a bit each, and a bit that means nothing; CONSUMER_BITS names them in order."""
CONSUMER_BITS: Mapping[str, int] = MappingProxyType(
    {
        name: 1 << bit
        for bit, name in enumerate(("mute", "volume up", "volume down", "play/pause", "next", "previous", "stop"))
    }
)

KEYBOARD = bytes.fromhex(
    "05 01  09 06  a1 01"
    "05 07  19 e0  29 e7  15 00  25 01  75 01  95 08  81 02  75 08  95 01  81 03"
    "05 08  19 01  29 03  75 01  95 03  91 02  75 05  95 01  91 03"
    "05 07  19 00  2a 81 00  15 00  26 81 00  75 08  95 06  81 00"
    "c0"
)
"""A boot keyboard's (HID 1.11, B.1), which also has the page's keys for mute and volume: up to 0x81, not 0x65."""
MODIFIERS: Mapping[str, int] = MappingProxyType({"left ctrl": 0x01, "left shift": 0x02, "left alt": 0x04})
KEYS: Mapping[str, int] = MappingProxyType(
    {
        **{letter: 0x04 + number for number, letter in enumerate("abcdefghijklmnopqrstuvwxyz")},
        **{digit: 0x1E + number for number, digit in enumerate("1234567890")},
        "enter": 0x28,
        "space": 0x2C,
        "-": 0x2D,
        "/": 0x38,
        "mute": 0x7F,
        "volume up": 0x80,
        "volume down": 0x81,
    }
)


def function(descriptor: bytes, length: int, *, boot: bool = False) -> dict[str, str | bytes]:
    """The configfs attributes of a HID function whose reports have `length` bytes; `boot`: a keyboard for a BIOS."""
    return {
        "report_desc": descriptor,
        "report_length": str(length),
        "subclass": str(int(boot)),
        "protocol": str(int(boot)),
        "no_out_endpoint": "1",
    }


class ConsumerControl:
    """The buttons behind the node of a function made with `CONSUMER_CONTROL`."""

    def __init__(self, node: Path) -> None:
        self._node = node

    def hold(self, *buttons: str) -> None:
        """Holds exactly these buttons; none lets go of all."""
        _send(self._node, bytes([sum(CONSUMER_BITS[button] for button in buttons)]))


class Keyboard:
    """The keys behind the node of a function made with `KEYBOARD`."""

    def __init__(self, node: Path) -> None:
        self._node = node

    def hold(self, *keys: str) -> None:
        """Holds exactly these keys, six at most beside modifiers; none lets go of all."""
        modifiers = sum(MODIFIERS[key] for key in keys if key in MODIFIERS)
        usages = [KEYS[key] for key in keys if key not in MODIFIERS]
        _send(self._node, bytes([modifiers, 0, *usages]).ljust(8, b"\0"))


def _send(node: Path, report: bytes) -> None:
    """Waits for the computer to have fetched the report before."""
    with node.open("wb", buffering=0) as file:
        file.write(report)

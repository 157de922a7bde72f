"""Which input devices there are, who they are and what they can send, as sysfs tells. No device node is opened.

The files are those of drivers/input/input.c, below the device: name, phys, uniq, id/ and capabilities/.
"""

import os
import struct
from collections.abc import Mapping
from pathlib import Path

import msgspec

from bridge.model.codes import code_number, names_of, type_number
from bridge.sources.evdev import InputIdentity

SYSFS = Path("/sys")
_WORD_BITS = struct.calcsize("@l") * 8
# The kernel lists the codes of these types; of the others (EV_SYN, EV_REP) a device may send every one.
_LISTED = {type_number(f"EV_{name.upper()}"): name for name in ("key", "rel", "abs", "msc", "sw", "led", "snd", "ff")}


class FoundInput(msgspec.Struct, frozen=True, kw_only=True):
    """An input device with a node; `devpath` is its place in sysfs, which no later device will have.

    `capabilities` are the codes that it can send, by type.
    """

    devpath: str
    identity: InputIdentity
    capabilities: Mapping[int, frozenset[int]]


def parse_bits(text: str, word_bits: int = _WORD_BITS) -> frozenset[int]:
    """The numbers of the bits set in a bitmap of sysfs: hexadecimal words of `word_bits` each, the highest first.

    Words are not padded with zeros, so their width cannot be seen; it is that of the reading process's `long`
    (input_bits_to_string in drivers/input/input.c). Raises ValueError for anything else.

    >>> sorted(parse_bits("1 8000000000000004", 64))
    [2, 63, 64]
    """
    words = [int(word, 16) for word in reversed(text.split())]
    bits = sum(word << index * word_bits for index, word in enumerate(words))
    return frozenset(number for number in range(bits.bit_length()) if bits >> number & 1)


def find_inputs(root: Path = SYSFS) -> list[str]:
    """The devpaths of all input devices that have a node, `/devices/.../input5/event3`, in the nodes' order."""
    listed = root / "class" / "input"
    try:
        names = [name for name in os.listdir(listed) if is_event_name(name)]
    except FileNotFoundError:  # a kernel without input devices
        return []
    base = root.resolve()
    places = [(listed / name).resolve() for name in sorted(names, key=lambda name: (len(name), name))]
    return [f"/{place.relative_to(base)}" for place in places]


def is_event_name(name: str) -> bool:
    """Whether a device of the subsystem `input` with this name is one that evdev serves.

    >>> [is_event_name(name) for name in ("event12", "mouse0", "input5")]
    [True, False, False]
    """
    return name.startswith("event")


def read_input(devpath: str, root: Path = SYSFS) -> FoundInput | None:
    """What sysfs tells of the device at `devpath`; None where there is no such device, or not any more."""
    directory = root / devpath.lstrip("/")
    try:
        node = _node(directory)
        identity = InputIdentity(
            device=node,
            name=_text(directory / "device/name"),
            phys=_text(directory / "device/phys"),
            uniq=_text(directory / "device/uniq"),
            bustype=_text(directory / "device/id/bustype"),
            vendor=_text(directory / "device/id/vendor"),
            product=_text(directory / "device/id/product"),
        )
        return FoundInput(devpath=devpath, identity=identity, capabilities=_capabilities(directory))
    except (OSError, ValueError):  # it goes while we read, and its files with it
        return None


def _node(directory: Path) -> str:
    for line in _text(directory / "uevent").splitlines():
        if line.startswith("DEVNAME="):
            return f"/dev/{line.removeprefix('DEVNAME=')}"
    raise FileNotFoundError(directory)


def _text(path: Path) -> str:
    # Bytes, because a name may hold carriage returns, and need not be UTF-8.
    return path.read_bytes().removesuffix(b"\n").decode(errors="surrogateescape")


def _capabilities(directory: Path) -> dict[int, frozenset[int]]:
    folder = directory / "device" / "capabilities"
    found = {}
    for event_type in sorted(parse_bits(_text(folder / "ev"))):
        if event_type in _LISTED:
            found[event_type] = parse_bits(_text(folder / _LISTED[event_type]))
        else:
            found[event_type] = frozenset(code_number(event_type, name) for name in names_of(event_type))
    return found

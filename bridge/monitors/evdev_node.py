"""The node of an input device and what evdev's ioctls do with it. Nothing here knows a rule or makes an event.

By hand and not with python-evdev's InputDevice: that one fails for a device whose name is not UTF-8, asks some thirty
questions that sysfs has answered, and knows neither EVIOCSMASK nor EVIOCSCLOCKID. Meanings are those of
drivers/input/evdev.c and linux/input.h; ioctls are numbered as in asm-generic/ioctl.h (x86, ARM, RISC-V, s390).
"""

import array
import contextlib
import errno
import fcntl
import os
import struct
import time
from collections.abc import Collection, Iterable
from typing import NamedTuple

from bridge.model.codes import LEVEL_TYPES, type_number
from bridge.monitors.evdev_decode import Code

EV_SYN = type_number("EV_SYN")
EV_ABS = type_number("EV_ABS")
CHUNK = 64 << 10
"""Bytes asked for in one read: more than the kernel queues for one reader of any device."""

_READ, _WRITE = 2 << 30, 1 << 30
_EVIOCSCLOCKID = _WRITE | 4 << 16 | ord("E") << 8 | 0xA0
_EVIOCSMASK = _WRITE | 16 << 16 | ord("E") << 8 | 0x93  # since Linux 4.4
_EVIOCGRAB = _WRITE | 4 << 16 | ord("E") << 8 | 0x90
_INPUT_MASK = struct.Struct("@IIQ")  # struct input_mask: type, bytes, address
_EVIOCGABS = _READ | 24 << 16 | ord("E") << 8 | 0x40  # and the axis
_ABSINFO = struct.Struct("@6i")  # struct input_absinfo
_BITS = 1024  # more than any type has codes (KEY_CNT is 768), and whole words: the kernel takes no others
_EVIOCG = {  # EVIOCGKEY and its like: which codes of the type are set
    type_number(name): _READ | _BITS // 8 << 16 | ord("E") << 8 | number
    for name, number in (("EV_KEY", 0x18), ("EV_LED", 0x19), ("EV_SND", 0x1A), ("EV_SW", 0x1B))
}
_MASKED = [type_number(f"EV_{name}") for name in ("SYN", "KEY", "REL", "ABS", "MSC", "SW", "LED", "SND", "FF")]
_WORD = struct.calcsize("@L") * 8
_WORDS = struct.Struct(f"@{_BITS // _WORD}L")
_EVERYTHING = b"\xff" * (_BITS // 8)


class Axis(NamedTuple):
    """What the kernel says of an axis: `struct input_absinfo`, by its own names."""

    value: int
    minimum: int
    maximum: int
    fuzz: int
    flat: int
    resolution: int


def has_state(code: Code) -> bool:
    """Whether the kernel can be asked for the present value of this code.

    Not of a touch's axes: they have a value for each slot, and EVIOCGABS knows none of them (input-mt.h).

    >>> [has_state(code) for code in ((5, 2), (2, 8), (3, 0), (3, 0x35))]
    [True, False, True, False]
    """
    event_type, number = code
    return event_type in LEVEL_TYPES and not (event_type == EV_ABS and 0x30 <= number <= 0x3D)


class KernelNode:
    """An open node, read-only: nothing is ever written to a device."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        """The node's descriptor, non-blocking; a read hands out whole `struct input_event`s."""
        return self._descriptor

    def mask(self, codes: Collection[Code]) -> None:
        """Lets only events of these codes into our queue, and wake us; a kernel without EVIOCSMASK lets all in.

        The kernel hides no EV_SYN, but a SYN_REPORT without an event before it: who asks for EV_SYN gets everything.
        What is queued already stays. Raises OSError.
        """
        everything = any(event_type == EV_SYN for event_type, _ in codes)
        for masked in _MASKED:
            if masked == EV_SYN:  # its mask is that of the types (EVIOCGMASK in linux/input.h)
                numbers = [event_type for event_type, _ in codes]
            else:
                numbers = [number for event_type, number in codes if event_type == masked]
            buffer = array.array("B", _EVERYTHING if everything else _bitmap(numbers))
            address, length = buffer.buffer_info()
            try:
                fcntl.ioctl(self._descriptor, _EVIOCSMASK, _INPUT_MASK.pack(masked, length, address))
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.ENOTTY):
                    raise
                return

    def state(self, event_type: int, numbers: Collection[int]) -> dict[int, int]:
        """The present value of each of these codes, all of one type and such that `has_state` holds for them.

        Reading KEY, SW, LED or SND makes the kernel throw away our queued events of that type: the state holds what
        they told. Raises OSError.
        """
        if event_type == EV_ABS:
            return {number: self.axis(number).value for number in numbers}
        found = bytearray(_BITS // 8)
        fcntl.ioctl(self._descriptor, _EVIOCG[event_type], found)
        words = _WORDS.unpack(found)
        return {number: words[number // _WORD] >> number % _WORD & 1 for number in numbers}

    def axis(self, number: int) -> Axis:
        """What the kernel says of one axis; no queued event is lost by asking. Raises OSError."""
        found = bytearray(_ABSINFO.size)
        fcntl.ioctl(self._descriptor, _EVIOCGABS + number, found)
        return Axis(*_ABSINFO.unpack(found))

    def grab(self) -> None:
        """Takes the device for ourselves until the node is closed. Raises OSError, EBUSY where somebody else has it."""
        fcntl.ioctl(self._descriptor, _EVIOCGRAB, 1)

    def let_go(self) -> None:
        """Gives the device back. Raises OSError."""
        fcntl.ioctl(self._descriptor, _EVIOCGRAB, 0)

    def close(self) -> None:
        """Closes the node; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def open_node(path: str) -> KernelNode:
    """Opens the node at `path`, set to the monotonic clock, its queue empty and closed to every code but EV_SYN.

    Raises OSError, with ENODEV where it is the node of something else than an input device.
    """
    node = KernelNode(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    try:
        # In this order, because a change of the clock with events in the queue makes it overrun (evdev_set_clk_type).
        node.mask(())
        with contextlib.suppress(BlockingIOError):
            os.read(node.fileno(), CHUNK)
        fcntl.ioctl(node.fileno(), _EVIOCSCLOCKID, struct.pack("@i", time.CLOCK_MONOTONIC))
    except OSError as error:
        node.close()
        if error.errno == errno.ENOTTY:
            raise OSError(errno.ENODEV, "not an input device", path) from error
        raise
    return node


def _bitmap(numbers: Iterable[int]) -> bytes:
    words = [0] * (_BITS // _WORD)
    for number in numbers:
        words[number // _WORD] |= 1 << number % _WORD
    return _WORDS.pack(*words)

"""A headphone jack that the kernel takes for a real one: /dev/input/eventN, made by uinput. No udevd is spoken to.

Kernel, Documentation/input/uinput.rst and event-codes.rst (EV_SW).
"""

import fcntl
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from evdev import UInput, ecodes

from tests.lab.inside.machine import settle

NAME = "hwbridge lab jack"
PHYS = "hwbridge/lab/jack"
HDA_JACK = {"name": "HDA Intel PCH Headphone", "phys": "ALSA"}
"""What a jack is called by the sound driver of many a laptop (kernel, sound/core/jack.c)."""
HEADPHONE = ecodes.SW_HEADPHONE_INSERT
LINE_OUT = ecodes.SW_LINEOUT_INSERT
MICROPHONE = ecodes.SW_MICROPHONE_INSERT
SWITCH_BYTES = 8
EVIOCGSW = 0x8000451B | SWITCH_BYTES << 16
"""linux/input.h: which switches are on, as bits."""


class Jack:
    """A jack with a headphone and a line-out socket; made when built, with `plugged` headphones from the start on."""

    def __init__(
        self,
        *,
        plugged: bool = False,
        name: str = NAME,
        phys: str = PHYS,
        switches: Sequence[int] = (HEADPHONE, LINE_OUT),
    ) -> None:
        self._device = UInput({ecodes.EV_SW: switches}, name=name, phys=phys)
        if plugged:
            self.turn(HEADPHONE, 1)
        settle()
        self.node = str(self._device.device.path)

    def plug(self) -> None:
        """Puts headphones in."""
        self.turn(HEADPHONE, 1)

    def unplug(self) -> None:
        """Takes headphones out."""
        self.turn(HEADPHONE, 0)

    def plugged(self) -> bool:
        """Whether the kernel says that headphones are in (EVIOCGSW)."""
        switches = fcntl.ioctl(self._device.device.fd, EVIOCGSW, bytes(SWITCH_BYTES))
        return bool(int.from_bytes(switches, sys.byteorder) >> HEADPHONE & 1)

    def turn(self, switch: int, value: int) -> None:
        """Sets one switch, as a packet of its own."""
        self._device.write(ecodes.EV_SW, switch, value)
        self._device.syn()

    def flip(self, switch: int, times: int) -> None:
        """Turns a switch on and off again, `times` times."""
        for _ in range(times):
            self.turn(switch, 1)
            self.turn(switch, 0)

    def destroy(self) -> None:
        """Takes the device itself away, as if its card were pulled out."""
        self._device.close()
        settle()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.destroy()

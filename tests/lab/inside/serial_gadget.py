"""A USB serial port that the kernel takes for a real one: /dev/ttyACM0, from g_serial on dummy_hcd; and what is in it.

Nothing here opens the computer's end. Kernel, Documentation/usb/gadget_serial.rst.
"""

import os
import select
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.inside.machine import load, settle, unload
from tests.lab.inside.waiting import SECONDS, NotInTimeError, wait_until

SERIAL = "LAB0001"
NODE = Path("/dev/ttyACM0")
CABLE = Path("/dev/ttyGS0")
"""The device's own end."""


@contextmanager
def plugged_in() -> Iterator[None]:
    """The adapter is plugged in while the block runs, and pulled out at its end; udevd has seen both."""
    load("g_serial", iSerialNumber=SERIAL, iManufacturer="hwbridge", iProduct="Lab")
    wait_until(NODE.exists, what=f"{NODE} comes")  # the hub finds the device after modprobe is done
    settle()
    try:
        yield
    finally:
        unload("g_serial")
        wait_until(lambda: not NODE.exists(), what=f"{NODE} goes")
        settle()


class Cable:
    """The device's end of the cable, open: it has a carrier for the computer, and what it sends comes in there."""

    def __init__(self) -> None:
        self._end = os.open(CABLE, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._end)

    def send(self, data: bytes) -> None:
        """Sends this."""
        os.write(self._end, data)

    def receive(self, count: int) -> bytes:
        """So many bytes that the computer has sent. Raises `NotInTimeError` where they do not come."""
        received = b""
        while len(received) < count:
            if not select.select([self._end], [], [], SECONDS)[0]:
                raise NotInTimeError(f"of {count} bytes only {received!r} came within {SECONDS} s")
            received += os.read(self._end, count - len(received))
        return received

    def close(self) -> None:
        """The carrier goes."""
        os.close(self._end)

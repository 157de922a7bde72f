"""A USB serial port that the kernel takes for a real one: /dev/ttyACM0, from g_serial on dummy_hcd. Nothing opens it.

Kernel, Documentation/usb/gadget_serial.rst.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.inside.machine import load, settle, unload
from tests.lab.inside.waiting import wait_until

SERIAL = "LAB0001"
NODE = Path("/dev/ttyACM0")


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

"""A USB device of three functions, as many are: a serial port, a disk with one partition, and media keys.

Nothing is plugged in here.
"""

from pathlib import Path

from tests.lab.inside import hid
from tests.lab.inside.usb_gadget import Description

SERIAL = "LAB0007"
IMAGE = Path("/run/hwbridge-lab/disk.img")
SECTOR = 512
SECTORS = 4096
PORT_NODE = "/dev/ttyACM0"


def composite() -> Description:
    """The device, whose disk is made now: with a table of one partition, and nothing in it."""
    IMAGE.parent.mkdir(parents=True, exist_ok=True)
    entry = bytes([0, 0, 2, 0, 0x83, 0, 0, 0]) + (1).to_bytes(4, "little") + (SECTORS - 1).to_bytes(4, "little")
    table = bytes(446) + entry + bytes(48) + b"\x55\xaa"
    IMAGE.write_bytes(table + bytes(SECTOR * (SECTORS - 1)))
    return Description(
        product="Lab Composite",
        serial=SERIAL,
        functions={
            "acm.port": {},
            "mass_storage.disk": {"lun.0/file": f"{IMAGE}\n"},
            "hid.buttons": hid.function(hid.CONSUMER_CONTROL, 1),
        },
        drivers=frozenset({"cdc-acm", "usb-storage", "sd_mod", "usbhid", "hid-generic"}),
    )

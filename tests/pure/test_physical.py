"""Which physical device a node is part of, and what that device is called."""

from dataclasses import replace

import pytest

from bridge.sources.device import DEVICE, identity_of
from bridge.sources.physical import Node, device_among, fields_of_device, kind_of, may_be_part, node_of

PCI = "/devices/pci0000:00/0000:00:14.0"
HUB = f"{PCI}/usb1/1-1"
BOARD = "/devices/platform"


def node(devpath: str, subsystem: str, devtype: str = "", **properties: str) -> Node:
    found = {"DEVPATH": devpath, "SUBSYSTEM": subsystem, "DEVTYPE": devtype, **properties}
    return node_of(found, is_initialised=True)


def lineage(*found: tuple[str, str, str]) -> list[Node]:
    """Nodes below each other, given from the top: the name, the subsystem, the devtype."""
    devpath, nodes = "/devices", []
    for name, subsystem, devtype in found:
        devpath = f"{devpath}/{name}"
        nodes.append(node(devpath, subsystem, devtype))
    return nodes[::-1]


CARD = ("pci0000:00/0000:00:14.0", "pci", "")
ROOT_HUB = ("usb1", "usb", "usb_device")
IN_PORT = ("1-1", "usb", "usb_device")
SCSI = ("2:0:0:0", "scsi", "scsi_device")
DISK = ("block/sda", "block", "disk")
MMC = ("mmc0:aaaa", "mmc", "")
INTERFACE = ("1-1:1.0", "usb", "usb_interface")


@pytest.mark.parametrize(
    ("found", "device"),
    [
        ([CARD, ROOT_HUB, IN_PORT, INTERFACE, ("tty/ttyACM0", "tty", "")], "1-1"),
        ([CARD, ROOT_HUB, IN_PORT, ("1-1.4", "usb", "usb_device"), ("1-1.4:1.0", "usb", "usb_interface")], "1-1.4"),
        ([CARD, ROOT_HUB], "0000:00:14.0"),
        (
            [CARD, ROOT_HUB, IN_PORT, INTERFACE, SCSI, DISK],
            "1-1",
        ),
        ([CARD, SCSI, DISK], "2:0:0:0"),
        ([CARD, ("virtio0", "virtio", ""), ("block/vda", "block", "disk")], "0000:00:14.0"),
        ([CARD, ("nvme/nvme0", "nvme", ""), ("nvme0n1", "block", "disk")], "0000:00:14.0"),
        (
            [CARD, ROOT_HUB, IN_PORT, INTERFACE, MMC, ("block/mmcblk0", "block", "disk")],
            "mmc0:aaaa",
        ),
        ([CARD, ROOT_HUB, IN_PORT, INTERFACE, ("hci0", "bluetooth", "host")], "1-1"),
        ([CARD, ROOT_HUB, IN_PORT, ("hci0", "bluetooth", "host"), ("hci0:7", "bluetooth", "link")], "hci0:7"),
        ([("virtual/misc/uhid/0005:046D:B342.0001", "hid", ""), ("input/input9", "input", "")], "0005:046D:B342.0001"),
        ([("virtual/input/input9", "input", ""), ("event4", "input", "")], "input9"),
        ([("platform/i8042", "platform", ""), ("serio0", "serio", ""), ("input/input3", "input", "")], "serio0"),
        ([CARD, ("i2c-6", "i2c", ""), ("i2c-ELAN:00", "i2c", ""), ("input/input7", "input", "")], "0000:00:14.0"),
        ([("virtual/tty/tty1", "tty", "")], None),
        ([("virtual/block/loop0", "block", "disk")], None),
        ([("virtual/net/br0", "net", "bridge")], None),
        ([("virtual/input/mice", "input", "")], None),
    ],
)
def test_a_node_is_part_of_what_is_plugged_in(found: list[tuple[str, str, str]], device: str | None) -> None:
    whole = device_among(lineage(*found))

    assert (whole.devpath.rpartition("/")[2] if whole is not None else None) == device


@pytest.mark.parametrize(
    ("devpath", "may"),
    [
        (f"{HUB}/1-1:1.0", True),
        ("/devices/virtual/input/input3/event2", True),
        ("/devices/virtual/misc/uhid/0005:046D:B342.0001", True),
        ("/devices/virtual/tty/tty1", False),
        ("/devices/virtual/net/br0", False),
        ("/module/usbhid", False),
        ("/bus/usb/drivers/usbhid", False),
    ],
)
def test_what_may_be_part_of_a_device_is_told_by_its_place(devpath: str, may: bool) -> None:
    assert may_be_part(devpath) == may


def test_every_place_of_a_kind_may_be_part_of_a_device() -> None:
    assert may_be_part("/devices/virtual/video4linux/video0")
    assert kind_of({"DEVPATH": "/devices/virtual/video4linux/video0", "SUBSYSTEM": "video4linux"}) is not None


@pytest.mark.parametrize(
    ("device", "parts", "known"),
    [
        (
            node(HUB, "usb", "usb_device", PRODUCT="46d/c52b/1211"),
            [],
            {"vendor": "046d", "product": "c52b", "id": f"usb-046d:c52b@{HUB}"},
        ),
        (
            node(HUB, "usb", "usb_device", ID_VENDOR_ID="046D", ID_MODEL_ID="C52B", ID_SERIAL="x", ID_PATH="p"),
            [],
            {"vendor": "046d", "product": "c52b", "id": "usb-046d:c52b@p"},
        ),
        (
            node(PCI, "pci", PCI_ID="8086:1E31", ID_MODEL_FROM_DATABASE="xHCI"),
            [],
            {"vendor": "8086", "product": "1e31", "name": "xHCI", "id": f"pci-8086:1e31@{PCI}"},
        ),
        (
            node("/devices/virtual/input/input9", "input", PRODUCT="3/1/2/3", NAME='"Foot \udce9"', UNIQ='""'),
            [],
            {"vendor": "0001", "product": "0002", "name": "Foot \\xe9", "id": "input-0001:0002-Foot \\xe9"},
        ),
        (
            node("/devices/virtual/input/input9", "input"),
            [],
            {"id": "input@/devices/virtual/input/input9"},
        ),
        (
            node("/devices/b/hci0:7", "bluetooth", "link"),
            [node("/devices/b/hci0:7/0005", "hid", HID_ID="0005:0000046D:0000B342", HID_NAME="K", HID_UNIQ="aa:bb")],
            {"vendor": "046d", "product": "b342", "name": "K", "serial": "aa:bb", "id": "bluetooth-046d:b342-aa:bb"},
        ),
        (
            node("/devices/ata1/2:0:0:0", "scsi", "scsi_device"),
            [
                node("/devices/ata1/2:0:0:0/block/sda", "block", "disk", ID_SERIAL="D_7", ID_SERIAL_SHORT="7"),
                node("/devices/ata1/2:0:0:0/block/sda/sda1", "block", "partition", ID_SERIAL="D_7", ID_FS_LABEL="x"),
            ],
            {"serial": "7", "ID_SERIAL": "D_7", "id": "scsi-7"},
        ),
        (
            node(HUB, "usb", "usb_device", ID_MODEL="A_B", ID_MODEL_ENC="A\\x20\\xc3\\xa9", ID_SERIAL="s", ID_PATH="p"),
            [node(f"{HUB}/tty", "tty", ID_MODEL="other")],
            {"name": "A é", "ID_MODEL": "A_B", "id": "usb@p"},
        ),
    ],
)
def test_a_device_is_called_what_it_or_else_its_nearest_part_says(
    device: Node, parts: list[Node], known: dict[str, str]
) -> None:
    fields = fields_of_device(device, parts)
    told = {"id": identity_of(fields), **fields, "state": "arrived", "nodes": ""}

    assert {name: told.get(name) for name in known} == known
    assert DEVICE.checked(dict(told)) == told


def test_a_node_that_udevd_saw_at_another_time_is_another() -> None:
    first = node("/devices/x", "block", DEVNAME="/dev/sda", USEC_INITIALIZED="5", DISKSEQ="1")

    assert first.is_another(node("/devices/x", "block", DEVNAME="/dev/sda", USEC_INITIALIZED="6"))
    assert first.is_another(node("/devices/x", "block", DISKSEQ="2"))
    assert not first.is_another(node("/devices/x", "block", DEVNAME="/dev/sda", USEC_INITIALIZED="5"))
    assert not first.is_another(node("/devices/x", "block", USEC_INITIALIZED="6"))


def test_a_usb_device_that_the_kernel_counts_as_the_same_is_the_same_whenever_udevd_saw_it() -> None:
    first = node("/devices/x", "usb", "usb_device", DEVNAME="/dev/bus/usb/001/007", DEVNUM="007", USEC_INITIALIZED="5")

    assert not first.is_another(replace(first, marks={"DEVNUM": "007", "USEC_INITIALIZED": "6"}))
    assert first.is_another(replace(first, marks={"DEVNUM": "008", "USEC_INITIALIZED": "5"}))


def test_only_what_keeps_its_time_is_told_apart_by_it() -> None:
    driver = node("/devices/y", "scsi", "scsi_device", USEC_INITIALIZED="5")

    assert not driver.is_another(node("/devices/y", "scsi", "scsi_device", USEC_INITIALIZED="6"))

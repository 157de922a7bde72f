"""Uevents of a made-up plug, as udevd tells them, and what folding makes of them. Nothing here looks at a device."""

from collections.abc import Iterable, Mapping

from bridge.model.events import Event
from bridge.sources.folding import Folding

QUIET, MOST = 500_000, 5_000_000
Properties = Mapping[str, str]

HUB = "/devices/pci0000:00/0000:00:14.0/usb1/1-1"
STICK = f"{HUB}/1-1.2"
TTY = f"{STICK}/1-1.2:1.0/tty/ttyACM0"
DISK = f"{STICK}/1-1.2:1.2/host2/target2:0:0/2:0:0:0/block/sda"
IDENTITY = {
    "ID_BUS": "usb",
    "ID_VENDOR_ID": "1d6b",
    "ID_MODEL_ID": "0104",
    "ID_MODEL": "Lab_Stick",
    "ID_MODEL_ENC": "Lab\\x20Stick",
    "ID_SERIAL": "hwbridge_Lab_Stick_LAB7",
    "ID_SERIAL_SHORT": "LAB7",
    "ID_PATH": "pci-0000:00:14.0-usb-0:1.2",
}


def usb_device(devpath: str = STICK, number: int = 7, **more: str) -> Properties:
    """The properties of a USB device with its driver, the `number`th that was plugged in since the boot."""
    return {
        "DEVPATH": devpath,
        "SUBSYSTEM": "usb",
        "DEVTYPE": "usb_device",
        "DRIVER": "usb",
        "DEVNAME": f"/dev/bus/usb/001/{number:03}",
        "DEVNUM": f"{number:03}",
        "MAJOR": "189",
        "MINOR": str(number - 1),
        "USEC_INITIALIZED": str(1000 + number),
        **IDENTITY,
        **more,
    }


def stick(number: int = 7) -> list[Properties]:
    """All the devices that the kernel makes of one composite stick, parents first."""
    of_it = {"ID_SERIAL": IDENTITY["ID_SERIAL"], "ID_BUS": "usb", "USEC_INITIALIZED": str(2000 + number)}
    interfaces = [
        {"DEVPATH": f"{STICK}/1-1.2:1.{place}", "SUBSYSTEM": "usb", "DEVTYPE": "usb_interface", "PRODUCT": "1d6b/104/1"}
        for place in (0, 1, 2)
    ]
    target = DISK.removesuffix("/block/sda")
    return [
        usb_device(number=number),
        *interfaces,
        {"DEVPATH": TTY, "SUBSYSTEM": "tty", "DEVNAME": "/dev/ttyACM0", "MAJOR": "166", "MINOR": "0", **of_it},
        {"DEVPATH": target, "SUBSYSTEM": "scsi", "DEVTYPE": "scsi_device"},
        {
            "DEVPATH": DISK,
            "SUBSYSTEM": "block",
            "DEVTYPE": "disk",
            "DEVNAME": "/dev/sda",
            "MAJOR": "8",
            "MINOR": "0",
            "DISKSEQ": str(number),
            **of_it,
        },
        {
            "DEVPATH": f"{DISK}/sda1",
            "SUBSYSTEM": "block",
            "DEVTYPE": "partition",
            "DEVNAME": "/dev/sda1",
            "MAJOR": "8",
            "MINOR": "1",
            "DISKSEQ": str(number),
            **of_it,
        },
    ]


NODES = "/dev/bus/usb/001/007 /dev/sda /dev/sda1 /dev/ttyACM0"


def acted(action: str, devices: Iterable[Properties], **more: str) -> list[Properties]:
    """The uevents in which `action` happens to all of these devices."""
    return [{**device, "ACTION": action, **more} for device in devices]


def plug(number: int = 7) -> list[Properties]:
    """What is heard when the stick is plugged in."""
    devices = stick(number)
    bound = [device for device in devices if device["SUBSYSTEM"] in ("usb", "scsi")]
    undriven = {name: value for name, value in devices[0].items() if name != "DRIVER"}
    return [*acted("add", [undriven, *devices[1:]]), *acted("bind", bound), *acted("change", devices[-2:])]


def pull(number: int = 7) -> list[Properties]:
    """What is heard when it is pulled out."""
    devices = stick(number)
    return [*acted("unbind", devices[1:4]), *acted("remove", reversed(devices))]


class Desk:
    """A folding that is asked for every device, on a clock of its own; `told` is all that it ever told."""

    def __init__(self) -> None:
        self.folding = Folding(quiet=QUIET, most=MOST)
        self.at = 0
        self.closed: frozenset[str] = frozenset()
        self.in_sysfs: list[str] = []
        self.told: list[Event] = self.folding.ask(lambda fields: True, 0)

    def hear(self, messages: Iterable[Properties]) -> None:
        """All of this is heard now."""
        for message in messages:
            self.told += self.folding.hear(message, self.at)

    def wait(self, microseconds: int) -> None:
        """The time goes on; what has a deadline until then is done when it is due."""
        end = self.at + microseconds
        while (due := self.folding.deadline) is not None and due <= end:
            self.at = max(due, self.at)
            self.told += self.folding.settle(self.at, self)
        self.at = end

    def is_openable(self, devnode: str, number: str) -> bool:
        return devnode not in self.closed

    def below(self, devpath: str) -> list[str]:
        return self.in_sysfs

    def in_short(self) -> list[tuple[str, str, str]]:
        return [(event.origin.value, str(event.fields["state"]), str(event.fields["id"])) for event in self.told]

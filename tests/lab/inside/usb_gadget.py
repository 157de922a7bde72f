"""A USB device of several functions that the kernel takes for a real one, and its cable. It knows no one device.

The device's end is a gadget of configfs (kernel, Documentation/usb/gadget_configfs.rst) on usbip-vudc, the computer's
end vhci_hcd, and the cable a pair of sockets between the two (Documentation/usb/usbip_protocol.rst). dummy_hcd would
need no cable, but has no isochronous endpoints, without which there is no sound card.
"""

import socket
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab.inside.machine import load, settle
from tests.lab.inside.waiting import NotInTimeError, wait_until

CONFIGFS = Path("/sys/kernel/config")
DEVICE_SIDE = Path("/sys/devices/platform/usbip-vudc.0")
COMPUTER_SIDE = Path("/sys/devices/platform/vhci_hcd.0")
BUS_AND_DEVICE, HIGH_SPEED = 1 << 16 | 2, 3
"""What `attach` is told of the device: the numbers that the other end calls it by, and enum usb_device_speed."""
UNPLUGGED = "1"
"""`usbip_status` of a device that waits for its cable: SDEV_ST_AVAILABLE, drivers/usb/usbip/usbip_common.h."""
ENGLISH = "0x409"
ENUMERATION_SECONDS = 60
"""Ten times what the slowest guest has needed."""
_DRIVEN = "the device and each of its interfaces have a driver"

Function = Mapping[str, str | bytes]
"""The attributes of a function, as configfs names them; those that are not there keep the kernel's value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a device says of itself, and its functions in the order of its interfaces, by their names in configfs."""

    product: str
    serial: str
    functions: Mapping[str, Function]
    drivers: frozenset[str]
    """Those that the computer needs for it."""
    manufacturer: str = "hwbridge"
    vendor_id: str = "0x1d6b"
    """The Linux Foundation, which lends its id and the next one to gadgets made of several functions."""
    product_id: str = "0x0104"

    @property
    def name(self) -> str:
        """What the kernel calls its input devices."""
        return f"{self.manufacturer} {self.product}"


class UsbGadget:
    """The device; it lies beside the computer while the block runs, until it is plugged in."""

    def __init__(self, description: Description) -> None:
        self._description = description
        self._directory = CONFIGFS / "usb_gadget/lab"

    def __enter__(self) -> Self:
        for module in ("libcomposite", "usbip-vudc", "vhci-hcd", *sorted(self._description.drivers)):
            load(module)
        _leave_one_controller()
        if not CONFIGFS.joinpath("usb_gadget").exists():
            subprocess.run(["mount", "-t", "configfs", "none", CONFIGFS], check=True)
        self._build(self._description)
        _write(self._directory / "UDC", DEVICE_SIDE.name)
        settle()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if _found() is not None:
            self.pull()
        _write(self._directory / "UDC", "\n")
        self._take_apart()
        settle()

    def plug(self) -> None:
        """Puts the plug in; the computer knows the device and its interfaces, and udevd has handled all of it.

        In a guest that is slow for a moment the kernel may run out of patience with the device: then it is put in
        once more, as anybody would.
        """
        _attach()
        try:
            wait_until(_is_driven, what=_DRIVEN, seconds=ENUMERATION_SECONDS)
        except NotInTimeError:
            with suppress(OSError):  # the kernel has given it up already
                self.pull()
            _attach()
            wait_until(_is_driven, what=_DRIVEN)
        settle()

    def pull(self) -> None:
        """Pulls the plug out."""
        _write(COMPUTER_SIDE / "detach", "0\n")
        wait_until(lambda: _found() is None, what="the computer lets the device go")
        status = DEVICE_SIDE / "usbip_status"
        wait_until(lambda: status.read_text().strip() == UNPLUGGED, what="the device sees that it is out")
        settle()

    def node(self, function: str) -> Path:
        """The device's own end of a HID function, `/dev/hidg0`."""
        _, minor = (self._directory / "functions" / function / "dev").read_text().split(":")
        return Path(f"/dev/hidg{int(minor)}")

    def _build(self, description: Description) -> None:
        self._directory.mkdir()
        _write(self._directory / "idVendor", description.vendor_id)
        _write(self._directory / "idProduct", description.product_id)
        strings = self._directory / "strings" / ENGLISH
        strings.mkdir()
        _write(strings / "manufacturer", description.manufacturer)
        _write(strings / "product", description.product)
        _write(strings / "serialnumber", description.serial)
        configuration = self._directory / "configs/all.1"
        configuration.mkdir()
        for name, attributes in description.functions.items():
            function = self._directory / "functions" / name
            function.mkdir()
            for attribute, value in attributes.items():
                _write(function / attribute, value)
            (configuration / name).symlink_to(function)

    def _take_apart(self) -> None:
        configuration = self._directory / "configs/all.1"
        for name in self._description.functions:
            (configuration / name).unlink()
            (self._directory / "functions" / name).rmdir()
        configuration.rmdir()
        (self._directory / "strings" / ENGLISH).rmdir()
        self._directory.rmdir()


def _leave_one_controller() -> None:
    """Of vhci_hcd's eight: the others would be fourteen hubs in every recording."""
    driver = Path("/sys/bus/platform/drivers/vhci_hcd")
    for controller in driver.glob("vhci_hcd.*"):
        if controller.name != COMPUTER_SIDE.name:
            _write(driver / "unbind", controller.name)


def _found() -> Path | None:
    """The device in sysfs, while the computer knows it: `usb2/2-1`, the first port of whatever number the bus has."""
    return next(COMPUTER_SIDE.glob("usb*/*-1"), None)


def _attach() -> None:
    device, computer = socket.socketpair()
    with device, computer:  # the kernel keeps both ends
        _write(DEVICE_SIDE / "usbip_sockfd", f"{device.fileno()}\n")
        _write(COMPUTER_SIDE / "attach", f"0 {computer.fileno()} {BUS_AND_DEVICE} {HIGH_SPEED}\n")


def _is_driven() -> bool:
    device = _found()
    if device is None:
        return False
    interfaces = list(device.glob(f"{device.name}:*"))  # they come one after the other
    with suppress(FileNotFoundError):  # the device's own files come after its directory
        announced = (device / "bNumInterfaces").read_text().strip()
        return announced == str(len(interfaces)) and all((each / "driver").exists() for each in (device, *interfaces))
    return False


def _write(file: Path, value: str | bytes) -> None:
    file.write_bytes(value if isinstance(value, bytes) else value.encode())

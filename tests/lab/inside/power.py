"""Scenarios of power: a mouse that has a battery of its own. None says what is right."""

from pathlib import Path

from tests.lab.inside import hid
from tests.lab.inside.daemon import Daemon
from tests.lab.inside.machine import settle
from tests.lab.inside.usb_gadget import Description, UsbGadget
from tests.lab.inside.waiting import wait_until
from tests.lab.inside.workplace import Workplace

Seen = dict[str, object]
SUPPLIES = Path("/sys/class/power_supply")
MOUSE = "hid.mouse"
MOUSE_WITH_BATTERY = bytes.fromhex(
    "05 01  09 02  a1 01"
    "05 09  19 01  29 03  15 00  25 01  75 01  95 03  81 02  75 05  95 01  81 03"
    "05 01  09 30  09 31  15 81  25 7f  75 08  95 02  81 06"
    "05 06  09 20  15 00  25 64  75 08  95 01  81 02"
    "c0"
)
"""A mouse of three buttons (HID 1.11, B.2); its reports end with the battery's strength in percent (page 6, 0x20)."""
DEVICE = Description(
    product="Lab Mouse",
    serial="LAB0005",
    functions={MOUSE: hid.function(MOUSE_WITH_BATTERY, 4)},
    drivers=frozenset({"usbhid", "hid-generic"}),
)
TASK = """
[[task]]
name = "power"
triggers = [{ system = "PowerStateChange" }, { system = "BackgroundWorkCostChange" }]
run = { exec = ["/bin/true"] }
"""


def mouse_with_a_battery(place: Workplace) -> Seen:
    """A mouse is there when the daemon starts; its battery gets empty, and it is pulled out."""
    (place.tasks / "power.toml").write_text(TASK)
    with UsbGadget(DEVICE) as gadget:
        gadget.plug()
        wait_until(lambda: bool(_scopes()), what="the mouse has a power supply")
        with Daemon(place, "--config", str(_calm(place))) as daemon:
            there = _scopes()
            before = daemon.status()
            with _node().open("rb"):  # the kernel fetches reports only while somebody reads them
                for strength in (90, 50, 3):
                    gadget.node(MOUSE).write_bytes(bytes([0, 0, 0, strength]))
            settle()
            gadget.pull()
            wait_until(lambda: not _scopes(), what="the mouse's power supply goes")
            return {
                "scopes": there,
                "shown": [each for each in before["monitors"] if each["source"] == "system.power"],
                "raised": daemon.status()["raised"],
            }


def _calm(place: Workplace) -> Path:
    """A configuration for which it is of no matter how busy the guest is."""
    path = place.directory / "hwbridge.toml"
    path.write_text('[power]\npressure = "off"\n')
    return path


def _node() -> Path:
    """The mouse's reports as they are; no other HID device is in the guest."""
    (node,) = Path("/dev").glob("hidraw*")
    return node


def _scopes() -> dict[str, str]:
    return {each.name: (each / "scope").read_text().strip() for each in SUPPLIES.iterdir() if (each / "scope").exists()}


POWER_SCENARIOS = {scenario.__name__: scenario for scenario in (mouse_with_a_battery,)}

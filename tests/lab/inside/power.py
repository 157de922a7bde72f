"""Scenarios of power: a mouse that has a battery of its own. None says what is right."""

from contextlib import suppress
from pathlib import Path

from tests.lab.inside import hid
from tests.lab.inside.daemon import Daemon
from tests.lab.inside.usb_gadget import Description, UsbGadget
from tests.lab.inside.waiting import wait_until
from tests.lab.inside.workplace import Workplace

Seen = dict[str, object]
SUPPLIES = Path("/sys/class/power_supply")
MOUSE = "hid.mouse"
STRENGTHS = (90, 50, 3)
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
GONE = """
[triggers]
"supply.gone" = "{3B61D0E9-7A2F-4C58-B1D4-85E90F2C6A37}"

[[rule]]
name = "supply-gone"
source = "udev"
match = { subsystem = "power_supply", action = "remove" }
quiet_for = "3s"
raise = "supply.gone"
"""
"""It raises later than our own look, which is a second behind the last event at most."""
CALM = '[power]\npressure = "off"\n'
"""Settings for which it is of no matter how busy the guest is."""


def mouse_with_a_battery(place: Workplace) -> Seen:
    """A mouse is there when the daemon starts; its battery gets empty, and it is pulled out."""
    place.settings.write_text(CALM)
    place.add_rules(GONE)
    place.add_task("gone", "supply.gone")
    place.add_system_task("power", "PowerStateChange")
    place.add_system_task("cost", "BackgroundWorkCostChange")
    with UsbGadget(DEVICE) as gadget:
        gadget.plug()
        wait_until(lambda: bool(_scopes()), what="the mouse has a power supply")
        with Daemon(place) as daemon:
            there = _scopes()
            shown = daemon.monitor("system.power")
            with _node().open("rb"):  # the kernel fetches reports only while somebody reads them
                for strength in STRENGTHS:
                    gadget.node(MOUSE).write_bytes(bytes([0, 0, 0, strength]))
                    wait_until(lambda now=strength: _strength() == now, what=f"the battery has {strength} percent")
            gadget.pull()
            return {"scopes": there, "shown": shown, "runs": [run["task"] for run in daemon.wait_for_runs(1)]}


def _node() -> Path:
    """The mouse's reports as they are; no other HID device is in the guest."""
    (node,) = Path("/dev").glob("hidraw*")
    return node


def _strength() -> int | None:
    """What the kernel knows of it, in percent; None where it has asked the mouse for it in vain."""
    (supply,) = SUPPLIES.iterdir()
    with suppress(OSError):
        return int((supply / "capacity").read_text())
    return None


def _scopes() -> dict[str, str]:
    return {each.name: (each / "scope").read_text().strip() for each in SUPPLIES.iterdir() if (each / "scope").exists()}


POWER_SCENARIOS = {scenario.__name__: scenario for scenario in (mouse_with_a_battery,)}

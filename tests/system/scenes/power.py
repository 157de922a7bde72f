"""The scene of `system.power`: a laptop below a directory where sysfs has its supplies, and a udevd of our own."""

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from fake_udevd import FakeUdevd
from namespace import UNSHARE, why_not
from power_listening import COST, NOT_HIGH, POWER

from bridge.model.events import DeviceGone, Event, Fields
from bridge.monitors.merged import Subscription
from bridge.monitors.monitor import Clock, Monitor
from bridge.monitors.power import PowerMonitor
from bridge.monitors.power_machine import POWER_SUPPLY, ThisMachine
from bridge.monitors.power_settings import PowerSettings
from bridge.monitors.uevents import UeventSocket
from scenes.scene import Levels, Scene

RULES = f"""
[[rule]]
name = "power"
source = "system"
match = {{ name = ["{POWER}", "{COST}", "{NOT_HIGH}"] }}
raise = "{{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}}"
"""
SUPPLIES = Path("/sys/class/power_supply")
SETTINGS = PowerSettings(pressure={"memory": 100}, upower=False)
"""What memory lacks on the machine that tests run on is of no matter."""
SMALL_QUEUE = 16 << 10


class SmallQueue(ThisMachine):
    """This machine, whose kernel drops events sooner."""

    def subscribe(self) -> Subscription:
        return UeventSocket(group="udev", subsystems=frozenset({POWER_SUPPLY}), receive_buffer=SMALL_QUEUE)


class PowerScene(Scene):
    monitor = "system.power"
    within = UNSHARE
    wakes_after = SETTINGS.poll

    @classmethod
    def why_not(cls) -> str | None:
        return why_not()

    def begin(self) -> None:
        for place in ("/run", str(SUPPLIES)):
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], check=True)
        Path("/run/udev").mkdir()
        Path("/run/udev/control").touch()
        self._udevd = FakeUdevd()
        self._has_battery = True
        self._be(mains=True)

    def end(self) -> None:
        with self._udevd:
            pass

    def open(self, clock: Clock) -> Monitor:
        return PowerMonitor(clock=clock, settings=SETTINGS, machine=SmallQueue())

    def rules(self) -> str:
        return RULES

    def change(self) -> Fields:
        self._be(mains=not self._mains)
        self._tell("ADP1")
        self._tell("BAT0")
        self._tell("ADP1")
        return {"name": POWER, "mains": int(self._mains)}

    def lose(self) -> None:
        for _ in range(1000):
            self._tell("ADP1")
        self._be(mains=not self._mains)
        self._tell("ADP1")

    def unplug(self) -> None:
        self._has_battery = False
        shutil.rmtree(SUPPLIES / "BAT0")
        self._tell("BAT0", "remove")

    def plug(self) -> None:
        self._has_battery = True
        self._be(mains=False)
        self._tell("BAT0", "add")

    def truth(self) -> Levels:
        cost = 0 if self._mains else 2 if self._has_battery else 1
        return _levels(
            {"name": POWER, "mains": int(self._mains), **(self._battery() if self._has_battery else {})},
            {"name": COST, "value": cost},
            {"name": NOT_HIGH, "value": int(cost < 2)},
        )

    def seen(self, told: Iterable[Event | DeviceGone]) -> Levels:
        """Two of the three are moments: how it is, is what the last of each name said."""
        return _levels(*(event.fields for event in told if isinstance(event, Event)))

    def _battery(self) -> Fields:
        return {"capacity": 10, "status": "Charging" if self._mains else "Discharging"}

    def _be(self, *, mains: bool) -> None:
        self._mains = mains
        _write("ADP1", {"type": "Mains", "online": int(mains)})
        if self._has_battery:
            _write("BAT0", {"type": "Battery", "present": 1, **self._battery()})

    def _tell(self, name: str, action: str = "change") -> None:
        self._udevd.send(action, f"/devices/{name}", POWER_SUPPLY)


def _write(name: str, attributes: Fields) -> None:
    (SUPPLIES / name).mkdir(exist_ok=True)
    for attribute, value in attributes.items():
        (SUPPLIES / name / attribute).write_text(f"{value}\n")


def _levels(*told: Fields) -> Levels:
    """By name the last; a detail that is not told is something to be told, too."""
    return {("", str(each["name"])): {"capacity": "", "status": "", **each} for each in told}


SCENE = PowerScene

"""The scene of `device`: sticks of several functions, of which a made-up udevd tells on real sockets."""

import namespace
from made_devices import MadeDevices, at_port

from bridge.model.events import Fields
from bridge.monitors.device import DeviceMonitor
from bridge.monitors.monitor import Clock, Monitor
from scenes.scene import Levels, Scene
from tests.pure.plugs import acted, plug, pull, stick

RULES = """
[[rule]]
name = "a stick"
source = "device"
match = { subsystem = "usb", vendor = "1d6b" }
raise = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
"""
SETTINGS = {"settle": 20_000, "most": 2_000_000}
MORE_THAN_A_QUEUE = 5000


class DeviceScene(Scene):
    monitor = "device"
    within = namespace.UNSHARE

    @classmethod
    def why_not(cls) -> str | None:
        return namespace.why_not()

    def begin(self) -> None:
        namespace.settle_in()
        self._machine = MadeDevices()
        self._plugged: set[int] = set()
        self._further = 5
        self.plug()

    def end(self) -> None:
        self._machine.end()

    def open(self, clock: Clock) -> Monitor:
        return DeviceMonitor(clock=clock, machine=self._machine, settings=SETTINGS)

    def rules(self) -> str:
        return RULES

    def change(self) -> Fields:
        self._further += 1
        self._plug(self._further)
        return {"state": "arrived", "serial": f"LAB-{self._further}"}

    def lose(self) -> None:
        for _ in range(MORE_THAN_A_QUEUE):
            self._machine.plays(acted("change", at_port(stick()[:1], 3)))
        self.unplug()
        self._plug(4)

    def unplug(self) -> None:
        self._plugged.discard(3)
        self._machine.plays(at_port(pull(), 3))

    def plug(self) -> None:
        self._plug(3)

    def truth(self) -> Levels:
        return {
            (f"usb-1d6b:0104-LAB-{port}", ""): {"state": "arrived", "subsystem": "usb", "serial": f"LAB-{port}"}
            for port in self._plugged
        }

    def _plug(self, port: int) -> None:
        self._plugged.add(port)
        self._machine.plays(at_port(plug(), port))


SCENE = DeviceScene

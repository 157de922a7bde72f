"""The scene of `evdev`: two input devices whose nodes are pipes, with a sysfs in a directory."""

from collections.abc import Mapping

from made_inputs import HEADPHONE, KEY_A, NODE, MadeMachine, MadeUevent

from bridge.model.events import Fields
from bridge.monitors.evdev import EvdevMonitor
from bridge.monitors.monitor import Clock, Monitor
from scenes.scene import Levels, Scene

RULES = """
[[rule]]
name = "jack"
source = "evdev"
match = { code = "SW_HEADPHONE_INSERT" }
raise = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
"""


class EvdevScene(Scene):
    monitor = "evdev"

    def begin(self) -> None:
        self._machine = MadeMachine(self.folder)
        self._devpath = self._machine.plug(3, "Jack", [HEADPHONE, KEY_A])
        self._machine.values[NODE] = {HEADPHONE: 1}
        self._there = True

    def open(self, clock: Clock) -> Monitor:
        return EvdevMonitor(clock=clock, machine=self._machine)

    def rules(self) -> str:
        return RULES

    def change(self) -> Fields:
        value = 1 - self._value()
        self._set(value)
        if NODE in self._machine.nodes and not self._machine.nodes[NODE].closed:
            self._machine.nodes[NODE].send(HEADPHONE, value)
        return {"code": "SW_HEADPHONE_INSERT", "value": value}

    def lose(self) -> None:
        self._set(1 - self._value())
        self._machine.nodes[NODE].drop()

    def unplug(self) -> None:
        self._machine.unplug(self._devpath)
        self._there = False
        self._machine.uevents[-1].tell(MadeUevent("remove", self._devpath))

    def plug(self) -> None:
        self._devpath = self._machine.plug(3, "Jack", [HEADPHONE, KEY_A])
        self._there = True
        self._machine.uevents[-1].tell(MadeUevent("add", self._devpath))

    def truth(self) -> Levels:
        level: Mapping[str, str | int] = {"code": "SW_HEADPHONE_INSERT", "value": self._value()}
        return {(NODE, "SW_HEADPHONE_INSERT"): level} if self._there else {}

    def _value(self) -> int:
        return self._machine.values[NODE][HEADPHONE]

    def _set(self, value: int) -> None:
        """The state that opening the device finds, and that of the open node."""
        self._machine.values[NODE] = {HEADPHONE: value}
        if NODE in self._machine.nodes:
            self._machine.nodes[NODE].values[HEADPHONE] = value


SCENE = EvdevScene

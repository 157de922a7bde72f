"""The scene of `evdev` where keys spell lines: a scanner that is a keyboard, its node a pipe; rules ask for a port."""

from collections.abc import Mapping
from itertools import count
from typing import ClassVar

from made_inputs import KEY_A, NODE, MadeMachine, MadeUevent

from bridge.model.events import Fields
from bridge.monitors.evdev import EvdevMonitor
from bridge.monitors.evdev_decode import Code
from bridge.monitors.monitor import Clock, Monitor
from scenes.scene import Levels, Scene

ENTER: Code = (1, 28)
RULES = """
[[input]]
match = { name = "Scanner" }
grab = true
text = { port = "scanner" }

[[rule]]
name = "scanned"
source = "serial"
match = { port = "scanner", line = true }
raise = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"

[[rule]]
name = "lost"
source = "serial"
match = { port = "scanner", state = "lost" }
raise = "{1D3BB4C6-5F8A-4E02-9C7B-6E0F3A2D8B10}"
"""


class TypedScene(Scene):
    monitor = "evdev"
    without: ClassVar[Mapping[str, str]] = {"loss": "lost keys change no level: test_evdev_text.py"}

    def begin(self) -> None:
        self._machine = MadeMachine(self.folder)
        self._devpath = self._machine.plug(3, "Scanner", [KEY_A, ENTER])
        self._is_there = True
        self._lengths = count(1)

    def open(self, clock: Clock) -> Monitor:
        self._clock = clock
        return EvdevMonitor(clock=clock, machine=self._machine)

    def rules(self) -> str:
        return RULES

    def change(self) -> Fields:
        length = next(self._lengths)
        node = self._machine.nodes[NODE]
        for code in (*[KEY_A] * length, ENTER):
            for value in (1, 0):
                if not node.closed:
                    node.send(code, value, at=self._clock())
        return {"port": "scanner", "line": "a" * length}

    def unplug(self) -> None:
        self._machine.unplug(self._devpath)
        self._is_there = False
        self._machine.uevents[-1].tell(MadeUevent("remove", self._devpath))

    def plug(self) -> None:
        self._devpath = self._machine.plug(3, "Scanner", [KEY_A, ENTER])
        self._is_there = True
        self._machine.uevents[-1].tell(MadeUevent("add", self._devpath))

    def truth(self) -> Levels:
        return {("scanner", ""): {"state": "opened" if self._is_there else "lost"}}


SCENE = TypedScene

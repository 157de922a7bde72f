"""The scene of `system.session`: a logind made of python-dbusmock, on a bus of its own."""

from made_bus import MadeBus, why_not
from made_logind import MadeLogind

from bridge.model.events import Fields
from bridge.monitors.monitor import Clock, Monitor
from bridge.monitors.session import SessionMonitor, Surroundings
from scenes.scene import Levels, Scene

RULES = """
[[rule]]
name = "somebody"
source = "system"
match = { name = ["UserPresent", "UserNotPresent", "SessionConnected"] }
raise = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"

[[rule]]
name = "sleep"
source = "system"
match = { name = "Suspend" }
raise = "{0E6F4D0C-3E77-4B8B-8A53-6B9F0E1D2C3A}"
"""


class SessionScene(Scene):
    monitor = "system.session"

    @classmethod
    def why_not(cls) -> str | None:
        return why_not()

    def begin(self) -> None:
        self._bus = MadeBus(self.folder)
        self._bus.start()
        self._logind = MadeLogind(self._bus)
        self._logind.come("1", is_told=False)
        self._name, self._is_there, self._is_locked = "1", True, False

    def end(self) -> None:
        self._bus.stop()

    def open(self, clock: Clock) -> Monitor:
        surroundings = Surroundings(address=self._bus.address, files=self.folder / "sessions")
        return SessionMonitor(clock=clock, settings={}, surroundings=surroundings)

    def rules(self) -> str:
        return RULES

    def change(self) -> Fields:
        self._is_locked = not self._is_locked
        self._logind.turn(self._name, LockedHint=self._is_locked)
        return {"name": "UserPresent", "value": int(not self._is_locked)}

    def lose(self) -> None:
        self._bus.stop()
        self._bus.start()
        self._logind.start()
        self._logind.come("2", user="bob", is_told=False)
        self._logind.turn("2", LockedHint=True)
        self._name, self._is_locked = "2", True

    def unplug(self) -> None:
        self._logind.go("1")
        self._is_there = False

    def plug(self) -> None:
        self._logind.come("1")
        self._name, self._is_there, self._is_locked = "1", True, False

    def truth(self) -> Levels:
        is_present = self._is_there and not self._is_locked
        levels = {
            "SessionConnected": self._is_there,
            "UserPresent": is_present,
            "UserNotPresent": not is_present,
        }
        return {("", name): {"name": name, "value": int(value)} for name, value in levels.items()}


SCENE = SessionScene

"""The scene of `system.network`: the machine of the scene `network`, seen as a whole."""

from made_network import SMALL, internet_monitor

from bridge.model.events import Fields
from bridge.monitors.monitor import Clock, Monitor
from scenes.network import NetworkScene
from scenes.scene import Levels

RULES = """
[[rule]]
name = "network changed"
source = "system"
match = { name = "NetworkStateChange" }
raise = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"

[[rule]]
name = "internet"
source = "system"
match = { name = ["InternetAvailable", "InternetNotAvailable", "FreeNetworkAvailable"] }
raise = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AC}"
"""


class InternetScene(NetworkScene):
    monitor = "system.network"

    def open(self, clock: Clock) -> Monitor:
        return internet_monitor(receive_buffer=SMALL)

    def rules(self) -> str:
        return RULES

    def change(self) -> Fields:
        changed = super().change()
        return {"name": "NetworkStateChange", "interface": changed["interface"], "kind": "address"}

    def truth(self) -> Levels:
        is_there = super().truth()["", "internet"]["value"] == 1
        values = {"InternetAvailable": is_there, "InternetNotAvailable": not is_there, "FreeNetworkAvailable": is_there}
        return {("", name): {"value": int(value)} for name, value in values.items()}


SCENE = InternetScene

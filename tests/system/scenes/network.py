"""The scene of `network`: a cable in a network namespace, of which the far end is pulled."""

from pathlib import Path

import made_network
import namespace
from made_network import ADDRESS, FAR, NEAR, SMALL, ip, network_monitor

from bridge.model.events import Fields
from bridge.monitors.monitor import Clock, Monitor
from scenes.scene import Levels, Scene

RULES = f"""
[[rule]]
name = "another address"
source = "network"
match = {{ interface = "{NEAR}" }}
raise = "{{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}}"

[[rule]]
name = "internet"
source = "network"
match = {{ kind = "internet", value = 1 }}
raise = "{{9118718B-FF80-4AFE-BAF1-D88A4525F3AC}}"
"""


class NetworkScene(Scene):
    monitor = "network"
    within = namespace.UNSHARE

    @classmethod
    def why_not(cls) -> str | None:
        return namespace.why_not()

    def begin(self) -> None:
        namespace.settle_in()
        self._further = 0
        self.plug()

    def open(self, clock: Clock) -> Monitor:
        return network_monitor(receive_buffer=SMALL)

    def rules(self) -> str:
        return RULES

    def change(self) -> Fields:
        self._further += 1
        ip(f"address add 198.51.100.{self._further}/32 dev {NEAR}")
        return {"interface": NEAR, "kind": "address", "addresses": self._addresses()}

    def lose(self) -> None:
        ip(*(f"address add 203.0.113.{number}/32 dev {NEAR}" for number in range(255)))
        ip(*(f"address del 203.0.113.{number}/32 dev {NEAR}" for number in range(255)))
        ip(f"link set {FAR} down")

    def unplug(self) -> None:
        ip(f"link del {NEAR}")
        self._is_there = False

    def plug(self) -> None:
        made_network.plug_cable()
        made_network.connect()
        self._further = 0
        self._is_there = True

    def truth(self) -> Levels:
        carrier = self._is_there and self._is_up()
        of_address = {"addresses": self._addresses()} if self._is_there else {}
        return {
            (NEAR, "link"): {"value": int(carrier)},
            (NEAR, "address"): {"value": int(self._is_there), **of_address},
            (NEAR, "route"): {"value": int(carrier)},
            ("", "internet"): {"value": int(carrier)},
        }

    def _is_up(self) -> bool:
        return (Path("/sys/class/net") / NEAR / "operstate").read_text() == "up\n"

    def _addresses(self) -> str:
        return " ".join([ADDRESS, *(f"198.51.100.{number}" for number in range(1, self._further + 1))])


SCENE = NetworkScene

"""The scene of `udev`: network devices of a namespace, of which the kernel itself tells."""

import shutil
import subprocess
from pathlib import Path

import namespace

from bridge.model.events import Fields
from bridge.monitors.merged import Filter
from bridge.monitors.monitor import Clock, Monitor
from bridge.monitors.udev import Libudev, UdevMonitor
from bridge.monitors.uevents import UeventSocket
from scenes.scene import Levels, Scene

RULES = """
[[rule]]
name = "a network device"
source = "udev"
match = { subsystem = "net", INTERFACE = true }
raise = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
"""
NET = "/devices/virtual/net"
MORE_THAN_A_QUEUE = 1500


class SmallQueues(Libudev):
    """Libudev with sockets that a few hundred events overflow."""

    def subscribe(self, one: Filter) -> UeventSocket:
        return UeventSocket(group=self.group, subsystems=one.subsystems, tag=one.tag, receive_buffer=64 << 10)


class UdevScene(Scene):
    monitor = "udev"
    within = namespace.UNSHARE

    @classmethod
    def why_not(cls) -> str | None:
        return "ip (iproute2) is not installed" if shutil.which("ip") is None else namespace.why_not()

    def begin(self) -> None:
        namespace.settle_in()
        self._further = 0
        self.plug()

    def open(self, clock: Clock) -> Monitor:
        return UdevMonitor(clock=clock, machine=SmallQueues("kernel"))

    def rules(self) -> str:
        return RULES

    def change(self) -> Fields:
        self._further += 1
        _ip(f"link add further{self._further} type bridge")
        return {"action": "add", "devpath": f"{NET}/further{self._further}", "devtype": "bridge"}

    def lose(self) -> None:
        _ip(*(f"link set lo name l{number}\nlink set l{number} name lo" for number in range(MORE_THAN_A_QUEUE // 2)))
        self.unplug()
        _ip("link add stays type bridge")

    def unplug(self) -> None:
        _ip("link del plugged")

    def plug(self) -> None:
        _ip("link add plugged type bridge")

    def truth(self) -> Levels:
        there = (path.name for path in Path("/sys/class/net").iterdir() if path.is_dir())
        return {(f"{NET}/{name}", ""): {"subsystem": "net", "INTERFACE": name} for name in there}


def _ip(*lines: str) -> None:
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines) + "\n", text=True, check=True, capture_output=True)


SCENE = UdevScene

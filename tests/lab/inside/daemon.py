"""`hwbridge run` as a process of the guest, seen from outside: its socket, its end. It imports nothing of it."""

import json
import socket
import sys
from pathlib import Path
from typing import Any

from tests.lab.inside.process import GuestProcess
from tests.lab.inside.workplace import Run, Workplace

CALL_SECONDS = 60
Status = dict[str, Any]
"""`ServiceStatus` of the varlink interface, as JSON has it."""


class Daemon(GuestProcess):
    """The daemon with a workplace's rules, tasks and settings; it runs while the block does, and answers throughout.

    It reads and keeps nothing elsewhere: what another scenario left is not its own.
    """

    def __init__(self, place: Workplace) -> None:
        self._place = place
        run: list[str | Path] = ["run", "--rules", place.rules, "--tasks", place.tasks, "--config", place.settings]
        run += ["--state", place.state, "--socket", place.socket]
        super().__init__([sys.executable, "-m", "bridge", *run], place.log, place.user)

    def is_ready(self) -> bool:
        """Whether it answers on its socket."""
        try:
            self.status()
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True

    def end(self) -> None:
        """Ends it, and notes its exit status in the workplace."""
        super().end()
        self._place.exit_status = self.exit_status

    def wait_for_device(self, node: str) -> None:
        """Waits until the daemon listens to the input device at `node`."""
        self.wait_until(lambda: node in self.devices(), what=f"the daemon listens to {node}")

    def wait_for_devices(self, name: str, count: int) -> None:
        """Waits until the daemon listens to so many input devices of this name."""
        self.wait_until(
            lambda: sum(name in device for device in self.monitor("evdev")["devices"]) == count,
            what=f"the daemon listens to {count} devices with the name {name}",
        )

    def devices(self) -> list[str]:
        """The nodes of the input devices that the daemon listens to; `Status` tells each one's name after it."""
        return [device.split()[0] for device in self.monitor("evdev")["devices"]]

    def wait_for_runs(self, count: int) -> list[Run]:
        """Waits until `count` runs have ended and none is left to start; returns all there are."""
        self.wait_until(lambda: len(self._place.runs()) >= count and self.is_idle(), what=f"{count} runs have ended")
        return self._place.runs()

    def wait_for_raises(self, trigger: str, count: int) -> None:
        """Waits until the trigger has led to so many runs, and none is left to start."""
        self.wait_until(
            lambda: sum(run["trigger"] == trigger for run in self._place.runs()) >= count and self.is_idle(),
            what=f"{trigger} was raised {count} times",
        )

    def is_idle(self) -> bool:
        """Whether nothing runs and nothing waits for its turn."""
        status = self.status()
        return not status["running"] and not status["waiting"]

    def monitor(self, source: str) -> dict[str, Any]:
        """What `Status` tells of the monitor of this source."""
        monitors: dict[str, dict[str, Any]] = {each["source"]: each for each in self.status()["monitors"]}
        return monitors[source]

    def status(self) -> Status:
        """Asks `org.hwbridge.Status` (varlink: a JSON object, then NUL)."""
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(CALL_SECONDS)
            peer.connect(str(self._place.socket))
            peer.sendall(b'{"method": "org.hwbridge.Status"}\0')
            text = b""
            while not text.endswith(b"\0"):
                received = peer.recv(65536)
                if not received:
                    raise ConnectionError("the daemon hung up before it answered")
                text += received
        status: Status = json.loads(text[:-1])["parameters"]["status"]
        return status

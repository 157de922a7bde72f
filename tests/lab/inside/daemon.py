"""`hwbridge run` as a process of the guest, seen from outside: its socket, its end. It imports nothing of it."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from tests.lab.inside.machine import PROJECT
from tests.lab.inside.waiting import wait_until
from tests.lab.inside.workplace import Run, Workplace

CALL_SECONDS = 60
STOP_SECONDS = 30
Status = dict[str, Any]
"""`ServiceStatus` of the varlink interface, as JSON has it."""


class Daemon:
    """The daemon with a workplace's rules and tasks; it runs while the block does, and answers from its start on."""

    def __init__(self, place: Workplace, *options: str) -> None:
        self._place = place
        self._options = options

    def __enter__(self) -> Self:
        place = self._place
        arguments = ["--rules", place.rules, "--tasks", place.tasks, "--socket", place.socket]
        with place.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bridge", "run", *map(str, arguments), *self._options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=PROJECT,
                env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(place.directory)},
                user=place.user,
                group=place.user,
                extra_groups=[],
            )
        self._pidfd = os.pidfd_open(self._process.pid)
        try:
            self.wait_until(self._answers, what="the daemon answers on its socket")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def wait_until(self, condition: Callable[[], bool], *, what: str) -> None:
        """Waits for the condition while the daemon lives."""
        wait_until(condition, what=what, process=self._pidfd)

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

    def kill(self) -> None:
        """Ends the process as nothing else does (SIGKILL)."""
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """Stops the process where it stands (SIGSTOP)."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on (SIGCONT)."""
        self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            self.status()
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True

    def _end(self) -> None:
        self._process.terminate()
        self.thaw()  # a frozen one would not see it
        try:
            self._place.exit_status = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._place.exit_status = self._process.wait()
        os.close(self._pidfd)

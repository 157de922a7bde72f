"""`hwbridge record` as a process of the guest, and what it has written so far. It imports nothing of it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tests.lab.inside.machine import PROJECT
from tests.lab.inside.waiting import wait_until
from tests.lab.inside.workplace import Workplace

STOP_SECONDS = 30
Line = dict[str, object]
"""A line of the recording, as JSON has it."""


class Recorder:
    """Records into the workplace, with these options, while the block runs; it listens from its start on."""

    def __init__(self, place: Workplace, *options: str) -> None:
        self._place = place
        self._options = options
        self._read = 0
        self._lines: list[Line] = []
        self._found = 0
        self.exit_status: int | None = None

    def __enter__(self) -> Self:
        with self._place.recorder_log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bridge", "record", str(self._place.recording), *self._options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=PROJECT,
                env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(self._place.directory)},
            )
        self._pidfd = os.pidfd_open(self._process.pid)
        try:
            self.wait_until(lambda: bool(self.lines()), what="the recording has a header")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def lines(self) -> list[Line]:
        """The whole lines that are written, the header the first of them."""
        if self._place.recording.exists():
            with self._place.recording.open("rb") as file:
                file.seek(self._read)
                new = file.read()
            whole = new[: new.rfind(b"\n") + 1]
            self._read += len(whole)
            # Blank ones are what a line was filled up with after it had been read here.
            self._lines += [json.loads(line) for line in whole.splitlines() if line.strip()]
        return self._lines

    def wait_for(self, **fields: object) -> None:
        """Waits for an event with these fields behind the one that was waited for before: live, unless they say so."""
        asked = {"origin": "live", **fields}
        self.wait_until(lambda: self._finds(asked), what=f"an event is recorded with {asked}")

    def wait_for_devices(self, name: str, count: int) -> None:
        """Waits until the state of so many input devices of this name is recorded, so that they are listened to."""
        self.wait_until(
            lambda: len({line["device"] for line in self.lines() if line.get("name") == name}) == count,
            what=f"{count} input devices with the name {name} are recorded",
        )

    def wait_until(self, condition: Callable[[], bool], *, what: str) -> None:
        """Waits for the condition while the recording is made."""
        wait_until(condition, what=what, process=self._pidfd)

    def _finds(self, asked: Line) -> bool:
        for number, line in enumerate(self.lines()[self._found :], start=self._found + 1):
            if asked.items() <= line.items():
                self._found = number
                return True
        return False

    def _end(self) -> None:
        self._process.send_signal(signal.SIGINT)
        try:
            self.exit_status = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self.exit_status = self._process.wait()
        os.close(self._pidfd)

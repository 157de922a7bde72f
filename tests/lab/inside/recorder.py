"""`hwbridge record` as a process of the guest, and what it has written so far. It imports nothing of it."""

import json
import signal
import sys
from pathlib import Path

from tests.lab.inside.process import GuestProcess
from tests.lab.inside.workplace import Workplace

Line = dict[str, object]
"""A line of the recording, as JSON has it."""


class Recorder(GuestProcess):
    """Records into the workplace, with its settings and these options, while the block runs; it listens throughout."""

    ended_by = signal.SIGINT

    def __init__(self, place: Workplace, *options: str) -> None:
        self._recording = place.recording
        self._read = 0
        self._lines: list[Line] = []
        self._found = 0
        record: list[str | Path] = ["record", place.recording, "--config", place.settings, *options]
        super().__init__([sys.executable, "-m", "bridge", *record], place.recorder_log)

    def is_ready(self) -> bool:
        """Whether the recording has a header."""
        return bool(self.lines())

    def lines(self) -> list[Line]:
        """The whole lines that are written, the header the first of them."""
        if self._recording.exists():
            with self._recording.open("rb") as file:
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

    def _finds(self, asked: Line) -> bool:
        for number, line in enumerate(self.lines()[self._found :], start=self._found + 1):
            if asked.items() <= line.items():
                self._found = number
                return True
        return False

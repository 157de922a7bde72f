"""`hwbridge record` as a process, which ends with its block at the latest. What it is to write, tests say."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from daemon import DEADLINE_SECONDS, NO_SETTINGS, Argument, environment_of
from process_waiting import wait_until

from bridge.model.events import DeviceGone, Event
from bridge.recording.jsonl import read_recording


class Recorder:
    """The command while it runs, and after that."""

    def __init__(self, file: Path, process: "subprocess.Popen[bytes]") -> None:
        self.file = file
        self.process = process

    def text(self) -> str:
        return self.file.read_text() if self.file.exists() else ""

    def header(self) -> dict[str, Any]:
        header: dict[str, Any] = json.loads(self.text().splitlines()[0])
        return header

    def lines(self) -> list[dict[str, Any]]:
        """What is written, but the header."""
        return [json.loads(line) for line in self.text().splitlines()[1:]]

    def events(self) -> list[Event | DeviceGone]:
        """What a replay reads."""
        return list(read_recording(self.file.name, self.file.read_bytes().splitlines(keepends=True)))

    def errors(self) -> str:
        """What was said on stderr."""
        return self.file.with_suffix(".errors").read_text()

    def wait_for(self, text: str, times: int = 1) -> None:
        """Waits until the file has it so many times, while the process lives."""
        wait_until(lambda: self.text().count(text) >= times, self.process)

    def end(self, number: signal.Signals) -> int:
        """Sends a signal, and returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_SECONDS)


@contextmanager
def recording(file: Path, *options: Argument, environment: Mapping[str, str] | None = None) -> Iterator[Recorder]:
    """Records to the file until the block has ended it, or it ends by itself."""
    file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "bridge", "record", file, *NO_SETTINGS, *options]
    with (
        file.with_suffix(".errors").open("wb") as errors,
        subprocess.Popen(command, stderr=errors, env=environment_of(environment)) as process,
    ):
        try:
            yield Recorder(file, process)
            process.wait(DEADLINE_SECONDS)
        finally:
            process.kill()

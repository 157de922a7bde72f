"""A scenario's own directory in the guest: its rules, tasks and settings, what the tasks were given, the daemon's log.

It writes and reads files; it starts nothing.
"""

import json
import os
import tomllib
from pathlib import Path

ROOT = Path("/run/hwbridge-lab")
SHIPPED_RULES = Path(__file__).resolve().parents[3] / "rules"
Run = dict[str, object]
"""The JSON object that a task got on its standard input."""

APPEND = """#!/bin/sh
input=$(/bin/cat)
printf '%s\\n' "$input" >> "$1"
"""
"""A task: adds its standard input as one line to the file that its argument names, in one piece."""


class Workplace:
    """The directory of the scenario `name`; root's, as the daemon is, until it is given to somebody."""

    def __init__(self, name: str, tools: Path) -> None:
        """`tools` is where the lab's tools are unpacked."""
        self.tools = tools
        self.user = 0
        self.exit_status: int | None = None
        self.directory = ROOT / name
        self.rules = self.directory / "rules"
        self.tasks = self.directory / "tasks"
        self.state = self.directory / "state"
        self.settings = self.directory / "hwbridge.toml"
        self.socket = self.directory / "hwbridge.sock"
        self.log = self.directory / "log"
        self.recording = self.directory / "recording.jsonl"
        self.recorder_log = self.directory / "recorder.log"
        for directory in (self.rules, self.tasks):
            directory.mkdir(parents=True)
        self.settings.touch()
        self._append = self.directory / "append"
        self._append.write_text(APPEND)
        self._append.chmod(0o755)
        self._runs = self.directory / "runs"
        self._runs.touch()

    def give_to(self, user: int) -> None:
        """The daemon and its tasks will have this user id; they may make files here, and keep their rules readable."""
        self.user = user
        for path in (self.directory, self._runs):
            os.chown(path, user, user)

    def add_rules(self, text: str) -> None:
        """Writes the rules file."""
        (self.rules / "lab.toml").write_text(text)

    def add_shipped_rules(self) -> None:
        """Copies the rules that hwbridge is shipped with."""
        for file in SHIPPED_RULES.glob("*.toml"):
            (self.rules / file.name).write_text(file.read_text())

    def add_task(self, name: str, *triggers: str, concurrency: str = "latest") -> None:
        """Adds a task for these triggers; what it gets on standard input is found in `runs`."""
        self._add_task(name, ", ".join(f'{{ custom = "{trigger}" }}' for trigger in triggers), concurrency)

    def add_system_task(self, name: str, trigger: str) -> None:
        """The same for a system trigger; each time it goes off is a run."""
        self._add_task(name, f'{{ system = "{trigger}" }}', "queue")

    def _add_task(self, name: str, listed: str, concurrency: str) -> None:
        with (self.tasks / "lab.toml").open("a") as file:
            file.write(
                f'[[task]]\nname = "{name}"\ntriggers = [{listed}]\nconcurrency = "{concurrency}"\n'
                f'run = {{ exec = ["{self._append}", "{self._runs}"] }}\n'
            )

    def triggers(self) -> dict[str, str]:
        """The triggers that the rules here have names for: each name, and the GUID."""
        tables = [tomllib.loads(file.read_text())["triggers"] for file in sorted(self.rules.glob("*.toml"))]
        return {name: guid for table in tables for name, guid in table.items()}

    def runs(self) -> list[Run]:
        """What each finished run was given, in the order in which they ended."""
        written = self._runs.read_text()
        return [json.loads(line) for line in written[: written.rfind("\n") + 1].splitlines()]

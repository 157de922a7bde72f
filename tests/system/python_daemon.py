"""A daemon whose tasks are of Python: handlers that it runs in workers, and task servers beside it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from daemon import DEADLINE_SECONDS, GUID, ROOT, Daemon, environment_of

from bridge.client.connection import Connection

CLSID = "{14C5882B-35D3-41BE-86B2-5106269B97E6}"
SAY = """\
import os, sys, threading
def say(*words):
    with open("{folder}/said", "a") as file:
        file.write(" ".join(map(str, words)) + "\\n")
def wait():
    with open("{folder}/go", "rb", buffering=0) as file:
        file.read(len("go\\n"))
"""
SERVER = """\
from bridge import TaskServer, Use
from tasks import *
import sys
server = TaskServer()
{body}
print("over")
"""


class Python(Daemon):
    """A daemon with tasks of Python, whose modules are in its folder."""

    def handler(self, source: str, **keys: object) -> None:
        """Writes the module `tasks`, and a task `jack` that runs its `Handler`."""
        self.module(source)
        self.declare(f'{{ python = "tasks:Handler", path = [{json.dumps(str(self.folder))}] }}', **keys)

    def module(self, source: str) -> None:
        (self.folder / "tasks.py").write_text(SAY.format(folder=self.folder) + source)

    def declare(self, run: str, **keys: object) -> None:
        lines = [f'[[task]]\nname = "jack"\ntriggers = [{{ custom = "{GUID}" }}]\nrun = {run}']
        lines += [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
        (self.folder / "tasks/jack.toml").write_text("\n".join(lines) + "\n")

    @contextmanager
    def server(self, body: str, module: str) -> Iterator["subprocess.Popen[str]"]:
        """A task server; the class is declared, and the block begins when it is served."""
        self.module(module)
        (self.folder / "server.py").write_text(SERVER.format(body=body))
        environment = environment_of({"HWBRIDGE_SOCKET": str(self.socket), "PYTHONPATH": f"{ROOT}:{self.folder}"})
        process = subprocess.Popen(
            [sys.executable, "-u", self.folder / "server.py"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        )
        try:
            yield process
            output, _ = process.communicate(timeout=DEADLINE_SECONDS)
            (self.folder / "server.log").write_text(output)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()

    def server_said(self) -> str:
        return (self.folder / "server.log").read_text()

    def completed(self) -> list[tuple[str, str]]:
        """How runs ended, oldest first: state and detail."""
        entries = self.call("History", limit=1000)["entries"]
        return [(each["state"], each["detail"]) for each in entries if each["what"] == "completed"]

    def wait_for_completed(self, count: int) -> list[tuple[str, str]]:
        self.wait_until(lambda: len(self.completed()) >= count, f"{count} runs are over")
        return self.completed()

    def connect(self) -> Connection:
        """A connection of a task server's."""
        return Connection(str(self.socket), timeout_seconds=DEADLINE_SECONDS)

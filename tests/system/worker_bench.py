"""A host whose runs are Python handlers, each test's own module; what they say is heard as that of programs is."""

import os
from pathlib import Path
from typing import Any

from command_bench import Bench

from bridge.hosts.host import Ended
from bridge.model.tasks import Python

HEAD = """\
import os, signal, sys, threading
def say(*words):
    with open({said!r}, "w") as file:
        file.write(" ".join(map(str, words)) + "\\n")
def wait():
    with open({go!r}, "rb", buffering=0) as file:
        file.read(len("go\\n"))
"""


class WorkerBench(Bench):
    """`handler` writes the module `tasks`, in which `say(...)` tells the test something and `wait()` waits for it."""

    def __init__(self, folder: Path, cgroup: Path | None = None) -> None:
        super().__init__(folder, cgroup)
        self.path = folder / "modules"
        self.path.mkdir()
        for place in (folder, self.path):
            place.chmod(0o755)
        self._number = 0
        self._versions = 0

    def handler(self, source: str, module: str = "tasks") -> None:
        """Writes the module; the times of files are coarse, so each version has a size of its own."""
        self._versions += 1
        head = HEAD.format(said=str(self.said), go=str(self.go))
        (self.path / f"{module}.py").write_text(head + source + "\n#" * self._versions + "\n")

    def begin(self, entry_point: str = "tasks:Handler", *, interpreter: str | None = None, **options: Any) -> str:
        """Starts a run; its id."""
        self._number += 1
        instance_id = str(self._number)
        run = Python(entry_point=entry_point, interpreter=interpreter, path=(str(self.path),))
        self.hand(run, instance_id=instance_id, **options)
        return instance_id

    def does(self, entry_point: str = "tasks:Handler", **options: Any) -> Ended:
        """Starts a run, and waits for its end."""
        return self.end(self.begin(entry_point, **options))

    def workers(self) -> list[int]:
        """The pids of what was started and is there."""
        found = []
        for name in filter(str.isdecimal, os.listdir("/proc")):
            try:
                environment = Path("/proc", name, "environ").read_bytes()
            except OSError:
                continue
            if b"HWBRIDGE_SOCKET=/run/test.sock\0" in environment + b"\0":
                found.append(int(name))
        return found

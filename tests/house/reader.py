"""Does what a page of the documentation says: its blocks in order, with real processes. It judges no prose.

In what is printed, a line "..." stands for any lines, and "..." within a line for any text; a command that fails is
followed by `echo $?`. The kinds of blocks are the `match` in `Reader.do`.
"""

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pages import ROOT, Block

from bridge.recording.formats import read_events
from bridge.service.declarations import read_settings

BIN = Path(sys.executable).parent
READER_HAS = ("rules", "docs", "hw_fixtures", "packaging", "Makefile", "pyproject.toml")
SECONDS = 30
"""How long one block may take."""


def is_like(printed: str, expected: str) -> bool:
    """Whether something printed is what a page says, where "..." stands for what varies."""
    lines = [
        r"(?:.*\n)*?" if line == "..." else ".*?".join(map(re.escape, line.split("..."))) + "\n"
        for line in expected.splitlines()
    ]
    return re.fullmatch("".join(lines), printed) is not None


class Reader:
    """A reader with a folder that holds a copy of what a checkout has."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._declarations: list[str] = []
        self._daemon: _Daemon | None = None
        for name in READER_HAS:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            copy(ROOT / name, folder / name)
        subprocess.run(["chmod", "-R", "go-w", str(folder)], check=True)  # else a daemon would not believe it
        for name in (".venv", "run"):
            (folder / name).mkdir()
        (folder / ".venv/bin").symlink_to(BIN)
        (folder / ".venv/.ready").touch()  # make has nothing to set up
        environment = {"PATH": f"{BIN}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", "COLUMNS": "80"}
        environment |= {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder / "run")}
        self._options: dict[str, Any] = {"cwd": folder, "env": environment, "stdin": subprocess.DEVNULL}
        self._options |= {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}

    def do(self, block: Block) -> None:
        """Executes a block. Raises AssertionError where that does not end as the page says."""
        path = self._folder / block.name
        if not block.kind.startswith("console"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
        match block.kind:
            case "console":
                self._type(block)
            case "console daemon":
                self.end_daemon()
                self._daemon = _Daemon(block, self._options)
            case "toml":
                self._declarations += [block.name] if block.name not in self._declarations else []
                checked = self._check(*self._declarations)  # together: one gives names that another one uses
                assert checked.returncode == 0, f"{block.place}: {checked.stdout}"
            case "toml wrong":
                assert self._check(block.name).returncode == 1, f"{block.place}: nothing is wrong with it"
            case "toml settings":
                read_settings(path, given=True)
            case "toml project":
                self._install(block)
            case "text replayed" | "jsonl replayed":
                pass  # a file that a command of the page reads
            case "jsonl" | "evemu":
                list(read_events(block.place, block.text.encode().splitlines(keepends=True)))
            case "json":
                json.loads(block.text)
            case "python":
                compile(block.text, block.place, "exec")
                path.chmod(0o755)
            case kind:
                raise AssertionError(f"{block.place}: nobody knows how to execute {kind!r}")

    def _install(self, block: Block) -> None:
        """Does what `pip install -e .` does with a project of plain modules: its entry points are found."""
        project = tomllib.loads(block.text)["project"]
        described = self._folder / "site" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        described.mkdir(parents=True)
        (described / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        )
        lines = []
        for group, named in project["entry-points"].items():
            lines += [f"[{group}]", *(f"{name} = {value}" for name, value in named.items())]
        (described / "entry_points.txt").write_text("\n".join(lines))
        self._options["env"]["PYTHONPATH"] = f"{self._folder}:{described.parent}"

    def end_daemon(self) -> None:
        """Ends the daemon, if there is one, when it has printed what the page says."""
        daemon, self._daemon = self._daemon, None
        if daemon is not None:
            daemon.end()

    def _type(self, block: Block) -> None:
        commands = block.commands()
        script = "".join(f"{command}\nset -- $?; printf '\\036%s\\n' $1; (exit $1)\n" for command, _ in commands)
        typed = subprocess.run(["sh", "-c", script], timeout=SECONDS, check=False, **self._options).stdout
        *pieces, _ = re.split(r"\x1e(\d+)\n", typed)
        assert len(pieces) == 2 * len(commands), f"{block.place}: not every command was run:\n{typed}"
        is_told = [*(command == "echo $?" for command, _ in commands[1:]), False]
        for (command, expected), printed, status, told in zip(
            commands, pieces[::2], pieces[1::2], is_told, strict=True
        ):
            assert is_like(printed, expected), f"{block.place}: $ {command}\n{printed}"
            assert told or status == "0", f"{block.place}: $ {command}\n{printed}exit {status}"

    def _check(self, *files: str) -> "subprocess.CompletedProcess[str]":
        command = ["hwbridge", "check", *files, "--rules", "rules"]
        return subprocess.run(command, timeout=SECONDS, check=False, **self._options)


class _Daemon:
    """A daemon that is ready."""

    def __init__(self, block: Block, options: dict[str, Any]) -> None:
        ((command, self._expected),) = block.commands()
        self._place, self._printed = block.place, ""
        self._process = subprocess.Popen(["sh", "-c", f"exec {command}"], **options)
        self._read_until(lambda printed: "hwbridge: ready" in printed)

    def end(self) -> None:
        """Ends it as Ctrl-C does, when it has printed what was expected."""
        self._read_until(lambda printed: is_like(printed, self._expected))
        self._process.send_signal(signal.SIGINT)
        self._process.communicate(timeout=SECONDS)
        assert is_like(self._printed, self._expected), f"{self._place}: the daemon printed\n{self._printed}"
        assert self._process.returncode == 0, f"{self._place}: exit {self._process.returncode}"

    def _read_until(self, holds: Callable[[str], bool]) -> None:
        pipe, deadline = self._process.stdout, time.monotonic() + SECONDS
        while not holds(self._printed) and select.select([pipe], [], [], max(0, deadline - time.monotonic()))[0]:
            printed = os.read(pipe.fileno(), 64 * 1024).decode(errors="replace")
            self._printed += printed
            if not printed:
                break

"""`hwbridge` as its users meet it: the daemon as a process, and commands. Nothing of the daemon is imported."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from bridge.client.connection import Connection

ROOT = Path(__file__).parents[2]
GUID = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
DEADLINE_SECONDS = 60
LOOK_EVERY_MILLISECONDS = 10
PATH = os.environ["PATH"]
NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: only root can become another user")
Argument = str | bytes | Path
NO_SETTINGS = ("--config", "/dev/null")
"""So that `record` does not read the hwbridge.toml of this machine, as root does."""

_AS_ANOTHER_USER = """
import json, os, sys
# now: another user may be unable to read these files
from bridge.cli import check, command, main, raise_, raise_at_once, replay, run, status
import bridge.store.journal, importlib.metadata  # likewise
from bridge.cli import cancel, explain, history, list, monitor, progress, reset, show, start, unregister, wait
user = json.loads(sys.argv[1])
os.setgroups(user["groups"])
os.setresgid(user["gid"], user["gid"], user["gid"])
os.setresuid(user["uid"], user["uid"], user["uid"])
sys.exit(main(sys.argv[2:]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """The rights that a command has."""

    uid: int = NOBODY
    gid: int = NOBODY
    groups: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line on stderr; nothing is on stdout."""
        assert self.err.endswith("\n")
        assert self.err.count("\n") == 1, self.err
        assert self.out == ""
        return self.err.rstrip("\n")


def hwbridge(
    *arguments: Argument,
    user: User | None = None,
    environment: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    stdout: int = subprocess.PIPE,
) -> Done:
    """Runs a command to its end. Whatever it was asked, it shows no traceback."""
    program = ["-m", "bridge"]
    if user is not None:
        program = ["-c", _AS_ANOTHER_USER, json.dumps({"uid": user.uid, "gid": user.gid, "groups": user.groups})]
    return python(*program, *arguments, environment=environment, cwd=cwd, stdout=stdout)


def python(
    *arguments: Argument,
    environment: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    stdout: int = subprocess.PIPE,
) -> Done:
    """Runs Python with these arguments to its end, which shows no traceback."""
    done = subprocess.run(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env=environment_of(environment),
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    err = done.stderr.decode(errors="backslashreplace")
    assert_no_traceback(err)
    return Done(code=done.returncode, out=(done.stdout or b"").decode(), err=err)


def environment_of(more: Mapping[str, str] | None) -> dict[str, str]:
    """The environment of every process here: nothing of ours, so that no place of this machine is found by it."""
    return {"PATH": PATH, "LANG": "C.UTF-8", "HOME": "/nonexistent", **(more or {})}


def assert_no_traceback(err: str) -> None:
    assert "Traceback" not in err, err
    assert "Exception ignored" not in err, err


def task(name: str, script: str, *, folder: Path, triggers: tuple[str, ...] = (GUID,), **keys: object) -> str:
    """A `[[task]]` that runs a shell script in `folder`; `say WORDS` there is a line that `Daemon.said` has."""
    script = f'say() {{ echo "$*" >> said; }}; {script}'.replace("{", "{{").replace("}", "}}")
    lines = [
        "[[task]]",
        f"name = {_toml(name)}",
        f"triggers = [{', '.join(f'{{ custom = {_toml(trigger)} }}' for trigger in triggers)}]",
        f"run = {{ exec = {_toml(['/bin/sh', '-c', script])}, cwd = {_toml(str(folder))} }}",
        *(f"{key} = {_toml(value)}" for key, value in keys.items()),
    ]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)  # for strings, numbers and arrays of them, JSON is TOML


class Daemon:
    """`hwbridge run` with rules, tasks and socket in `folder`; it runs, ready, while the `with` block does.

    A block that ends well ends the daemon with TERM: it exits with 0, and no handler and no socket is left.
    """

    def __init__(self, folder: Path, *options: Argument, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.socket = folder / "socket"
        self.options: tuple[Argument, ...] = (
            *("--rules", folder / "rules", "--tasks", folder / "tasks"),
            *("--socket", self.socket, "--state", folder / "state", "--config", folder / "hwbridge.toml"),
            *options,
        )
        self.program: tuple[Argument, ...] = (sys.executable, "-m", "bridge")
        self.environment = dict(environment or {})
        (folder / "rules").mkdir()
        (folder / "tasks").mkdir()
        (folder / "hwbridge.toml").touch()
        os.mkfifo(folder / "go")

    def settings(self, text: str) -> None:
        """Writes hwbridge.toml."""
        (self.folder / "hwbridge.toml").write_text(text)

    def rules(self, text: str, file: str = "rules.toml") -> None:
        """Writes a rules file."""
        (self.folder / "rules" / file).write_text(text)

    def never_knows(self, condition: str) -> None:
        """Declares a condition of which no device ever tells: those of Windows may hold on this machine, or not."""
        match = '{ NO_DEVICE_HAS_THIS = "1" }'
        self.rules(f'[[condition]]\nname = "{condition}"\nsource = "udev"\nmatch = {match}\n', "never.toml")

    def task(self, name: str, script: str, **keys: Any) -> None:
        """Writes a tasks file with one task in it; see `task`."""
        (self.folder / "tasks" / f"{name}.toml").write_text(task(name, script, folder=self.folder, **keys))

    def forget_task(self, name: str) -> None:
        """Removes the task's file."""
        (self.folder / "tasks" / f"{name}.toml").unlink()

    def __enter__(self) -> Self:
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [*self.program, "run", *self.options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=environment_of(self.environment),
            )
        self._pidfd = os.pidfd_open(self.process.pid)
        self._go = os.open(self.folder / "go", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            self.wait_for_log("hwbridge: ready:")
        except BaseException:
            self._give_up()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            self._give_up()
            return
        if self.process.returncode is None:
            self.stop(signal.SIGTERM)
        os.close(self._pidfd)
        os.close(self._go)
        self._show_log()
        assert_no_traceback(self.log())
        if self.process.returncode == -signal.SIGKILL:  # by `kill`
            return
        assert self.process.returncode == 0
        assert not self.socket.exists()
        assert self.handlers() == []

    def _give_up(self) -> None:
        self.process.kill()
        self.process.wait()
        for pid in self.handlers():
            os.kill(pid, signal.SIGKILL)
        os.close(self._pidfd)
        os.close(self._go)
        self._show_log()

    def _show_log(self) -> None:
        sys.stdout.write(self.log())  # pytest shows it with a failure

    def kill(self) -> None:
        """Ends the daemon as a crash would."""
        self.process.kill()
        self.process.wait()

    def stop(self, number: signal.Signals) -> None:
        """Sends a signal, and waits until the daemon has ended."""
        self.process.send_signal(number)
        self.process.wait(DEADLINE_SECONDS)

    def log(self) -> str:
        """What the daemon has said up to now."""
        return (self.folder / "log").read_text(errors="backslashreplace")

    def said(self) -> list[str]:
        """What handlers have said up to now, line by line."""
        path = self.folder / "said"
        return path.read_text().splitlines() if path.exists() else []

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Waits until the condition holds while the daemon lives."""
        ended = select.poll()
        ended.register(self._pidfd, select.POLLIN)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"not in time: {what}; log:\n{self.log()}"
            assert not ended.poll(LOOK_EVERY_MILLISECONDS) or condition(), (
                f"ended before this: {what}; log:\n{self.log()}"
            )

    def wait_for_log(self, text: str, times: int = 1) -> None:
        """Waits until the log holds this text, so many times."""
        self.wait_until(lambda: self.log().count(text) >= times, f"{text!r} in the log, {times} times")

    def wait_for_words(self, *lines: str) -> None:
        """Waits until handlers have said these lines, each as often as it stands here, in any order."""
        self.wait_until(lambda: not Counter(lines) - Counter(self.said()), f"handlers say {lines}")

    def wait_until_idle(self) -> None:
        """Waits until nothing runs and nothing waits."""
        self.wait_until(lambda: self.status()["running"] == self.status()["waiting"] == 0, "nothing runs")

    def release(self) -> None:
        """Lets one handler that waits (`read line < go`) go on."""
        os.write(self._go, b"go\n")

    def reload(self) -> None:
        """Sends HUP, and waits until the daemon has read its files."""
        before = self._reloads()
        self.process.send_signal(signal.SIGHUP)
        self.wait_until(lambda: self._reloads() > before, "the daemon reloads")

    def _reloads(self) -> int:
        log = self.log()
        return log.count("hwbridge: reloaded: ") + log.count("hwbridge: not reloaded: ")

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Calls a method of the API, as ourselves."""
        with Connection(str(self.socket), timeout_seconds=DEADLINE_SECONDS) as connection:
            return connection.call(f"org.hwbridge.{method}", parameters)

    def raise_trigger(self, trigger: str = GUID, **parameters: object) -> str:
        """Raises a trigger over the API; returns the outcome."""
        return str(self.call("Raise", trigger=trigger, **parameters)["outcome"])

    def status(self) -> dict[str, Any]:
        """What `Status` answers."""
        return dict(self.call("Status")["status"])

    def handlers(self) -> list[int]:
        """The processes that handlers of this daemon are, or left behind."""
        mark = b"HWBRIDGE_SOCKET=" + os.fsencode(self.socket)
        return [int(process.name) for process in Path("/proc").glob("[0-9]*") if mark in _environment(process)]


def _environment(process: Path) -> list[bytes]:
    try:
        return (process / "environ").read_bytes().split(b"\0")
    except OSError:  # it has ended, or is not ours to look at
        return []

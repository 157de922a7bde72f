"""A daemon under load that is killed with KILL again and again, at moments that a seed chooses. It judges nothing.

Callers raise over the API, handlers are small shell scripts that hold a lock while anything of theirs lives.
"""

import fcntl
import os
import random
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import Enum, auto
from pathlib import Path

from daemon import DEADLINE_SECONDS, Daemon, environment_of
from killed_said import Given, KilledTask, Kind, Line, faults, read_lines

from bridge.client.connection import Connection
from bridge.errors import CallFailedError, NoDaemonError

LOOK_EVERY_MILLISECONDS = 5
MOST_WAITING = 20
"""The queue limit of every task: what is raised beyond it is refused as Busy, so that the end is near at any time."""

TASKS = (
    KilledTask(name="each", trigger="queued", concurrency="queue", kind=Kind.EACH, max_running=2, child="group"),
    KilledTask(name="beside", trigger="queued", concurrency="latest", kind=Kind.MERGED, max_running=2),
    KilledTask(name="newest", trigger="newest", concurrency="latest", kind=Kind.MERGED, child="session"),
    KilledTask(name="list", trigger="listed", concurrency="batch", kind=Kind.LISTED, seconds="0.02"),
    KilledTask(name="many", trigger="many", concurrency="parallel", kind=Kind.EACH, max_running=3, seconds="0.03"),
    KilledTask(name="anew", trigger="anew", concurrency="restart", kind=Kind.MERGED, seconds="0.01", ends=False),
)
CALLERS = (("queued", "a"), ("queued", "b"), ("newest", ""), ("listed", ""), ("many", "a"), ("many", "b"), ("anew", ""))
"""The trigger that each raises, and its key. No two raise the same, so their order is that of their numbers."""

_TRIGGERS = {
    name: f"{{00000000-0000-0000-0000-{number:012}}}"
    for number, name in enumerate(dict.fromkeys(trigger for trigger, _ in CALLERS), start=1)
}
# A lock is held by all that a run started, as long as any of it lives: they all inherit its descriptor. Some that
# outlive their daemon stay, others come to their end. Lines begin with a newline, for the one before may have been cut
# short by the death of its writer.
_HANDLER = """\
read -r told
exec 9>>"locks/$1"
flock -n 9 || printf '\\noverlap %s\\n' "$told" >> said
printf '\\nstart %s\\n' "$told" >> said
case $3 in
    group) sleep 600 & ;;
    session) env -i PATH="$PATH" setsid sleep 600 & ;;
esac
sleep "$2"
[ -z "$3" ] || { kill -0 $PPID || sleep 600; kill -KILL $!; wait $!; }
printf '\\nend {"task": "%s", "instance_id": "%s"}\\n' "$HWBRIDGE_TASK" "$HWBRIDGE_INSTANCE_ID" >> said
"""


class Moment(Enum):
    """When the daemon is killed."""

    STARTING = auto()
    """At a time since its process began: while it starts, reads its store, kills what was left, or works."""
    WORKING = auto()
    """At a time since it was ready."""
    ANSWERED = auto()
    """When a caller has just been answered."""
    SAID = auto()
    """When a handler has just said something."""
    STOPPING = auto()
    """While it stops, as TERM asked it to."""


_WEIGHTS = {Moment.STARTING: 3, Moment.WORKING: 3, Moment.ANSWERED: 3, Moment.SAID: 2, Moment.STOPPING: 1}


class Caller(threading.Thread):
    """Raises one trigger, again and again, until it is told to stop."""

    def __init__(self, socket: Path, trigger: str, key: str, seed: int, accepted: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self.trigger, self.key = trigger, key
        self._accepted = accepted
        self.given = Given()
        self.stopping = threading.Event()
        self._socket = str(socket)
        self._random = random.Random(f"{seed} {trigger} {key}")
        self._number = 0

    def run(self) -> None:
        """The thread."""
        while not self.stopping.is_set():
            with suppress(NoDaemonError), Connection(self._socket, timeout_seconds=DEADLINE_SECONDS) as connection:
                while not self.stopping.is_set():
                    self._raise(connection)
                    self.stopping.wait(self._random.choice((0, 0, 0.001, 0.005, 0.02)))
            self.stopping.wait(0.002)

    def _raise(self, connection: Connection) -> None:
        self._number += 1
        call = {"trigger": _TRIGGERS[self.trigger], "key": self.key, "details": {"n": str(self._number)}}
        try:
            answer = connection.call("org.hwbridge.Raise", call)
        except NoDaemonError:
            self.given.unknown.append(self._number)
            raise
        except CallFailedError as error:
            if error.error != "org.hwbridge.Busy":
                raise
            self.stopping.wait(0.005)
        else:
            self._accepted()
            assert answer["outcome"] == "Raised", answer
            self.given.accepted.append(self._number)


class Lives:
    """A state directory, and the daemons that live and die on it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.daemon = Daemon(folder)
        self.folder = folder
        self.kills = 0
        self.died: dict[Moment, int] = dict.fromkeys(Moment, 0)
        self._random = random.Random(seed)
        self._process: subprocess.Popen[bytes] | None = None
        self._last_answers = 0
        """After so many more it is killed by the caller's own thread: nothing else is as quick."""
        self._answering = threading.Lock()
        self._callers = [Caller(self.daemon.socket, *who, seed, self._accepted) for who in CALLERS]
        (folder / "handler").write_text(_HANDLER)
        (folder / "locks").mkdir()
        (folder / "said").touch()
        (folder / "tasks/tasks.toml").write_text("\n".join(map(self._toml, TASKS)))

    def _toml(self, task: KilledTask) -> str:
        lock = "{n}" if task.concurrency == "parallel" else ""
        run = ["/bin/sh", "handler", f"{task.name} {{key}} {lock}", task.seconds, task.child]
        return f"""
[[task]]
name = "{task.name}"
triggers = [{{ custom = "{_TRIGGERS[task.trigger]}" }}]
run = {{ exec = {run}, cwd = "{self.folder}" }}
concurrency = "{task.concurrency}"
max_running = {task.max_running}
queue_limit = {MOST_WAITING}
"""

    def run(self, kills: int) -> list[str]:
        """Lives until it was killed so often, then lets all that is owed be done; what promises were not kept."""
        for caller in self._callers:
            caller.start()
        try:
            while self.kills < kills:
                self._live()
        finally:
            for caller in self._callers:
                caller.stopping.set()
            self._kill()
            for caller in self._callers:
                caller.join(DEADLINE_SECONDS)
        self._finish()
        found = faults(TASKS, self.given(), self.said())
        before = len(self.said())
        self._finish()
        if len(self.said()) != before:
            found.append(f"something ran again after a clean stop: {self.said()[before]}")
        return found + [f"alive at the end: {name}" for name in self._locked()]

    def given(self) -> dict[tuple[str, str], Given]:
        """What was raised, by trigger and key."""
        return {(caller.trigger, caller.key): caller.given for caller in self._callers}

    def said(self) -> list[Line]:
        """What handlers have said."""
        return read_lines(self.folder / "said")

    def log(self) -> str:
        """What the last daemon said."""
        return (self.folder / "log").read_text(errors="backslashreplace")

    def clean_up(self) -> None:
        """Ends what is left, whatever happened."""
        for caller in self._callers:
            caller.stopping.set()
        self._kill()
        for pid in {*self.daemon.handlers(), *self._holders()}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    # -- one life --------------------------------------------------------------------------------------------------

    def _live(self) -> None:
        moment = self._random.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        seconds, times = self._random.random(), self._random.randint(1, 10)
        self._start()
        if moment is Moment.STARTING:
            self._wait_for(seconds * 0.5)
        else:
            self._wait_until(self._is_ready, "ready")
        match moment:
            case Moment.WORKING:
                self._wait_for(seconds * 0.2)
            case Moment.ANSWERED:
                with self._answering:
                    self._last_answers = times
                self._running().wait(DEADLINE_SECONDS)
            case Moment.SAID:
                enough = (self.folder / "said").stat().st_size + times * 100
                self._wait_until(lambda: (self.folder / "said").stat().st_size >= enough, "handlers say something")
            case Moment.STOPPING:
                self._running().terminate()
                with suppress(subprocess.TimeoutExpired):
                    self._running().wait(seconds * 0.05)
        self._kill()
        assert "Traceback" not in self.log(), self.log()
        self.died[moment] += 1

    def _start(self) -> None:
        with (self.folder / "log").open("wb") as log:
            command = [sys.executable, "-m", "bridge", "run", *self.daemon.options]
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, env=environment_of(None)
            )

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self.kills += self._process.wait() == -signal.SIGKILL
            self._process = None

    def _running(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None
        return self._process

    def _finish(self) -> None:
        """A last life, until nothing is owed any more, and a clean end."""
        self._start()
        self._wait_until(self._is_ready, "ready")
        self._wait_until(self._is_idle, "nothing is owed")
        self._running().terminate()
        assert self._running().wait(DEADLINE_SECONDS) == 0, self.log()
        self._process = None
        assert "Traceback" not in self.log(), self.log()

    def _is_ready(self) -> bool:
        return "hwbridge: ready:" in self.log()

    def _is_idle(self) -> bool:
        return bool(self.daemon.status()["store"]["owed"] == 0)

    def _accepted(self) -> None:
        with self._answering:
            self._last_answers -= 1
            if self._last_answers == 0:
                self._running().kill()

    def _wait_for(self, seconds: float) -> None:
        """Lets the daemon live for so long."""
        until = time.monotonic() + seconds
        self._wait_until(lambda: time.monotonic() >= until, "time")

    def _wait_until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        pidfd = os.pidfd_open(self._running().pid)
        try:
            ended = select.poll()
            ended.register(pidfd, select.POLLIN)
            while not condition():
                assert not ended.poll(LOOK_EVERY_MILLISECONDS), f"ended by itself: {self.log()}"
                assert time.monotonic() < deadline, f"not in time: {what}; {self.log()}"
        finally:
            os.close(pidfd)

    # -- what is left ----------------------------------------------------------------------------------------------

    def _locked(self) -> Iterator[str]:
        """The locks that somebody still holds, and the processes that bear our marks."""
        for path in sorted((self.folder / "locks").iterdir()):
            with path.open() as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    yield path.name
        yield from map(str, self.daemon.handlers())

    def _holders(self) -> Iterator[int]:
        locks = str(self.folder / "locks")
        for descriptor in Path("/proc").glob("[0-9]*/fd/9"):
            with suppress(OSError):
                if os.readlink(descriptor).startswith(locks):
                    yield int(descriptor.parts[2])


@contextmanager
def lives(folder: Path, seed: int) -> Iterator[Lives]:
    """Lives on a folder of their own; nothing is left of them afterwards."""
    made = Lives(folder, seed)
    try:
        yield made
    finally:
        made.clean_up()


def shown(found: Sequence[str]) -> str:
    """The first few faults, a line each."""
    return "\n".join([*found[:20], f"{len(found)} in all"])

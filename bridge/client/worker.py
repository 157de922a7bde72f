"""The worker: a process that the daemon starts to run one task's Python handler, again and again. It chooses nothing.

Its standard input is a socket on which it serves a class, as any task server does over the API. Runs are in the first
thread, one at a time; another one hears what the daemon says meanwhile. When the daemon hangs up the worker ends, in
`GRACE_SECONDS` at the latest.
"""

import faulthandler
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from queue import SimpleQueue
from threading import Event, Thread

from bridge.client.connection import Connection
from bridge.client.loading import EntryPoint
from bridge.client.process_state import process_state
from bridge.client.running import HandlerRun, Outcome, flush_output
from bridge.client.serving import ClassConnection
from bridge.errors import BridgeError, NoDaemonError

TYPE_CHECKING = False  # typing's own would load typing, which takes longer than everything else here
if TYPE_CHECKING:
    from typing import Any

CLSID = "{FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF}"
"""What a worker serves has no CLSID of its own: the socket is the task's alone."""
STALE = os.EX_TEMPFAIL
"""With this it ends when it is given a run, and files of the handler have changed: the run was not begun."""
GRACE_SECONDS = 5
_LEAST_DESCRIPTOR = 100
"""The socket's, so that it is not one of those that a handler closes or opens first."""


def main() -> None:
    """Runs what is handed to this process, until the daemon hangs up."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a TextIOWrapper, as long as we are alone
    faulthandler.enable()
    Worker(Connection.taken_over("the daemon", _take_socket(), b"", timeout_seconds=GRACE_SECONDS)).work()


def _take_socket() -> int:
    """Takes the socket away from standard input, so that nothing which a handler starts has it, or reads from it."""
    import fcntl

    descriptor = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, _LEAST_DESCRIPTOR)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return descriptor


class Worker:
    """Serves runs over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._served = ClassConnection(connection, CLSID, "multiple")
        self._asked: SimpleQueue[HandlerRun | None] = SimpleQueue()
        self._present: HandlerRun | None = None
        self._entry_point: EntryPoint | None = None
        self._state: object = None
        """What this process had when the handler was loaded, as each of its runs is to find it."""

    def work(self) -> None:
        """Runs one instance after the other in this thread."""
        Thread(target=self._listen, name="hwbridge", daemon=True).start()
        while (run := self._asked.get()) is not None:
            outcome = self._run(run)
            self._present = None
            flush_output()
            self._tell(run, outcome)

    def _run(self, run: HandlerRun) -> Outcome:
        os.environ["HWBRIDGE_INSTANCE_ID"] = run.instance.instance_id  # for `hwbridge progress` in what it starts
        with suppress(OSError):
            os.chdir("/")
        return run.run(self._load)

    def _load(self) -> object:
        """The handler. One that cannot be loaded costs this worker its next runs: what is loaded by then stays."""
        assert self._entry_point is not None, "it is named with the first activation"
        handler = self._entry_point.load()
        if self._state is None:
            self._state = process_state()
        return handler

    @property
    def _is_as_new(self) -> bool:
        """Whether another run would find this process as the last one did."""
        state = process_state()
        return state is not None and state == self._state

    def _tell(self, run: HandlerRun, outcome: Outcome) -> None:
        try:
            if not self._is_as_new:
                self._served.revoke()
            self._served.complete(run.instance.instance_id, outcome)
        except BridgeError as error:
            _print(f"the worker cannot say how the run ended: {error}")
            os._exit(os.EX_IOERR)

    def _listen(self) -> None:
        """What the daemon says, in a thread of its own."""
        try:
            self._served.wait_until_registered()
            self._served.read(self._activate, self._cancel)
        except BridgeError as error:
            if not isinstance(error, NoDaemonError):
                _print(f"the worker cannot go on: {error}")
        self._end()

    def _activate(self, activation: "Mapping[str, Any]") -> None:
        if self._entry_point is None:
            self._entry_point = EntryPoint(activation["entry_point"])
        elif self._entry_point.is_stale():
            os._exit(STALE)
        instance_id = activation["instance_id"]
        run = HandlerRun(activation, lambda progress: self._served.report_progress(instance_id, progress))
        self._present = run
        self._asked.put(run)

    def _cancel(self, instance_id: str, reason: str) -> None:
        run = self._present
        if run is not None and run.instance.instance_id == instance_id:
            run.cancel(reason)

    def _end(self) -> None:
        """Nobody is there any more: a run is asked to end, and is not waited for long."""
        self._asked.put(None)
        run = self._present
        if run is not None:
            run.cancel("Terminating")
        Event().wait(GRACE_SECONDS)  # the first thread ends the process before, when its run has ended
        os._exit(os.EX_UNAVAILABLE)


def _print(line: str) -> None:
    with suppress(Exception):  # a handler may have closed or replaced standard error
        sys.stderr.write(f"{line}\n")

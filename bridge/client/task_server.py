"""A task server: a process that serves classes, objects of which run tasks whose registration names their CLSID.

It is COM's ExeServer: the daemon starts no such process, and ends none. Each run has a thread of its own; the server
ends when none has been there for a while, and not before every class is revoked: what is on its way is run.

Source of the semantics: COM's `CoRegisterClassObject`, `REGCLS`, `CoAddRefServerProcess`.
"""

import time
from collections.abc import Mapping
from enum import StrEnum
from threading import Condition, Thread

from bridge.client.daemon import connect, socket_to_call
from bridge.client.instance import entry_of
from bridge.client.refusals import named
from bridge.client.running import HandlerRun, flush_output
from bridge.client.serving import ClassConnection
from bridge.errors import BridgeError, CallFailedError, InvalidValueError, NoDaemonError
from bridge.model.durations import MICROSECONDS, parse_duration
from bridge.model.guid import Guid

TYPE_CHECKING = False  # typing's own would load typing, which takes longer than everything else here
if TYPE_CHECKING:
    from typing import Any

GRACE_SECONDS = 5.0
"""How long runs have to end when the daemon has gone."""


class Use(StrEnum):
    """How a class is served: COM's `REGCLS`."""

    MULTIPLE = "multiple"
    """Any number of runs, several at once."""
    SINGLE = "single"
    """One run; then the class is served no more."""
    SUSPENDED = "suspended"
    """As `MULTIPLE`, from `serve` on: a run that comes before waits for it, until its limit."""


class TaskServer:
    """Serves classes to the daemon at `socket`; None: at HWBRIDGE_SOCKET, or the user's own daemon, or the system's.

    >>> server = TaskServer()
    >>> server.register_class("{14C5882B-35D3-41BE-86B2-5106269B97E6}", object, Use.SUSPENDED)
    Traceback (most recent call last):
    bridge.errors.InvalidValueError: <class 'object'> is no handler: a class with run(instance), or a function
    """

    def __init__(self, socket: str | None = None) -> None:
        self._socket = socket
        self._changed = Condition()
        self._classes: dict[str, object] = {}
        self._suspended: list[ClassConnection] = []
        self._open: set[ClassConnection] = set()
        self._runs: dict[str, HandlerRun] = {}
        self._idle_since = time.monotonic()
        self._lost: BridgeError | None = None

    def register_class(self, clsid: str, factory: object, use: Use = Use.MULTIPLE) -> None:
        """Serves this class from now on. `factory` is called for each run: a class, a function, an object with `run`.

        Raises `InvalidGuidError`, `InvalidValueError`, `NoDaemonError`, and `NotAllowedError` where the class is
        another user's.
        """
        name = str(Guid.parse(clsid))
        if use not in list(Use):
            raise InvalidValueError(f"{use!r} is no use of a class; there are Use.MULTIPLE, SINGLE, SUSPENDED")
        if name in self._classes:
            raise InvalidValueError(f"{name} is registered here already")
        _check_factory(factory)
        self._classes[name] = factory
        try:
            connection = self._register(name, Use.MULTIPLE if use is Use.SUSPENDED else use)
        except BridgeError:
            del self._classes[name]
            raise
        if use is Use.SUSPENDED:
            self._suspended.append(connection)
        else:
            self._listen(connection)

    def serve(self, idle: str | None = "30s") -> None:
        """Runs what comes; returns when there has been no run for the time `idle`, or no class is served any more.

        With None it goes on for ever. Raises `NoDaemonError` when the daemon goes away.
        """
        patience = None if idle is None else parse_duration(idle) / MICROSECONDS["s"]
        if not self._classes:
            raise InvalidValueError("this server has no class: call register_class first")
        suspended, self._suspended = self._suspended, []
        for connection in suspended:
            self._listen(connection)
        try:
            self._wait_until_idle(patience)
            self._revoke()
        finally:
            for connection in tuple(self._open):
                connection.hang_up()

    # -- classes -----------------------------------------------------------------------------------------------------

    def _register(self, clsid: str, use: Use) -> ClassConnection:
        connection = ClassConnection(connect(self._socket or socket_to_call()), clsid, use)
        try:
            connection.wait_until_registered()
        except CallFailedError as error:
            raise named(error) from error
        self._open.add(connection)
        return connection

    def _listen(self, connection: ClassConnection) -> None:
        Thread(target=self._read, args=(connection,), name=connection.clsid, daemon=True).start()

    def _read(self, connection: ClassConnection) -> None:
        lost: BridgeError | None = None
        try:
            connection.read(lambda activation: self._activate(connection, activation), self._cancel)
        except BridgeError as error:
            lost = error
        connection.hang_up()
        with self._changed:
            self._open.discard(connection)
            self._lost = self._lost or lost
            self._changed.notify_all()

    # -- runs --------------------------------------------------------------------------------------------------------

    def _activate(self, connection: ClassConnection, activation: "Mapping[str, Any]") -> None:
        instance_id = activation["instance_id"]
        run = HandlerRun(activation, lambda progress: connection.report_progress(instance_id, progress))
        with self._changed:
            self._runs[instance_id] = run
        Thread(target=self._run, args=(connection, run), name=instance_id, daemon=True).start()

    def _run(self, connection: ClassConnection, run: HandlerRun) -> None:
        instance_id = run.instance.instance_id
        outcome = run.run(lambda: self._classes[connection.clsid])
        flush_output()
        try:
            connection.complete(instance_id, outcome)
        except BridgeError as error:
            self._lost = error
        with self._changed:
            del self._runs[instance_id]
            self._idle_since = time.monotonic()
            self._changed.notify_all()

    def _cancel(self, instance_id: str, reason: str) -> None:
        run = self._runs.get(instance_id)
        if run is not None:
            run.cancel(reason)

    # -- the end -----------------------------------------------------------------------------------------------------

    def _wait_until_idle(self, patience: float | None) -> None:
        with self._changed:
            self._idle_since = max(self._idle_since, time.monotonic())
            while self._lost is None and (self._open or self._runs):
                left = None if patience is None or self._runs else self._idle_since + patience - time.monotonic()
                if left is not None and left <= 0:
                    return
                self._changed.wait(left)
        if self._lost is not None:
            self._end_runs()
            raise self._lost

    def _revoke(self) -> None:
        """Wants no more runs, and waits until those are over that were on their way."""
        for connection in tuple(self._open):
            try:
                connection.revoke()
            except NoDaemonError:  # its reader is about to say so
                continue
        with self._changed:
            self._changed.wait_for(lambda: not self._open and not self._runs)

    def _end_runs(self) -> None:
        """The daemon has gone: runs are asked to end."""
        for run in tuple(self._runs.values()):
            run.cancel("Terminating")
        with self._changed:
            self._changed.wait_for(lambda: not self._runs, GRACE_SECONDS)


def _check_factory(factory: object) -> None:
    """Refuses what cannot run anything; a class is not called for that: it may do something."""
    if not isinstance(factory, type):
        entry_of(factory)
    elif not callable(getattr(factory, "run", None)) and "__call__" not in dir(factory):
        raise InvalidValueError(f"{factory!r} is no handler: a class with run(instance), or a function")

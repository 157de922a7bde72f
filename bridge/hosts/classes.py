"""The host of served classes: hands runs to the task servers that have registered their CLSID. It starts no server.

A server is a process that somebody else has started, so the most that is done to it is to hang up. Runs that a server
has not completed when it hangs up have failed: nobody would tell how they end.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bridge.errors import HandlerError
from bridge.hosts.accounts import account_of
from bridge.hosts.host import Ended
from bridge.hosts.served import REVOKED, Completion, activation, cancellation, ended_of
from bridge.model.guid import Guid
from bridge.model.tasks import CancellationReason, Instance, Registration, ServedClass


class Line(Protocol):
    """The connection of a server, for one class."""

    def tell(self, parameters: Mapping[str, object]) -> None:
        """One more answer to its call of RegisterClass."""

    def end(self, parameters: Mapping[str, object]) -> None:
        """The last answer."""

    def hang_up(self) -> None:
        """Ends the connection at once; `ClassHost.hung_up` is told of it as of any other end."""


@dataclass(slots=True, kw_only=True, eq=False)
class ServedBy:
    """A class that a process of this user serves: the class object of COM. `single`: it takes one run and no more."""

    clsid: Guid
    uid: int
    pid: int
    """0 for all who are in another PID namespace."""
    connection: object
    """The same one for every call of one connection."""
    line: Line
    single: bool = False
    runs: dict[str, Instance] = field(default_factory=dict)
    is_public: bool = True
    """Whether it is given runs: not any more once it is revoked, or single and used."""


class ClassHost:
    """Hands runs to servers. `ended` is called by the loop, never from inside `start`, `cancel` or `kill`.

    A server gets runs of its own user, and of root's and the daemon's; of several, the one that registered first.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, wall_time: Callable[[int], int], ended: Callable[[Ended], None]
    ) -> None:
        self._loop = loop
        self._wall_time = wall_time
        self._ended = ended
        self._table: dict[Guid, list[ServedBy]] = {}
        self._by_run: dict[str, ServedBy] = {}

    # -- the class table -------------------------------------------------------------------------------------------

    def register(self, served: ServedBy) -> None:
        """From now on it is given runs."""
        self._table.setdefault(served.clsid, []).append(served)

    def revoke(self, clsid: Guid, uid: int, pid: int, connection: object) -> bool:
        """What this process serves under this CLSID is given no more runs; those that it has go on.

        Of processes without a pid only the connection is known. Returns whether there was any such.
        """
        meant = [
            served
            for served in self._table.get(clsid, ())
            if served.connection is connection or (pid > 0 and (served.uid, served.pid) == (uid, pid))
        ]
        for served in meant:
            self._hide(served)
            _end_if_over(served)
        return bool(meant)

    def hung_up(self, served: ServedBy) -> None:
        """The server is gone: what it had has failed."""
        self._lose(served, "its server hung up before it was over")

    def _lose(self, served: ServedBy, why: str) -> None:
        self._hide(served)
        for instance_id in tuple(served.runs):
            self._finish(served, Ended(instance_id=instance_id, succeeded=False, detail=why))

    def first_served_by(self, clsid: Guid) -> int | None:
        """The user whose server registered this class first of those that are there."""
        return next((served.uid for served in self._table.get(clsid, ())), None)

    def is_served(self, clsid: Guid, uid: int) -> bool:
        """Whether runs of this user would find a server."""
        return self._server_for(clsid, uid) is not None

    # -- runs ------------------------------------------------------------------------------------------------------

    def start(self, instance: Instance) -> None:
        """Hands the run to a server; without one it has failed."""
        clsid = _clsid_of(instance.task)
        try:
            uid = account_of(instance.task.runs_as).uid
        except HandlerError as error:
            self._fail(instance, str(error))
            return
        served = self._server_for(clsid, uid)
        if served is None:
            others = {each.uid for each in self._table.get(clsid, ())}
            why = f"only uid {min(others)} serves {clsid}" if others else f"nobody serves {clsid}"
            self._fail(instance, f"{why}: start the task server of uid {uid}")
            return
        served.runs[instance.instance_id] = instance
        self._by_run[instance.instance_id] = served
        if served.single:
            self._hide(served)
        served.line.tell(activation(instance, self._wall_time(instance.raised.at)))

    def cancel(self, instance_id: str, reason: CancellationReason) -> None:
        """Tells the server."""
        served = self._by_run.get(instance_id)
        if served is not None:
            served.line.tell(cancellation(instance_id, reason))

    def kill(self, instance_id: str) -> None:
        """Hangs up on the server of the run: with it all runs have failed that it has by this connection."""
        served = self._by_run.get(instance_id)
        if served is not None:
            self._loop.call_soon(self._lose, served, f"its server was hung up on: run {instance_id} did not end")
            served.line.hang_up()

    def server_of(self, instance_id: str) -> int | None:
        """The user whose server has this run; None where none has it."""
        served = self._by_run.get(instance_id)
        return None if served is None else served.uid

    def complete(self, completion: Completion) -> None:
        """A server says that a run is over. One that is not there has ended already: nothing happens."""
        served = self._by_run.get(completion.instance_id)
        if served is not None:
            self._finish(served, ended_of(completion, "completed"))

    def run_of(self, pid: int) -> str | None:
        """The run that this process, a server, has if it has just one; which of several it means, nobody knows."""
        runs = [run for run, served in self._by_run.items() if pid > 0 and served.pid == pid]
        return runs[0] if len(runs) == 1 else None

    async def close(self) -> None:
        """Hangs up on every server that is left."""
        for served in [each for table in self._table.values() for each in table]:
            served.line.hang_up()
            self.hung_up(served)
        for served in set(self._by_run.values()):
            served.line.hang_up()
            self.hung_up(served)

    def _server_for(self, clsid: Guid, uid: int) -> ServedBy | None:
        is_ours = uid in {0, os.geteuid()}
        return next((each for each in self._table.get(clsid, ()) if is_ours or each.uid == uid), None)

    def _hide(self, served: ServedBy) -> None:
        if served.is_public:
            served.is_public = False
            self._table[served.clsid].remove(served)
            if not self._table[served.clsid]:
                del self._table[served.clsid]

    def _finish(self, served: ServedBy, ended: Ended) -> None:
        del served.runs[ended.instance_id]
        del self._by_run[ended.instance_id]
        _end_if_over(served)
        self._ended(ended)

    def _fail(self, instance: Instance, detail: str) -> None:
        failed = Ended(instance_id=instance.instance_id, succeeded=False, detail=detail)
        self._loop.call_soon(self._ended, failed)


def _end_if_over(served: ServedBy) -> None:
    """Tells a server that it gets no more, when it has told the ends of all that it got."""
    if not served.is_public and not served.runs:
        served.line.end(REVOKED)


def _clsid_of(task: Registration) -> Guid:
    assert isinstance(task.run, ServedClass), "each kind of handler has its own host"
    return task.run.clsid

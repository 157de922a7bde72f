"""The `exec` host: runs a task's program, and ends with it all that it started. It decides no retry and no time limit.

A run is over when its main process and everything that this one started are over. What outlives the main process may
end by itself within the task's cancel_grace (as in `cmd | tee`); then it is killed, and the run has failed.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from bridge.errors import HandlerError
from bridge.hosts.accounts import account_of
from bridge.hosts.endings import ending
from bridge.hosts.families import Families, Over
from bridge.hosts.host import Ended
from bridge.hosts.invocation import invocation_of
from bridge.model.durations import MICROSECONDS
from bridge.model.tasks import CancellationReason, Instance

log = logging.getLogger(__name__)


class CommandHost:
    """Runs programs as `families`. `ended` is called by the loop, never from inside `start`, `cancel` or `kill`.

    `wall_time` gives the microseconds since 1970 of a time of ours: what a handler is told.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        families: Families,
        socket_path: str,
        wall_time: Callable[[int], int],
        ended: Callable[[Ended], None],
    ) -> None:
        self._loop = loop
        self._families = families
        self._socket_path = socket_path
        self._wall_time = wall_time
        self._ended = ended
        self._runs: dict[str, Instance] = {}

    def start(self, instance: Instance) -> None:
        """Starts the task's program; what hinders it becomes the run's `Ended`."""
        instance_id, task = instance.instance_id, instance.task
        try:
            account = account_of(task.runs_as)
            invocation = invocation_of(instance, account, self._socket_path, self._wall_time(instance.raised.at))
            grace = task.cancel_grace / MICROSECONDS["s"]
            pid = self._families.start(instance_id, invocation, account, grace, partial(self._over, instance_id))
        except HandlerError as error:
            failed = Ended(instance_id=instance_id, succeeded=False, detail=str(error))
            self._loop.call_soon(self._ended, failed)
            return
        self._runs[instance_id] = instance
        self._loop.call_soon(log.debug, "%s %s: pid %d", task.name, instance_id, pid)  # behind `activated`

    def cancel(self, instance_id: str, reason: CancellationReason) -> None:
        """Sends TERM to the run's process group, and to those of its processes that were orphaned outside of it."""
        instance = self._runs.get(instance_id)
        if instance is not None:
            log.debug("%s %s: TERM, %s", instance.task.name, instance_id, reason.name)
            self._families.terminate(instance_id)

    def kill(self, instance_id: str) -> None:
        """Sends KILL to all that the run started, and again until nothing is left, for a few seconds at most."""
        if instance_id in self._runs:
            self._families.kill(instance_id)

    @property
    def has_runs(self) -> bool:
        """Whether a run is there."""
        return bool(self._runs)

    def run_of(self, family: str) -> str | None:
        """The run that this family is, if it is one of ours."""
        return family if family in self._runs else None

    async def close(self) -> None:
        """Kills every run and waits until each has been reported."""
        await self._families.close()

    def _over(self, instance_id: str, over: Over) -> None:
        del self._runs[instance_id]
        ended = ending(instance_id, over.status, over.faults, killed=over.killed)
        counts = over.counts
        self._ended(replace(ended, output=over.output, suspended=counts.suspended, throttled=counts.throttled))

"""Starts runs one after the other, so that many at once hold up nobody else. How a run is started, it does not know.

A process is started in a millisecond or more, in which the loop does nothing else; and one raise may be for a thousand
tasks. So after some milliseconds the rest waits for the loop's next turn, and users are served in turn.
"""

import asyncio
from collections.abc import Callable

from bridge.hosts.host import Ended
from bridge.model.tasks import Instance

MOST_STARTING_SECONDS = 0.003
"""In one turn of the loop; the last start may take longer."""


class Starts:
    """Runs that are to be started, those of a user in their order, and users in turn.

    `start` starts one; `ended` is told of those that never are.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, start: Callable[[Instance], None], ended: Callable[[Ended], None]
    ) -> None:
        self._loop = loop
        self._start = start
        self._ended = ended
        self._waiting: dict[int | None, dict[str, Instance]] = {}
        """By the uid of who owns the task; whose turn it is comes first."""
        self._until: float | None = None
        """When, on the loop's clock, no more is started in this turn; None where nothing was started in it."""

    def put(self, instance: Instance) -> None:
        """Starts it at once, if there is time left and nothing of its owner's waits; else in one of the next turns."""
        if self._until is None:
            self._until = self._loop.time() + MOST_STARTING_SECONDS
            self._loop.call_soon(self._next_turn)
        owner = instance.task.owner
        if owner in self._waiting or self._loop.time() >= self._until:
            self._waiting.setdefault(owner, {})[instance.instance_id] = instance
        else:
            self._start(instance)

    def withdraw(self, instance_id: str) -> bool:
        """Whether the run waited to be started: then it is not any more, and has failed."""
        owners = [owner for owner, runs in self._waiting.items() if instance_id in runs]
        if not owners:
            return False
        self._take(owners[0], instance_id)
        gone = Ended(instance_id=instance_id, succeeded=False, detail="it had not begun")
        self._loop.call_soon(self._ended, gone)
        return True

    def withdraw_all(self) -> None:
        """Nothing that waits is started any more."""
        for instance_id in [each for runs in self._waiting.values() for each in runs]:
            self.withdraw(instance_id)

    def _take(self, owner: int | None, instance_id: str) -> Instance:
        """What waits of this owner comes last from now on, without this run."""
        runs = self._waiting.pop(owner)
        instance = runs.pop(instance_id)
        if runs:
            self._waiting[owner] = runs
        return instance

    def _next_turn(self) -> None:
        if not self._waiting:
            self._until = None
            return
        self._until = self._loop.time() + MOST_STARTING_SECONDS
        self._loop.call_soon(self._next_turn)
        while self._waiting:
            owner, runs = next(iter(self._waiting.items()))
            self._start(self._take(owner, next(iter(runs))))
            if self._loop.time() >= self._until:
                break

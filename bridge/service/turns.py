"""Whose calls are answered next, so that nobody holds up the others. It knows no call and no connection.

The user who has had the least time is next, and the connections of one user have their turns one after the other: who
opens more connections is not served more. After 1 ms, or when everybody who waited has had a turn, the loop does what
else it has to do, such as looking who has something to say.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

MOST_SECONDS_IN_A_ROW = 0.001
_PAUSE_SECONDS = 0.001
"""So long nobody was served: the loop has had its turn. Between two connections that it reads there is far less."""

Clock = Callable[[], float]


class Served(Protocol):
    """A connection that has something to be answered."""

    def serve(self, now: Clock, until: float) -> bool:
        """Answers a little, nothing more after `until`; whether something is left that could be answered at once."""


class Turns:
    """Gives turns to who asks for one: at once where nobody waits, so that a quiet service is a quick one."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: dict[int, deque[Served]] = {}
        """By user, in the order of their turns."""
        self._used: dict[int, float] = {}
        """By user, the seconds of all turns; whoever comes anew is taken to have used as much as who is served now."""
        self._least_used = 0.0
        self._is_serving = False
        self._is_due = False
        self._spent = 0.0
        self._ended_at = 0.0

    def ask(self, uid: int, served: Served) -> None:
        """A connection of this user has something to be answered. Who waits does not ask again."""
        used = self._used.get(uid, 0.0)
        is_first = all(self._used[other] > used for other in self._waiting)
        if uid not in self._waiting:
            self._waiting[uid] = deque()
            self._used[uid] = max(used, self._least_used)
        self._waiting[uid].append(served)
        if self._is_serving:
            return
        if self._loop.time() - self._ended_at > _PAUSE_SECONDS:
            self._spent = 0.0
        if not self._is_due:
            self._serve_all()
        elif is_first:
            self._serve_in_turn(uid, self._loop.time() + MOST_SECONDS_IN_A_ROW)

    def _serve_in_a_new_row(self) -> None:
        self._is_due = False
        self._spent = 0.0
        self._serve_all()

    def _serve_all(self) -> None:
        """Gives turns to those who wait now, while there is time."""
        now = self._loop.time
        begin = now()
        until = begin + MOST_SECONDS_IN_A_ROW - self._spent
        turns = sum(map(len, self._waiting.values()))
        try:
            while turns and now() < until:
                turns -= 1
                self._serve_in_turn(min(self._waiting, key=self._used.__getitem__), until)
        finally:
            self._ended_at = now()
            self._spent += self._ended_at - begin
            if self._waiting:
                # Not in the next turn of the loop but behind it: first it is looked who has something to say.
                self._is_due = True
                self._loop.call_soon(self._loop.call_soon, self._serve_in_a_new_row)
            else:
                self._used.clear()
                self._least_used = 0.0

    def _serve_in_turn(self, uid: int, until: float) -> None:
        now = self._loop.time
        connections = self._waiting[uid]
        served = connections.popleft()
        self._least_used = self._used[uid]
        self._is_serving = True
        begin = now()
        has_more = False
        try:
            has_more = served.serve(now, until)
        finally:
            self._is_serving = False
            self._used[uid] += now() - begin
            if has_more:
                connections.append(served)
            if not connections:
                del self._waiting[uid]

"""Timers: what is due, and in which order. Nothing here reads a clock or knows what a timer is for.

A timer is put off as often as its rule hears something, so each has one place in the queue, and is filed anew only
when that place comes up. Places of timers that are not set any more are cleared away before they are most of the queue.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Protocol

from bridge.mapping.rules import Rule

_FEW = 64
"""So many places may be left over: to clear them away would cost more."""


class Timed(Protocol):
    """What has a timer: `due` in microseconds, None while it is not set. The rest is the queue's own."""

    rule: Rule
    due: int | None
    number: int
    filed: int | None


@dataclass(slots=True)
class Timers:
    """Timers by when they are due, then by the `place` of their rule, then by when they were set."""

    place: Callable[[Rule], int]
    _queue: list[tuple[int, int, int, Timed]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)
    _set: int = 0
    """How many timers are set."""

    def set(self, timed: Timed, due: int) -> None:
        """Lets it be due then, and not when it was."""
        self._set += timed.due is None
        timed.due, timed.number = due, next(self._numbers)
        if timed.filed is None or timed.filed > due:
            self._file(timed)

    def cancel(self, timed: Timed) -> None:
        """Lets it not be due any more."""
        self._set -= timed.due is not None
        timed.due = None

    @property
    def deadline(self) -> int | None:
        """When the next timer is due, or None."""
        while self._queue:
            filed, _, number, timed = self._queue[0]
            if timed.due == filed and timed.number == number:
                return filed
            heappop(self._queue)
            if timed.filed == filed:
                timed.filed = None
                self._file(timed)
        return None

    def is_due(self, at: int) -> bool:
        """Whether any timer is due by `at`; as a place is never later than its timer, most are not even looked at."""
        if not self._queue or self._queue[0][0] > at:
            return False
        deadline = self.deadline
        return deadline is not None and deadline <= at

    def pop(self, at: int) -> Timed | None:
        """The next timer that is due by `at`, set no more; or None."""
        if not self.is_due(at):
            return None
        _, _, _, timed = heappop(self._queue)
        self.cancel(timed)
        timed.filed = None
        return timed

    def refile(self) -> None:
        """Clears away what is not set, and asks anew for the places of the rules of all others."""
        there = {id(timed): timed for _, _, _, timed in self._queue}
        self._queue = []
        for timed in there.values():
            timed.filed = timed.due
            if timed.due is not None:
                self._queue.append((timed.due, self.place(timed.rule), timed.number, timed))
        heapify(self._queue)

    def _file(self, timed: Timed) -> None:
        if timed.due is not None:
            timed.filed = timed.due
            heappush(self._queue, (timed.due, self.place(timed.rule), timed.number, timed))
            if len(self._queue) > 2 * self._set + _FEW:
                self.refile()

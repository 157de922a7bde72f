"""When things with names are due: the earliest first, of one instant the name that is known longest. No clock."""

from heapq import heapify, heappop, heappush
from itertools import count

MOST_VOID = 1000
"""Entries of the heap that mean nothing any more, beside as many as do, before it is made anew."""


class Deadlines:
    """The times, in microseconds, at which names are due.

    >>> deadlines = Deadlines()
    >>> deadlines.set("lamp", 20)
    >>> deadlines.set("door", 10)
    >>> deadlines.set("lamp", 5)
    >>> deadlines.first, deadlines.pop(), deadlines.first
    (5, 'lamp', 10)
    """

    def __init__(self) -> None:
        self._numbers = count()
        self._ranks: dict[str, int] = {}
        self._entries: dict[str, tuple[int, int, str]] = {}
        self._heap: list[tuple[int, int, str]] = []  # an entry that is not its name's is void

    def set(self, name: str, due: int | None) -> None:
        """The name is due then, and only then; never, if that is None, but it stays known."""
        rank = self._ranks.setdefault(name, next(self._numbers))
        entry = self._entries.get(name)
        if due is None:
            self._entries.pop(name, None)
        elif entry is None or entry[0] != due:
            self._entries[name] = entry = (due, rank, name)
            heappush(self._heap, entry)
            if len(self._heap) > 2 * len(self._entries) + MOST_VOID:
                self._heap = list(self._entries.values())
                heapify(self._heap)

    def forget(self, name: str) -> None:
        """The name is not due any more, and not known."""
        self._entries.pop(name, None)
        self._ranks.pop(name, None)

    @property
    def first(self) -> int | None:
        """When the first one is due, or None."""
        while self._heap:
            entry = self._heap[0]
            if self._entries.get(entry[2]) is entry:
                return entry[0]
            heappop(self._heap)
        return None

    def pop(self) -> str:
        """The name that is due first, where `first` is not None; it is not due any more."""
        name = heappop(self._heap)[2]
        del self._entries[name]
        return name

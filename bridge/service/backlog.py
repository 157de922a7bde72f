"""What watchers are told, encoded once for all of them, and how much of it is kept for those who are slow.

Nothing here knows a reader or writes to one. There is one backlog for all: so many slow readers, of whatever user, fill
no more memory than one.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import msgspec

from bridge.model.events import DeviceGone, Event
from bridge.recording.jsonl import line_of_event
from bridge.service.entries import encoded_entry
from bridge.store.values import HistoryRow

MOST_FACTS = 16_384
MOST_BYTES = 8 * 1024 * 1024
"""Of both, the oldest quarter is given up when there is more."""


class View(NamedTuple):
    """What somebody wants to be told, and may be: `reader` (a uid) has to be a reader of a line, None sees all.

    `task` and `trigger` are what lines have to be about, None for all. `events`: raw events too.
    """

    reader: int | None = None
    task: str | None = None
    trigger: str | None = None
    events: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether it shows every line of the history."""
        return self.reader is None and self.task is None and self.trigger is None


class Fact(msgspec.Struct, frozen=True):
    """One answer of `Watch`, encoded; `views` show it. `is_kept`: the history has it."""

    encoded: bytes
    views: Sequence[View]
    is_kept: bool


class Views:
    """The views that there are, to be found by what they show without asking each."""

    def __init__(self) -> None:
        self._views: dict[tuple[int | None, str | None, str | None], list[View]] = {}
        self.of_events: tuple[View, ...] = ()
        """Those that show raw events."""

    def add(self, view: View) -> None:
        """One more; it is not there yet."""
        self._views.setdefault(view[:3], []).append(view)
        if view.events:
            self.of_events = (*self.of_events, view)

    def remove(self, view: View) -> None:
        """One less."""
        views = self._views[view[:3]]
        views.remove(view)
        if not views:
            del self._views[view[:3]]
        self.of_events = tuple(other for other in self.of_events if other != view)

    def showing(self, row: HistoryRow) -> list[View]:
        """Those that show a line.

        >>> views = Views()
        >>> views.add(View(reader=1000, task="lamp"))
        >>> row = HistoryRow(seq=1, wall=0, what="reset", task="lamp", readers=frozenset({1000}))
        >>> views.showing(row)
        [View(reader=1000, task='lamp', trigger=None, events=False)]
        """
        found: list[View] = []
        views = self._views
        for reader in (None, *row.readers):
            for task in (None, row.task) if row.task else _ALL:
                for trigger in (None, row.trigger) if row.trigger else _ALL:
                    if (key := (reader, task, trigger)) in views:
                        found += views[key]
        return found


_ALL = (None,)


def fact_of_row(row: HistoryRow, views: Sequence[View]) -> Fact:
    """A line of the history, or one that the history does not keep."""
    entry = encoded_entry(row)
    return Fact(b'{"parameters":{"entry":' + entry + b'},"continues":true}\0', views, row.seq is not None)


def fact_of_event(event: Event | DeviceGone, views: Sequence[View]) -> Fact:
    """A raw event, as a line of a recording has it; a replayed one says so."""
    line = line_of_event(event)
    if event.replayed:
        line = f'{line[:-1]}, "replayed": true}}'
    return Fact(b'{"parameters":{"event":' + line.encode() + b'},"continues":true}\0', views, False)


def gap(lost: int | None) -> bytes:
    r"""The answer that stands where so many were lost, or nobody knows how many.

    >>> gap(3)
    b'{"parameters":{"gap":{"lost":3}},"continues":true}\x00'
    """
    said = {"lost": lost} if lost is not None else {}
    return msgspec.json.encode({"parameters": {"gap": said}, "continues": True}) + b"\0"


class Backlog:
    """Facts by their place, which counts from 0 and never goes back: those from `first` to before `end` are there."""

    def __init__(self, most_facts: int = MOST_FACTS, most_bytes: int = MOST_BYTES) -> None:
        self._most_facts = most_facts
        self._most_bytes = most_bytes
        self._facts: deque[Fact] = deque()
        self._bytes = 0
        self.first = 0

    @property
    def end(self) -> int:
        """The place of the next fact."""
        return self.first + len(self._facts)

    @property
    def is_over_full(self) -> bool:
        """Whether some have to go."""
        return len(self._facts) > self._most_facts or self._bytes > self._most_bytes

    def add(self, fact: Fact) -> None:
        """One more."""
        self._facts.append(fact)
        self._bytes += len(fact.encoded)

    def between(self, place: int, end: int) -> Iterator[Fact]:
        """The facts from a place on, which is not before the first, up to another."""
        return islice(self._facts, place - self.first, end - self.first)

    def give_up(self) -> "Lost":
        """Forgets the oldest quarter; what that was."""
        return Lost(self.first, [self._pop() for _ in range(max(1, len(self._facts) // 4))])

    def forget_before(self, place: int) -> None:
        """Forgets what everybody has been told."""
        while self.first < place:
            self._pop()

    def _pop(self) -> Fact:
        fact = self._facts.popleft()
        self._bytes -= len(fact.encoded)
        self.first += 1
        return fact


class Lost:
    """Facts that were given up, the first from `place` on, and how many of them somebody has lost."""

    def __init__(self, place: int, facts: Sequence[Fact]) -> None:
        self._place = place
        self._facts = facts
        self._all = _counted(facts)
        self._unkept = _counted(fact for fact in facts if not fact.is_kept)

    def count(self, view: View, place: int, known_before: int) -> int:
        """Of what the view shows from `place` on, all but what the history has and is known from there."""
        if place <= self._place and known_before <= self._place:
            return self._all[view]
        if place <= self._place and known_before >= self._place + len(self._facts):
            return self._unkept[view]
        return sum(
            number >= place and view in fact.views and not (fact.is_kept and number < known_before)
            for number, fact in enumerate(self._facts, start=self._place)
        )


def _counted(facts: Iterable[Fact]) -> Counter[View]:
    counts: Counter[View] = Counter()
    for fact in facts:
        counts.update(fact.views)
    return counts

"""Tells everybody who watches what happens. It decides nothing, and it waits for nobody.

Facts of some moments are told together, each encoded once for all. Who does not read is told nothing more until he has
read; what he could not be told meanwhile is kept for a while, in one backlog for all, and what is given up of it is
counted for him: a gap.
"""

import asyncio
import sys
from collections.abc import Iterable, Sequence

from bridge.model.events import DeviceGone, Event
from bridge.service.backlog import Backlog, Fact, View, Views, fact_of_event, fact_of_row, gap
from bridge.service.streams import Outlet
from bridge.service.telling import Telling
from bridge.store.values import HistoryRow

TOGETHER_SECONDS = 0.05
"""What happens in so short a time is told together; the first after a rest is told at once."""
MOST_AT_ONCE = 128 * 1024
"""Bytes that are written before it is asked whether they are read, unless one fact has more."""

MOST_PORTIONS = 32
"""Of what was told, to be told again to others who are behind."""


class Watcher:
    """One who watches. `place`, while he is behind, is that of the next fact in the backlog for him.

    He is told nothing before he `is_live`; what the history has of the facts before `known_before` he has read there.
    """

    def __init__(self, view: View, outlet: Outlet, place: int, *, is_live: bool) -> None:
        self.view = view
        self.outlet = outlet
        self.place = place
        self.is_live = is_live
        self.known_before = 0 if is_live else sys.maxsize
        self.lost = 0


class Watching:
    """All who watch. While there are none, nothing is asked for."""

    def __init__(self, loop: asyncio.AbstractEventLoop, telling: Telling, backlog: Backlog | None = None) -> None:
        self._loop = loop
        self._telling = telling
        self._backlog = backlog or Backlog()
        self._views = Views()
        self._watchers: dict[View, set[Watcher]] = {}
        self._behind: set[Watcher] = set()
        """Who has not been told all that there was to tell the last time."""
        self._fresh: dict[View, list[bytes]] = {}
        """What came since then."""
        self._portions: dict[tuple[View, int, int], tuple[bytes, int]] = {}
        """What was told lately to those who are behind: others may be where they were."""
        self._told_to = 0
        """The place before which all is told to those who are not behind."""
        self._turn: asyncio.Handle | None = None
        self._last_turn = 0.0

    @property
    def wants_events(self) -> bool:
        """Whether somebody is to be told raw events."""
        return bool(self._views.of_events)

    # -- who watches -----------------------------------------------------------------------------------------------

    def join(self, view: View, outlet: Outlet, *, is_live: bool) -> Watcher:
        """One more, who is told what happens from now on; where he is not `is_live`, when he is to `catch_up`."""
        self.tell()  # what came before is for the others
        if not self._watchers:
            self._telling.listen(self)
        if view not in self._watchers:
            self._views.add(view)
            self._watchers[view] = set()
        watcher = Watcher(view, outlet, self._backlog.end, is_live=is_live)
        self._watchers[view].add(watcher)
        if not is_live:
            self._behind.add(watcher)
        return watcher

    def catch_up(self, watcher: Watcher) -> None:
        """He has read the history to its end: what the store has told up to now is known to him."""
        self.tell()
        watcher.is_live = True
        watcher.known_before = self._backlog.end
        self.go_on(watcher)

    def go_on(self, watcher: Watcher) -> None:
        """He has read: he is told what he has missed."""
        if watcher.is_live and watcher in self._behind:
            self._tell_missed(watcher)
            self._forget_told()

    def leave(self, watcher: Watcher) -> None:
        """He is told nothing more."""
        watchers = self._watchers[watcher.view]
        watchers.discard(watcher)
        self._behind.discard(watcher)
        if not watchers:
            del self._watchers[watcher.view]
            self._views.remove(watcher.view)
            self._fresh.pop(watcher.view, None)
        if not self._watchers:
            self._telling.listen_no_more(self)
            self._told_to = self._backlog.end
        self._forget_told()

    # -- what happens ----------------------------------------------------------------------------------------------

    def lines(self, rows: Sequence[HistoryRow]) -> None:
        """Lines of the history that are committed, or such as it does not keep."""
        self._add([fact_of_row(row, views) for row in rows if (views := self._views.showing(row))])

    def events(self, events: Iterable[Event | DeviceGone]) -> None:
        """Raw events."""
        self._add([fact_of_event(event, self._views.of_events) for event in events])

    def _add(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            self._backlog.add(fact)
            for view in fact.views:
                self._fresh.setdefault(view, []).append(fact.encoded)
        if self._backlog.is_over_full:
            self.tell()
            self._give_up()
        if self._fresh and self._turn is None:
            rest = max(0.0, self._last_turn + TOGETHER_SECONDS - self._loop.time())
            self._turn = self._loop.call_later(rest, self._take_turn)

    def _take_turn(self) -> None:
        self._turn = None
        self.tell()

    def tell(self) -> None:
        """Tells what came since the last time, to everybody who is not behind."""
        fresh, self._fresh = self._fresh, {}
        before, self._told_to = self._told_to, self._backlog.end
        if fresh:
            self._last_turn = self._loop.time()
        late: list[Watcher] = []
        for view, parts in fresh.items():
            together = b"".join(parts)
            for watcher in self._watchers[view] - self._behind:
                if watcher.outlet.is_blocked or len(together) > MOST_AT_ONCE:
                    watcher.place = before
                    late.append(watcher)
                else:
                    watcher.outlet.write(together)
        self._behind.update(late)
        for watcher in late:
            self._tell_missed(watcher)
        self._forget_told()

    def _tell_missed(self, watcher: Watcher) -> None:
        """Tells one who is behind what there is, until he has to read."""
        while not watcher.outlet.is_blocked:
            if watcher.lost:
                watcher.outlet.write(gap(watcher.lost))
                watcher.lost = 0
            elif watcher.place >= self._told_to:
                self._behind.discard(watcher)
                return
            else:
                self._write_missed(watcher)

    def _write_missed(self, watcher: Watcher) -> None:
        wanted = watcher.view, watcher.place, max(watcher.place, watcher.known_before)
        if wanted not in self._portions:
            self._portions[wanted] = self._portion(*wanted)
        portion, watcher.place = self._portions[wanted]
        if portion:
            watcher.outlet.write(portion)

    def _portion(self, view: View, place: int, known_before: int) -> tuple[bytes, int]:
        """What is told at once to one who is behind at this place, and where he is then."""
        parts: list[bytes] = []
        size = 0
        for fact in self._backlog.between(place, self._told_to):
            if size >= MOST_AT_ONCE:
                break
            is_known = fact.is_kept and place < known_before
            place += 1
            if view in fact.views and not is_known:
                parts.append(fact.encoded)
                size += len(fact.encoded)
        return b"".join(parts), place

    def _forget_told(self) -> None:
        """What everybody has been told is kept no longer."""
        if len(self._portions) > MOST_PORTIONS or not self._behind:
            self._portions.clear()
        if not self._behind and self._backlog.first < self._told_to:
            self._backlog.forget_before(self._told_to)

    def _give_up(self) -> None:
        """What is too much in the backlog goes: those who have not been told it have lost it."""
        while self._backlog.is_over_full:
            lost = self._backlog.give_up()
            for watcher in self._behind:
                if watcher.place < self._backlog.first:
                    watcher.lost += lost.count(watcher.view, watcher.place, watcher.known_before)
                    watcher.place = self._backlog.first

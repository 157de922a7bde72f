"""The one thread that writes: what is queued together is committed together. It decides nothing about what is written.

What cannot be written is held and tried again, and nobody is told that it was committed before it is. Callbacks are
called from this thread.
"""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

import msgspec

from bridge.errors import DamagedStoreError, StoreError
from bridge.store.disk import Reserve, StateDirectory
from bridge.store.history import History, told
from bridge.store.rows import Rows, rows_of
from bridge.store.values import CROWDED, HistoryPage, HistoryRow, Question, Times

if TYPE_CHECKING:
    from bridge.store.journal import Journal

MOST_WRITES = 500
"""In one transaction."""
MOST_BYTES = 512 * 1024
"""Of content in one transaction, unless one write has more."""
RETRY_SECONDS = 1.0
MOST_PORTIONS = 8
"""Of history, that go at once for a reserve that does not find its room."""

Answered = Callable[[HistoryPage], None]


class Write(msgspec.Struct, frozen=True):
    """What is to be written in one piece. `is_all`: nothing else is owed from then on."""

    outcomes: Sequence[object]
    times: Times
    flush: bool
    is_all: bool
    token: object


class Ask(msgspec.Struct, frozen=True):
    """A question to the history, to be answered after what was queued before it."""

    question: Question
    answered: Answered


class End(msgspec.Struct, frozen=True):
    """The thread is to end; `is_clean`: no process of this start is left."""

    is_clean: bool


Item = Write | Ask | End


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """Who hears of it: tokens of what is committed; whether new raises are taken, and why not; damage, for the log.

    `told`, while somebody wants to know, gets the lines of the history that are committed, before `committed` is told.
    """

    committed: Callable[[Sequence[object]], None]
    turned: Callable[[bool, str], None]
    damaged: Callable[[str], None]
    told: Callable[[Sequence[HistoryRow]], None] = lambda rows: None


class Writer:
    """Runs in its thread from `run` until it is told to end and what is held is written, or cannot be."""

    def __init__(
        self,
        queue: "SimpleQueue[Item]",
        open_journal: "Callable[[], Journal]",
        directory: StateDirectory | None,
        boot: str,
        heard: Heard,
        obstacle: str,
    ) -> None:
        self._queue = queue
        self._open_journal = open_journal
        self._directory = directory
        self._boot = boot
        self._heard = heard
        self._history = History()
        self.tells = False
        """Whether somebody wants to know the lines of the history that are committed."""
        self._held: deque[tuple[Rows, Write]] = deque()
        self._asked: list[Ask] = []
        self._end: End | None = None
        self._accepts = True
        self._obstacle = obstacle
        """Why nothing, or only what was accepted before, can be written now."""
        self._is_crowded = False
        self._is_prepared = False
        self._is_renewed = False
        """A file was set aside, and nothing has been written since: a second time would not help."""

    def run(self) -> None:
        """The thread."""
        self._journal = self._open_journal()
        self._is_crowded = self._journal.was_crowded
        self._accepts = not self._obstacle and not self._is_crowded  # as whoever read was told
        while self._end is None:
            self._take()
            self._write_held()
            self._answer()
            self._look_for_room()
        self._journal.close(clean=self._end.is_clean and not self._held)

    def _take(self) -> None:
        """Waits for something to do, and takes what else is there."""
        try:
            item = self._queue.get(timeout=RETRY_SECONDS if self._obstacle else None)
            while True:
                match item:
                    case End():
                        self._end = item
                        return
                    case Ask():
                        self._asked.append(item)
                    case Write():
                        rows = rows_of(item.outcomes, item.times, self._boot, self._history)
                        self._held.append((rows, item))
                if len(self._held) >= MOST_WRITES:
                    return
                item = self._queue.get_nowait()
        except Empty:
            return

    def _write_held(self) -> None:
        if self._held and not self._is_prepared:
            self._reserve_room()
        while self._held and not self._obstacle:
            rows, writes = self._group()
            if self._is_written(rows, writes):
                for _ in writes:
                    self._held.popleft()
        if self._held:
            self._write_one_by_one()

    def _reserve_room(self) -> None:
        """Before the first write, so that the room is there when it is needed."""
        self._is_prepared = True
        if self._directory is not None and not self._directory.reserve.restore():
            self._obstacle = self._directory.reserve.shortage
            self._turn()

    def _group(self) -> tuple[Rows, list[Write]]:
        """What is committed together."""
        rows = Rows()
        writes: list[Write] = []
        for others, write in islice(self._held, MOST_WRITES):
            if writes and (write.is_all or rows.size + others.size > MOST_BYTES):
                break
            rows.add(others)
            writes.append(write)
            if write.is_all:
                break
        return rows, writes

    def _write_one_by_one(self) -> None:
        """While room is short: what does not fit lets pass what comes later and is about others; that may make room."""
        try:
            self._journal.open()
        except StoreError as error:
            self._failed(error)
            return
        left: deque[tuple[Rows, Write]] = deque()
        blocked: set[object] = set()
        while self._held:
            rows, write = self._held.popleft()
            touched = rows.touched()
            passes = not (blocked if write.is_all else blocked & touched)
            if not (passes and (self._fits(rows, write) or (self._shed() and self._fits(rows, write)))):
                blocked |= touched
                left.append((rows, write))
                if write.is_all:
                    left += self._held
                    self._held.clear()
        self._held = left

    def _fits(self, rows: Rows, write: Write) -> bool:
        try:
            has_room = self._journal.has_room(rows)
        except StoreError as error:
            self._failed(error)
            return False
        return has_room and self._is_written(rows, [write])

    def _is_written(self, rows: Rows, writes: Sequence[Write]) -> bool:
        try:
            first = self._journal.write(rows, flush=any(write.flush for write in writes), is_all=writes[0].is_all)
        except StoreError as error:
            self._failed(error)
            return False
        self._is_renewed = False
        if self.tells and rows.history:
            self._heard.told(told(rows.history, first))
        self._heard.committed([write.token for write in writes])
        try:
            self._is_crowded = self._journal.tidy(was_crowded=self._is_crowded)
            if self._obstacle or self._journal.is_behind:
                self._journal.checkpoint()
        except StoreError as error:
            self._failed(error)
        self._turn()
        return True

    def _failed(self, error: StoreError) -> None:
        """A damaged file is set aside, once. Anything else is an obstacle, for which the reserve is given."""
        if isinstance(error, DamagedStoreError) and not self._is_renewed:
            self._is_renewed = True
            try:
                self._heard.damaged(self._journal.renew(str(error)))
                self._journal.open()
            except StoreError as other:
                error = other
            else:
                return
        self._obstacle = str(error)
        self._turn()
        if self._directory is not None and self._directory.reserve.give():
            with suppress(StoreError):  # what comes next fails as well then
                self._journal.checkpoint()

    def _shed(self) -> bool:
        try:
            return self._journal.shed()
        except StoreError:
            return False

    def _look_for_room(self) -> None:
        """Whether the obstacle is gone: all that was held is written, and there is room in reserve again."""
        if not self._obstacle or self._held:
            return
        if self._directory is not None and not self._directory.has_database and not self._directory.reserve.has_room:
            return  # and there is no history that could make some
        try:
            self._journal.open()
        except StoreError as error:
            self._obstacle = str(error)
            return
        if self._directory is None or self._is_reserve_restored(self._directory.reserve):
            self._obstacle = ""
            self._turn()

    def _is_reserve_restored(self, reserve: Reserve) -> bool:
        """Whether the reserve stands again, perhaps since history went for it."""
        for _ in range(MOST_PORTIONS):
            if reserve.restore():
                return True
            try:
                if not self._journal.give_back():
                    break
            except StoreError:
                break
        return reserve.restore()

    def _turn(self) -> None:
        accepts = not self._obstacle and not self._is_crowded
        if accepts is not self._accepts:
            self._accepts = accepts
            self._heard.turned(accepts, self._obstacle or (CROWDED if self._is_crowded else ""))

    def _answer(self) -> None:
        for ask in self._asked:
            try:
                page = self._journal.history(ask.question)
            except StoreError as error:
                self._failed(error)
                page = HistoryPage()
            ask.answered(page)
        self._asked.clear()

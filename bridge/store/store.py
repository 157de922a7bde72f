"""The store: what outlives the daemon. It decides nothing about what is worth keeping, and it has no clock.

SQLite and the thread that writes are not there before something is read or written: a daemon for which nothing is
raised has neither.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

import msgspec

from bridge.dispatch.kept import Restored
from bridge.store.disk import StateDirectory, disk_size
from bridge.store.rows import WRITTEN
from bridge.store.values import LEAST_BYTES, Durability, HistoryPage, Limits, Question, Remembered, Times
from bridge.store.writer import Ask, End, Heard, Item, Write, Writer

if TYPE_CHECKING:
    from bridge.store.journal import Journal

__all__ = ["Durability", "Heard", "Limits", "Store", "writes"]


def writes(outcomes: Iterable[object]) -> bool:
    """Whether any of these outcomes is for the store."""
    return any(isinstance(outcome, WRITTEN) for outcome in outcomes)


def _fitting(limits: Limits, directory: Path) -> Limits:
    """The limits, or less bytes on a small disk: its own history is not to fill it."""
    quarter = disk_size(directory) // 4
    return Limits(rows=limits.rows, bytes=max(LEAST_BYTES, min(limits.bytes, quarter)))


class Store:
    """The state directory of one start of the daemon, whose instance ids begin with `start`, in the boot `boot_id`.

    The directory is made and locked at once. Raises `StoreError`, naming it, if that cannot be, or if nothing can be
    written there. `heard` is called from a thread of the store's own.
    """

    def __init__(
        self,
        directory: Path,
        boot_id: str,
        start: str,
        limits: Limits,
        durability: Durability,
        heard: Heard,
    ) -> None:
        self._directory = StateDirectory(directory) if durability is not Durability.MEMORY else None
        self._boot_id = boot_id
        self._start = start
        self._limits = _fitting(limits, directory) if self._directory is not None else limits
        self._may_flush = durability is Durability.FULL
        self._heard = heard
        self._journal: Journal | None = None
        self._queue: SimpleQueue[Item] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._writer: Writer | None = None
        self._tells = False

    @property
    def outlives_us(self) -> bool:
        """Whether what is written here is there after the daemon's end."""
        return self._directory is not None

    def read(self, times: Times) -> Remembered:
        """What earlier starts left; before the first write, once. It waits for the disk.

        Raises `StoreError`, naming the file, for one that cannot be read, or that a newer hwbridge wrote.
        """
        remembered = Remembered(restored=Restored(at=times.now))
        if self._directory is None:
            return remembered
        if self._directory.has_database:
            remembered = self._open_journal().load(times)
        if self._directory.reserve.has_room:
            return remembered
        shortage = self._directory.reserve.shortage
        self._start_writer(shortage)  # which looks for room
        return msgspec.structs.replace(remembered, refusal=shortage)

    def write(self, outcomes: Sequence[object], times: Times, *, flush: bool = False, token: object = None) -> None:
        """Writes what all these outcomes of one fact tell, or nothing of it; `token` is heard when that is committed.

        With `flush`, and durability FULL, it is on the disk then. Outcomes that nothing is kept of are passed over.
        """
        self._put(Write(outcomes, times, flush and self._may_flush, False, token))

    def rewrite(self, outcomes: Sequence[object], times: Times, *, token: object = None) -> None:
        """Writes as `write`; activations and tasks that were kept before, and are not among these, are forgotten."""
        self._put(Write(outcomes, times, self._may_flush, True, token))

    def history(self, question: Question, answered: Callable[[HistoryPage], None]) -> None:
        """Asks for lines of the history.

        `answered` hears them from the store's thread, after all that was written before; at once where nothing was.
        """
        if self._thread is None and self._journal is None:
            answered(HistoryPage())
        else:
            self._put(Ask(question, answered))

    def tell(self, wanted: bool) -> None:
        """Whether `Heard.told` is wanted: of what is committed from now on, or no more."""
        self._tells = wanted
        if self._writer is not None:
            self._writer.tells = wanted

    def close(self, *, clean: bool = True) -> None:
        """Writes what is queued and lets go of the directory. `clean`: no process of this start is left to be ended.

        What cannot be written now is lost; it was never told to be committed.
        """
        if self._thread is not None:
            self._queue.put(End(clean))
            self._thread.join()
        elif self._journal is not None:
            self._journal.close(clean=clean)
        if self._directory is not None:
            self._directory.close()

    def _put(self, item: Item) -> None:
        if self._thread is None:
            self._start_writer("")
        self._queue.put(item)

    def _start_writer(self, obstacle: str) -> None:
        self._writer = Writer(self._queue, self._open_journal, self._directory, self._boot_id, self._heard, obstacle)
        self._writer.tells = self._tells
        self._thread = threading.Thread(target=self._writer.run, name="store", daemon=True)
        self._thread.start()

    def _open_journal(self) -> "Journal":
        if self._journal is None:
            from bridge.store.journal import Journal  # SQLite is loaded where something is kept

            self._journal = Journal(self._directory, self._limits, self._start, self._boot_id)
        return self._journal

"""The progress bar: shows a person at the terminal how far something is that takes longer. It prints no result.

It is drawn on stderr by a thread of its own, which looks at a count that whoever works keeps. So it costs little, and
what is done within a second neither shows a bar nor loads what draws one.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar("T")
_REDRAW_SECONDS = 0.1
_PATIENCE = 10
"""So many times nothing was printed when the bar might have been drawn; then it is."""


class Bar:
    """A bar that says what is being done; it comes after a second, and is gone when the `with` block ends."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._done = 0
        self._total: int | None = None
        self._waited = 0
        self._drawn: Progress | None = None
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._draw, daemon=True)

    def __enter__(self) -> Self:
        """Itself."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Takes the bar away."""
        self._is_over.set()
        self._thread.join()
        self.give_way()

    def counted(self, doing: str, things: Iterable[T], total: int) -> Iterator[T]:
        """The same things; from now on the bar says how many of them have been taken."""
        self._doing, self._total = doing, total
        for thing in things:
            self._done += 1
            yield thing

    def give_way(self) -> None:
        """Something is about to be printed on the same terminal: the bar goes, and comes again after a second."""
        with self._lock:
            self._waited = 0
            if self._drawn is not None:
                drawn, self._drawn = self._drawn, None
                with suppress(OSError):  # the terminal is gone: whoever prints will find out
                    drawn.stop()

    def _draw(self) -> None:
        with suppress(OSError):
            while not self._is_over.wait(_REDRAW_SECONDS):
                with self._lock:
                    self._waited += 1
                    if self._waited >= _PATIENCE:
                        self._drawn = self._drawn or _started()
                        self._update(self._drawn)

    def _update(self, drawn: "Progress") -> None:
        (task,) = drawn.task_ids
        drawn.update(task, description=self._doing, completed=self._done, total=self._total, refresh=True)


def _started() -> "Progress":
    from rich.console import Console
    from rich.progress import Progress  # 100 ms, which nobody waits for who sees no bar

    progress = Progress(
        console=Console(stderr=True), auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
    )
    progress.add_task("", total=None)
    progress.start()
    return progress

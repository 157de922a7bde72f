"""Who reads our stdout: notices that a pipe's reader is gone while nothing is printed. It prints nothing itself."""

import os
import select
import sys
from collections.abc import Callable
from threading import Thread
from types import TracebackType
from typing import Self


class Reader:
    """Calls `gone`, in a thread of its own, when nobody can read stdout any more; while the `with` block lasts."""

    def __init__(self, gone: Callable[[], object]) -> None:
        self._gone = gone
        self.is_gone = False
        self._told_to_end, self._end = os.pipe2(os.O_CLOEXEC)
        self._thread = Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._end)
        self._thread.join()
        os.close(self._told_to_end)

    def _look(self) -> None:
        waiting = select.poll()
        waiting.register(self._told_to_end, 0)  # what is not asked for is told too: errors, and that it is hung up
        if sys.stdout is not None:
            waiting.register(sys.stdout.fileno(), 0)
        if any(descriptor != self._told_to_end for descriptor, _ in waiting.poll()):
            self.is_gone = True
            self._gone()

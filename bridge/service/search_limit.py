"""A limit of processor time for each search of a rule's expression: one that has no end must not stop the daemon.

A timer ticks while the process computes, and never while it rests. A search that is still going on at the second tick
is ended; nothing else is, for what decides must not end half-way.
"""

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from bridge.errors import OutOfTimeError
from bridge.mapping.searching import MOST, find, times_ended

SECONDS = 0.1
"""Of processor time: a search is ended that takes twice that, and none that takes less than this."""
log = logging.getLogger("bridge")


@contextmanager
def limited_searches() -> Iterator[None]:
    """Ends what takes too long. For the main thread, where rules are searched."""
    searching: FrameType | None = None

    def tick(_: int, frame: FrameType | None) -> None:
        nonlocal searching
        searched_before, searching = searching, None
        if frame is None or frame.f_code is not find.__code__:
            return
        if frame is not searched_before:
            searching = frame
            return
        pattern = frame.f_locals["pattern"]
        is_last = times_ended(pattern) + 1 >= MOST
        then = "; it is not searched for any more until the next reload" if is_last else ""
        told = "the regex %s of a rule takes more than %g s for what came: taken as not found%s"
        log.warning(told, pattern.pattern, SECONDS, then)
        raise OutOfTimeError

    before = signal.signal(signal.SIGVTALRM, tick)
    signal.siginterrupt(signal.SIGVTALRM, False)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)

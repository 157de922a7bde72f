"""A limit of processor time for each search of a rule's expression: one that has no end must not stop the daemon.

A timer ticks while the process computes, and never while it rests. A search that is still going on at the second tick
is ended; nothing else is, for what decides must not end half-way.
"""

import logging
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from bridge.errors import OutOfTimeError
from bridge.mapping.searching import MOST, find
from bridge.monitors.limited import SOONEST

SECONDS = 0.1
"""Of the thread's processor time: a search is ended that takes twice that, and none that takes less than this."""
log = logging.getLogger("bridge")


@contextmanager
def limited_searches() -> Iterator[None]:
    """Ends what takes too long. For the main thread, where rules are searched."""
    searching: FrameType | None = None
    seen_at = 0.0

    def tick(_: int, frame: FrameType | None) -> None:
        nonlocal searching, seen_at
        now = time.thread_time()
        if frame is None or frame.f_code is not find.__code__:
            searching = None
            return
        if frame is not searching:
            searching, seen_at = frame, now
            return
        left = seen_at + SECONDS - now
        if left > 0:  # the timer counts what other threads compute, too
            signal.setitimer(signal.ITIMER_VIRTUAL, max(left, SOONEST), SECONDS)
            return
        searching = None
        pattern, trial = frame.f_locals["pattern"], frame.f_locals["trial"]
        then = "; it is not searched for any more until the next reload" if trial.ended + 1 >= MOST else ""
        told = "the regex %s of %s takes more than %g s for what came: taken as no match%s"
        log.warning(told, pattern.pattern, trial.whose, SECONDS, then)
        raise OutOfTimeError

    before = signal.signal(signal.SIGVTALRM, tick)
    signal.siginterrupt(signal.SIGVTALRM, False)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)

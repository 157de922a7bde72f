"""A limit for what takes a processor as long as its input likes: an expression that searches bytes of a device.

Python's `re` looks for signals while it searches, so a timer of processor time can end it. Not for what keeps a state
of its own that must be whole afterwards: it may end between any two steps.
"""

import signal
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from bridge.errors import OutOfTimeError

Result = TypeVar("Result")
SOONEST = 0.001
"""Seconds at least that a timer is set for: of 0, which less may be rounded to, there is no timer (setitimer(2))."""


def within(seconds: float, call: Callable[[], Result]) -> Result:
    """What `call` gives. Raises `OutOfTimeError` when this thread has computed for so many seconds meanwhile.

    SIGVTALRM and its timer are the caller's again afterwards. Signals interrupt the main thread only: in another one
    there is no limit.

    >>> within(1, lambda: 17 + 4)
    21
    """
    if threading.current_thread() is not threading.main_thread():
        return call()
    is_running = True
    until = time.thread_time() + seconds

    def end(*_: object) -> None:
        nonlocal is_running
        if not is_running:  # the timer may go off just when the call is over
            return
        left = until - time.thread_time()
        if left > 0:  # it counts what other threads compute, too
            signal.setitimer(signal.ITIMER_VIRTUAL, max(left, SOONEST))
            return
        is_running = False
        raise OutOfTimeError

    handler = signal.signal(signal.SIGVTALRM, end)
    signal.siginterrupt(signal.SIGVTALRM, False)
    timer = signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        try:
            return call()
        finally:
            is_running = False
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, *timer)
        signal.signal(signal.SIGVTALRM, handler)
        signal.siginterrupt(signal.SIGVTALRM, False)

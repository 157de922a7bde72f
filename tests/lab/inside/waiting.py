"""Waiting for something to become true, with a deadline. Nothing here waits for a fixed time."""

import select
import time
from collections.abc import Callable

SECONDS = 150
"""How long a condition may take; the guest is ten to thirty times slower than the machine it runs on."""
LOOK_EVERY_MILLISECONDS = 100


class NotInTimeError(Exception):
    """A condition did not become true before its deadline."""


class EndedEarlyError(Exception):
    """A process ended while something was expected of it."""


def wait_until(
    condition: Callable[[], bool], *, what: str, seconds: float = SECONDS, process: int | None = None
) -> None:
    """Returns when `condition()` holds; `what` says in words what that is.

    `process` is the pidfd of the one that shall bring it about: if that ends first, waiting has no use.

    Raises:
        NotInTimeError: not within `seconds`.
        EndedEarlyError: the process ended first.
    """
    ended = select.poll()
    if process is not None:
        ended.register(process, select.POLLIN)  # a pidfd is readable when the process has ended (pidfd_open(2))
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise NotInTimeError(f"not within {seconds} s: {what}")
        if ended.poll(LOOK_EVERY_MILLISECONDS):
            raise EndedEarlyError(f"the process ended before this: {what}")

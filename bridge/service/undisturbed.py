"""Keeps the garbage collector away while many values are made that all stay. It collects nothing itself.

It would look through all of them again and again, and find nothing: with ten thousand tasks a third of the start.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def undisturbed() -> Iterator[None]:
    """No collection within; what is there at the end is not looked at any more (gc.freeze)."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()

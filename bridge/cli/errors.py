"""Errors as the command line shows them: on stderr, each on one line. It decides no exit code."""

import sys
from contextlib import suppress

from bridge.model.text import printable

_LONGEST = 8192
"""Characters. A path has at most 4096 bytes; what is longer was given by mistake."""


def show_error(text: str) -> None:
    """Prints an error, on one line: what cannot be printed is escaped, what is endless is cut.

    Where it cannot be written (nobody reads it, the disk is full) it is lost, and the exit code is all that tells.
    """
    line = printable(text[: _LONGEST + 1])
    if sys.stderr is None:  # it was closed before we were started
        return
    with suppress(OSError):
        print(line if len(line) <= _LONGEST else f"{line[:_LONGEST]}...", file=sys.stderr)

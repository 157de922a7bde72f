"""Reads a file in whose place anybody may have put something else. It waits for nobody, and writes nothing."""

import os
import stat
from pathlib import Path


def read_regular(path: Path, most: int, *, more_flags: int = 0) -> bytes:
    """What the file holds, `most` bytes of it. Raises `OSError` where it cannot be read, or is no regular file.

    `more_flags` are of open(2), for who wants to follow no link (O_NOFOLLOW).
    """

    def opened_at_once(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NONBLOCK | more_flags)  # opening a FIFO would wait for who writes to it

    with open(path, "rb", opener=opened_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "it is no file")
        return file.read(most)

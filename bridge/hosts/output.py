"""What a handler prints: read from a pipe without waiting, only its end kept. Nothing here interprets it."""

import fcntl
import os
from contextlib import suppress

KEPT = 8 * 1024
"""Bytes of output that are kept: the last ones."""
AT_ONCE = 64 * 1024
"""Bytes that one `read` takes at most: what a pipe holds, unless the handler made it larger."""
_LARGEST_PIPE = 1024 * 1024  # pipe(7): /proc/sys/fs/pipe-max-size
_CONTINUATION_BYTES = range(0x80, 0xC0)


class Output:
    """The reading end of the pipe that is a handler's standard output and standard error.

    Takes over `reading_end`, and sets it not to block; the handler's end goes on to block.
    """

    def __init__(self, reading_end: int) -> None:
        self._fd = reading_end
        self._kept = b""
        self._cut = False
        flags = fcntl.fcntl(reading_end, fcntl.F_GETFL)
        fcntl.fcntl(reading_end, fcntl.F_SETFL, flags | os.O_NONBLOCK)

    def fileno(self) -> int:
        """A descriptor that is readable when `read` has something to do."""
        return self._fd

    def read(self) -> bool:
        """Takes at most 64 KiB of what was printed, without waiting; False once nobody can print any more."""
        try:
            return self._read() > 0
        except BlockingIOError:
            return True

    def _read(self) -> int:
        """How much was taken. Raises `BlockingIOError` where there is nothing now."""
        printed = os.read(self._fd, AT_ONCE)
        kept = self._kept + printed
        self._cut = self._cut or len(kept) > KEPT
        self._kept = kept[-KEPT:]
        return len(printed)

    def read_the_rest(self) -> None:
        """Takes what a full pipe can hold, and no more: a process that got away may print for ever."""
        with suppress(BlockingIOError):
            for _ in range(_LARGEST_PIPE // AT_ONCE):
                if not self._read():
                    break

    def text(self) -> str:
        r"""The end of what was printed; bytes that are not UTF-8 as `\xNN`."""
        kept = _from_a_character_on(self._kept) if self._cut else self._kept
        return kept.decode(errors="backslashreplace")[-KEPT:]

    def take(self) -> str:
        """The end of all that was printed by now; what is printed from now on is somebody else's."""
        self.read_the_rest()
        text = self.text()
        self.forget()
        return text

    def forget(self) -> None:
        """What was read by now is nobody's."""
        self._kept, self._cut = b"", False

    def close(self) -> None:
        """Closes the descriptor."""
        os.close(self._fd)


def _from_a_character_on(text: bytes) -> bytes:
    """The same bytes without the rest of a UTF-8 character (at most 3 bytes) whose beginning was cut off."""
    rest = next((count for count, byte in enumerate(text[:4]) if byte not in _CONTINUATION_BYTES), 0)
    return text[rest:]

"""Where a recording goes: a file, a pipe, a terminal. It writes at once what it is given, and knows nothing of events.

A file ends with a whole line whenever it is ended, by a full disk or by KILL. KILL may end even a write(2), but only
between two pages of the file (generic_perform_write in the kernel's mm/filemap.c). So no line lies on two pages, unless
it is longer than one: the line before it is filled up with spaces, which mean nothing in JSON.
"""

import fcntl
import mmap
import os
import select
import stat
from pathlib import Path

from bridge.errors import BridgeError

_PAGE = mmap.PAGESIZE
_PATIENCE = 1000
"""Milliseconds that a pipe's reader has to take what is left when the recording has been stopped."""


def create(path: Path) -> int:
    """Opens a file for a recording, empty. A new one is for its owner alone, since it may hold what was typed.

    A pipe is waited for until somebody reads it. Raises `BridgeError`.
    """
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOCTTY, 0o600)
    except OSError as error:
        raise _not_written(str(path), error) from error


class RecordingWriter:
    """An open descriptor, called `name` in errors; `stop` is one that becomes readable when nothing more is to come."""

    def __init__(self, descriptor: int, name: str, stop: int) -> None:
        self._descriptor = descriptor
        self._name = name
        self._stop = stop
        self._is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._end: int | None = None
        self._appends = bool(fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND)

    def write(self, lines: bytes) -> None:
        """Writes whole lines; raises `BridgeError` where they cannot be written, or nobody takes them any more."""
        try:
            if self._is_file:
                self._write_to_file(lines)
            else:
                self._write_to_reader(lines)
        except OSError as error:
            raise _not_written(self._name, error) from error

    def _write_to_file(self, lines: bytes) -> None:
        at = os.lseek(self._descriptor, 0, os.SEEK_CUR)
        filling = b""
        if at in (0, self._end):  # else what is before it is not ours
            filling, lines = fill_pages(lines, at)
        if filling:
            os.lseek(self._descriptor, at - 1, os.SEEK_SET)
            self._write_whole_lines(filling)
        self._write_whole_lines(lines)
        self._end = None if self._appends else os.lseek(self._descriptor, 0, os.SEEK_CUR)

    def _write_whole_lines(self, lines: bytes) -> None:
        written = 0
        try:
            while written < len(lines):
                written += os.write(self._descriptor, lines[written:])
        except OSError:
            cut = written - (lines.rfind(b"\n", 0, written) + 1)
            os.ftruncate(self._descriptor, os.lseek(self._descriptor, 0, os.SEEK_CUR) - cut)
            raise

    def _write_to_reader(self, lines: bytes) -> None:
        """Writes as much at a time as a pipe takes without waiting, so that a reader who stops does not keep us."""
        while lines:
            self._wait_until_taken()
            lines = lines[os.write(self._descriptor, lines[: select.PIPE_BUF]) :]

    def _wait_until_taken(self) -> None:
        waiting = select.poll()
        waiting.register(self._descriptor, select.POLLOUT)
        waiting.register(self._stop, select.POLLIN)
        if not any(descriptor == self._descriptor for descriptor, _ in waiting.poll()):
            waiting.unregister(self._stop)
            if not waiting.poll(_PATIENCE):
                raise TimeoutError(0, "nobody reads it any more")


def fill_pages(lines: bytes, at: int) -> tuple[bytes, bytes]:
    r"""What is to be written for these lines at this place of a file, so that none lies on two pages.

    First what is to stand in place of the line feed before them, if the first one does not fit behind it; then they.

    >>> filling, filled = fill_pages(b"x" * 99 + b"\n" + b"y" * 4095 + b"\n", at=2 * 4096 - 2)
    >>> filling, filled[98:102], filled[4094:4097], len(filled)
    (b'  \n', b'x   ', b' \ny', 8192)
    """
    filling = b""
    filled = bytearray()
    for line in lines.splitlines(keepends=True):
        room = -at % _PAGE
        if 0 < room < len(line) <= _PAGE:
            if filled:
                filled[-1:] = b" " * room + b"\n"
            else:
                filling = b" " * room + b"\n"
            at += room
        filled += line
        at += len(line)
    return filling, bytes(filled)


def _not_written(name: str, error: OSError) -> BridgeError:
    return BridgeError(f"{name}: cannot be written: {error.strerror}")

"""Log lines as entries of systemd's journal, with fields: its native protocol, by hand. It never waits for journald.

What journald's socket does not take goes to stderr, which is the journal too but knows no fields; and what that does
not take is counted, and told with the next line that gets through.

Source of the format: systemd.io, "Native Journal Protocol"; of the fields' meaning: systemd.journal-fields(7).
"""

import errno
import fcntl
import logging
import os
import select
import socket
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from bridge.model.text import count_of

JOURNAL_SOCKET = Path("/run/systemd/journal/socket")
OUR_FIELDS = "HWBRIDGE_"
"""Whatever a log call's `extra` has under such a name becomes a field."""
IDENTIFIER = "hwbridge"
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))  # syslog(3)
_DEBUG = 7
_LENGTH = struct.Struct("<Q")
_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL


def is_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether this stream leads to the journal: JOURNAL_STREAM has its device and inode (systemd.exec(5))."""
    device, _, inode = environment.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):  # closed, or not of a descriptor
        return False
    return (device, inode) == (str(found.st_dev), str(found.st_ino))


def priority_of(level: int) -> int:
    """The priority that syslog(3) has for a level of logging.

    >>> priority_of(logging.WARNING)
    4
    """
    return next((priority for least, priority in _PRIORITIES if level >= least), _DEBUG)


def encode_entry(fields: Mapping[str, str]) -> bytes:
    r"""An entry as journald reads it; only a value of several lines has its length before it.

    >>> encode_entry({"MESSAGE": "ready", "PRIORITY": "6"})
    b'MESSAGE=ready\nPRIORITY=6\n'
    """
    return b"".join(_encode(name, value) for name, value in fields.items())


def _encode(name: str, value: str) -> bytes:
    encoded = value.encode(errors="backslashreplace")
    if b"\n" in encoded:
        return b"%s\n%s%s\n" % (name.encode(), _LENGTH.pack(len(encoded)), encoded)
    return b"%s=%s\n" % (name.encode(), encoded)


class JournalHandler(logging.Handler):
    """Writes to the journal at `path`; `stderr` leads there too, without fields."""

    def __init__(self, stderr: TextIO, path: Path = JOURNAL_SOCKET) -> None:
        super().__init__()
        self._stderr = stderr
        self._path = os.fspath(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one entry, or a line on stderr, or counts it as lost; a call that cannot be formatted ends nothing."""
        try:
            self._emit(record)
        except Exception:  # as logging's own handlers have it: what is logged is some caller's, and must not end him
            self.handleError(record)

    def _emit(self, record: logging.LogRecord) -> None:
        if self._lost:
            told = f"lost before this line: {count_of(self._lost, 'line')}, as journald did not read"
            if not self._write({"MESSAGE": told, "PRIORITY": "4", "SYSLOG_IDENTIFIER": IDENTIFIER}):
                self._lost += 1
                return
            self._lost = 0
        if not self._write(self._fields(record)):
            self._lost += 1

    def close(self) -> None:
        """Closes the socket."""
        self._socket.close()
        super().close()

    def _fields(self, record: logging.LogRecord) -> dict[str, str]:
        given = {name: str(value) for name, value in vars(record).items() if name.startswith(OUR_FIELDS)}
        return {
            "MESSAGE": self.format(record),
            "PRIORITY": str(priority_of(record.levelno)),
            "SYSLOG_IDENTIFIER": IDENTIFIER,
            "CODE_FILE": record.pathname,
            "CODE_LINE": str(record.lineno),
            "CODE_FUNC": record.funcName or "",
            **given,
        }

    def _write(self, fields: Mapping[str, str]) -> bool:
        """Whether somebody took it."""
        try:
            self._send(encode_entry(fields))
        except OSError:
            return self._print(fields)
        return True

    def _send(self, entry: bytes) -> None:
        try:
            self._socket.sendto(entry, self._path)
        except OSError as error:
            if error.errno not in (errno.EMSGSIZE, errno.ENOBUFS):
                raise
            self._send_sealed(entry)

    def _send_sealed(self, entry: bytes) -> None:
        """Sends a descriptor of a file that nobody can change: the entry is too long for a datagram."""
        memfd = os.memfd_create("hwbridge-log", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            with open(memfd, "wb", closefd=False) as file:
                file.write(entry)
            fcntl.fcntl(memfd, fcntl.F_ADD_SEALS, _SEALS)
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", memfd))
            self._socket.sendmsg([], [rights], 0, self._path)
        finally:
            os.close(memfd)

    def _print(self, fields: Mapping[str, str]) -> bool:
        """Writes the lines to stderr with their priority before each (sd-daemon(3)), if there is room for them now."""
        try:
            if not _has_room(self._stderr):
                return False
            lines = (f"<{fields['PRIORITY']}>{line}\n" for line in fields["MESSAGE"].splitlines() or [""])
            self._stderr.write("".join(lines))
            self._stderr.flush()
        except (OSError, ValueError):  # it is closed, or nobody reads it any more
            return False
        return True


def _has_room(stream: TextIO) -> bool:
    poll = select.poll()
    poll.register(stream, select.POLLOUT)
    return any(happened & select.POLLOUT for _, happened in poll.poll(0))

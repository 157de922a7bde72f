"""The bytes of one connected socket, in and out, without ever waiting for it. It knows no message.

Not asyncio's transport: that one reads 256 KiB of each peer before anybody else has a turn. Here whoever owns the
channel reads, when its peer has its turn.
"""

import asyncio
import socket
from typing import Protocol

READ_BYTES = 64 * 1024
_buffer = bytearray(READ_BYTES)
_view = memoryview(_buffer)


class Owner(Protocol):
    """Who reads the channel."""

    def readable(self) -> None:
        """Something can be read, or the peer has said that it sends no more. Comes again until it is read."""

    def unblocked(self) -> None:
        """All that was written is sent."""

    def lost(self) -> None:
        """The channel has ended; comes once, and last."""


class Channel:
    """Owns the socket. What is written is sent at once as far as it goes, and kept otherwise: look at `is_blocked`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, connected: socket.socket, owner: Owner) -> None:
        connected.setblocking(False)
        self._loop = loop
        self._socket = connected
        self._owner: Owner | None = owner
        self._unsent = bytearray()
        self._is_reading = False
        self._is_closing = False
        self.descriptor = connected.fileno()
        self.is_open = True
        """Something may still be read and written."""

    @property
    def is_blocked(self) -> bool:
        """The peer has not read all that was written."""
        return bool(self._unsent)

    def watch(self, wanted: bool) -> None:
        """Whether the owner wants to know that something can be read."""
        if wanted == self._is_reading or not self.is_open:
            return
        self._is_reading = wanted
        if wanted and self._owner is not None:
            self._loop.add_reader(self.descriptor, self._owner.readable)
        else:
            self._loop.remove_reader(self.descriptor)

    def read(self) -> memoryview | None:
        """What has come, at most 64 KiB, good until the next read of any channel; empty at the end, None if nothing."""
        if not self.is_open:
            return None
        try:
            return _view[: self._socket.recv_into(_buffer)]
        except BlockingIOError:
            return None
        except OSError:  # the peer has aborted
            self.abort()
            return None

    def write(self, data: bytes) -> None:
        """Sends this; a channel that is not open sends nothing."""
        if not self.is_open:
            return
        if self._unsent:
            self._unsent += data
            return
        sent = self._send(data)
        if sent < len(data) and self.is_open:
            self._unsent += memoryview(data)[sent:]
            self._loop.add_writer(self.descriptor, self._writable)

    def _send(self, data: bytes | bytearray) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            self.abort()
            return 0

    def _writable(self) -> None:
        del self._unsent[: self._send(self._unsent)]
        if self._unsent:
            return
        self._loop.remove_writer(self.descriptor)
        if self._is_closing:
            self._end()
        elif self.is_open and self._owner is not None:
            self._owner.unblocked()

    def close(self) -> None:
        """Ends the channel when all that was written is sent; nothing more is read or written."""
        if not self._unsent:
            self.abort()
        elif self.is_open:
            self.watch(False)
            self.is_open = False
            self._is_closing = True

    def abort(self) -> None:
        """Ends the channel; what is not sent by now is not sent."""
        if self.is_open or self._is_closing:
            self.watch(False)
            self.is_open = False
            self._end()

    def _end(self) -> None:
        self._is_closing = False
        if self._unsent:
            self._unsent.clear()
            self._loop.remove_writer(self.descriptor)
        self._loop.call_soon(self._tell)  # the owner may be in the middle of something

    def _tell(self) -> None:
        # The two know each other: what the owner holds would stay until Python looks for circles.
        owner, self._owner = self._owner, None
        try:
            if owner is not None:
                owner.lost()
        finally:
            self._socket.close()

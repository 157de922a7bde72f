"""Our end of the socket that a worker was started with: bytes become its calls, our answers bytes. It knows no method.

A worker runs whatever its user has written, so nothing here waits for it: what it may send ahead is bounded, at
most 16 of its calls are taken in 5 ms, and what it does not read waits in memory until it is killed.
"""

import asyncio
import socket
from collections.abc import Callable, Mapping

from bridge.errors import ProtocolError
from bridge.varlink.calls import Call, encode_continued, read_call
from bridge.varlink.framing import MessageReader

MOST_CALLS_IN_A_TURN = 16
PAUSE_SECONDS = 0.005
"""Between two turns of a worker that calls without end; it waits meanwhile, and others are served."""
_READ_BYTES = 64 * 1024


class WorkerPipe:
    """`called` is told of each call, `lost` once of why there will be none any more. Takes over the socket `ours`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        ours: socket.socket,
        called: Callable[[Call], None],
        lost: Callable[[str], None],
    ) -> None:
        ours.setblocking(False)
        self._loop = loop
        self._socket = ours
        self._called = called
        self._lost = lost
        self._reader = MessageReader()
        self._unsent = bytearray()
        self._next_turn: asyncio.Handle | None = None
        loop.add_reader(ours, self._read)

    def answer(self, parameters: Mapping[str, object]) -> None:
        """Sends one more answer to the call that goes on; to a worker that is gone, nothing."""
        encoded = encode_continued(parameters)
        if self._is_closed:
            return
        sent = 0 if self._unsent else self._send(encoded)
        if sent < len(encoded):
            if not self._unsent:
                self._loop.add_writer(self._socket, self._send_more)
            self._unsent += encoded[sent:]

    def close(self) -> None:
        """Hangs up: the worker is to end. `lost` is not told; a second time nothing happens."""
        if self._is_closed:
            return
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        if self._next_turn is not None:
            self._next_turn.cancel()
        self._socket.close()

    @property
    def _is_closed(self) -> bool:
        return self._socket.fileno() < 0

    def _send(self, data: bytes | bytearray) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError:  # it has hung up, which `_read` is about to notice
            return len(data)

    def _send_more(self) -> None:
        del self._unsent[: self._send(self._unsent)]
        if not self._unsent:
            self._loop.remove_writer(self._socket)

    def _read(self) -> None:
        try:
            data = self._socket.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose("")
            return
        self._reader.feed(data)
        self._take_turn()

    def _take_turn(self) -> None:
        self._next_turn = None
        try:
            for _ in range(MOST_CALLS_IN_A_TURN):
                message = self._reader.next_message()
                if message is None:
                    break
                self._called(read_call(message))
                if self._is_closed:
                    return
        except ProtocolError as error:
            self._lose(str(error))
            return
        if self._reader.pending:
            self._loop.remove_reader(self._socket)
            self._next_turn = self._loop.call_later(PAUSE_SECONDS, self._take_turn)
        else:
            self._loop.add_reader(self._socket, self._read)

    def _lose(self, why: str) -> None:
        self.close()
        self._lost(why)

"""One connection of the varlink server: a peer's bytes become calls, its calls answers. It knows no method.

A peer holds up nobody: it is read and answered when it has its turn, its unread answers stop the reading of its calls,
what it may send ahead is bounded, and what is not varlink ends it.
"""

import asyncio
import logging
import socket
from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

from bridge.errors import CallFailedError, ProtocolError
from bridge.service.callers import Caller
from bridge.service.channel import Channel
from bridge.service.hang_up import HangUps
from bridge.service.streams import Stream
from bridge.service.turns import Clock, Turns
from bridge.varlink.calls import Call, encode_answer, encode_failure, read_call
from bridge.varlink.framing import MessageReader

MOST_CALLS_IN_A_TURN = 16

Parameters = Mapping[str, Any]

_log = logging.getLogger(__name__)


class Server(Protocol):
    """Who has let the peer in, and has the methods."""

    turns: Turns
    hang_ups: HangUps

    def leave(self, connection: "Peer", uid: int) -> None:
        """The connection has ended."""

    def answer(self, caller: Caller, call: Call) -> bytes | asyncio.Future[Parameters] | Stream:
        """The answer to a call, encoded, or what is to become one, or several."""


class Peer:
    """Answers calls in their order. Behind a call that is answered more than once, calls with `oneway` are taken.

    A peer that hangs up wants no more answers: what goes on ends, and the calls that came before are still made, until
    one of them is answered in vain.
    """

    def __init__(
        self, server: Server, loop: asyncio.AbstractEventLoop, connected: socket.socket, caller: Caller
    ) -> None:
        self._server = server
        self._loop = loop
        self._caller = caller
        self._reader = MessageReader()
        self._channel = Channel(loop, connected, self)
        self._has_asked = False
        self._is_readable = True  # most likely: who connects has something to say
        self._input_has_ended = False
        self._awaited: tuple[Call, asyncio.Future[Parameters]] | None = None
        self._outlet: _Outlet | None = None
        self._held: Call | None = None
        """A call that came behind one that goes on."""

    def begin(self) -> None:
        """From now on it is read and answered."""
        self._go_on()

    def abort(self) -> None:
        """Ends the connection at once."""
        self._channel.abort()

    # -- what the channel tells ----------------------------------------------------------------------------------

    def readable(self) -> None:
        """It is read when it has its turn."""
        self._is_readable = True
        self._go_on()

    def unblocked(self) -> None:
        """All answers are sent."""
        if self._outlet is not None:
            self._outlet.stream.unblocked()
        self._go_on()

    def lost(self) -> None:
        """The connection has ended."""
        self._server.hang_ups.forget(self._channel.descriptor)
        self._server.leave(self, self._caller.uid)
        self._cancel_awaited()
        self._close_stream()

    # -- what happens next ---------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Asks for a turn, if there is something to do in it."""
        if self._has_asked:
            return
        if self._can_answer or self._can_read:
            self._has_asked = True
            self._server.turns.ask(self._caller.uid, self)
        else:
            self._wait()

    @property
    def _can_answer(self) -> bool:
        if self._awaited is not None or not self._channel.is_open:
            return False
        if self._held is not None:
            return self._outlet is None and not self._channel.is_blocked
        # A stream that nobody reads holds up no calls behind it: those that are taken have no answer.
        if self._outlet is None and self._channel.is_blocked:
            return False
        return self._reader.pending > 0 or self._reader.full  # full of less than one message: of one that is too long

    @property
    def _can_read(self) -> bool:
        return self._is_readable and self._may_read and self._channel.is_open

    @property
    def _may_read(self) -> bool:
        """Not while more waits than a peer may send ahead, nor while it does not read its answers."""
        is_unread = self._channel.is_blocked and self._outlet is None
        return not (self._input_has_ended or self._reader.full or is_unread)

    def _wait(self) -> None:
        """Nothing can be done now: until something comes, goes, or is answered."""
        goes_on = self._awaited is not None or self._outlet is not None
        if self._input_has_ended and not goes_on and not self._reader.pending and self._held is None:
            self._channel.close()
        if not self._channel.is_open:
            return
        self._channel.watch(self._may_read)
        if not self._may_read and self._is_answered_later:
            self._server.hang_ups.look_at(self._channel.descriptor, self._hung_up)
        else:
            self._server.hang_ups.forget(self._channel.descriptor)

    @property
    def _is_answered_later(self) -> bool:
        """A call goes on that nobody wants any more when the peer has hung up."""
        return self._outlet is not None or (self._awaited is not None and not self._awaited[0].oneway)

    def _hung_up(self) -> None:
        """Nobody reads answers any more, while a call goes on and the reading does not."""
        if self._awaited is not None and not self._awaited[0].oneway:
            self._cancel_awaited()
        try:
            self._close_stream()
        finally:
            self._go_on()

    def _cancel_awaited(self) -> None:
        if self._awaited is not None:
            (_, awaited), self._awaited = self._awaited, None
            awaited.cancel()

    def _close_stream(self) -> None:
        if self._outlet is not None:
            outlet, self._outlet = self._outlet, None
            outlet.stream.closed()

    # -- a turn --------------------------------------------------------------------------------------------------

    def serve(self, now: Clock, until: float) -> bool:
        """Reads once, and answers at most 16 calls, none after `until`. Returns whether there is more to do."""
        try:
            if self._can_read and not self._can_answer:
                self._read()
            for _ in range(MOST_CALLS_IN_A_TURN):
                if not self._can_answer:
                    break
                self._answer_next()
                if now() >= until:
                    break
        except ProtocolError as error:
            _log.debug("closed a connection of uid %d pid %d: %s", self._caller.uid, self._caller.pid, error)
            self._channel.abort()
        except BaseException:
            # A bug in a method: it costs this caller its connection, and the loop's handler tells of it.
            self._channel.abort()
            raise
        self._has_asked = self._can_answer
        if not self._has_asked:
            self._wait()
        return self._has_asked

    def _read(self) -> None:
        self._is_readable = False
        data = self._channel.read()
        if data is None:
            return
        if data:
            self._reader.feed(data)
        else:  # a peer may send its calls, say that it has no more, and then read the answers (`socat` does)
            self._input_has_ended = True

    def _answer_next(self) -> None:
        call, self._held = self._held, None
        if call is None:
            message = self._reader.next_message()
            if message is None:
                return
            call = read_call(message)
        if self._outlet is not None and not call.oneway:
            self._held = call  # varlink answers in the order of the calls
        else:
            self._answer(call)

    def _answer(self, call: Call) -> None:
        answer = self._server.answer(self._caller, call)
        if isinstance(answer, bytes):
            if not call.oneway:
                self._channel.write(answer)
        elif isinstance(answer, asyncio.Future):
            self._awaited = (call, answer)
            answer.add_done_callback(partial(self._answered, call))
        else:
            self._outlet = _Outlet(self._channel, self, answer)
            answer.begin(self._outlet)

    def _answered(self, call: Call, awaited: asyncio.Future[Parameters]) -> None:
        """The answer that was waited for is there; or there is none, by a bug or because the service stops."""
        is_ours = self._awaited is not None and self._awaited[1] is awaited
        if is_ours:
            self._awaited = None
        if awaited.cancelled():
            if is_ours:
                self._channel.abort()
            return
        error = awaited.exception()
        if error is not None and not isinstance(error, CallFailedError):
            self._channel.abort()
            raise error
        if not is_ours:
            return
        if not call.oneway:
            self._channel.write(_encoded(awaited))
        self._go_on()

    def stream_has_ended(self) -> None:
        """The stream that went on has written its last answer."""
        self._outlet = None
        self._loop.call_soon(self._go_on)


class _Outlet:
    """The outlet of one call of a peer; when its stream has ended it leads nowhere."""

    def __init__(self, channel: Channel, peer: Peer, stream: Stream) -> None:
        self.stream = stream
        self._channel = channel
        self._peer = peer
        self._is_open = True

    @property
    def is_blocked(self) -> bool:
        return self._channel.is_blocked

    def write(self, encoded: bytes) -> None:
        if self._is_open:
            self._channel.write(encoded)

    def end(self, encoded: bytes) -> None:
        self.write(encoded)
        if self._is_open:
            self._is_open = False
            self._peer.stream_has_ended()

    def abort(self) -> None:
        self._channel.abort()


def _encoded(awaited: asyncio.Future[Parameters]) -> bytes:
    try:
        return encode_answer(awaited.result())
    except CallFailedError as failure:
        return encode_failure(failure)

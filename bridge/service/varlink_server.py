"""The varlink service on a Unix socket, asyncio's edge of the pure `bridge.varlink`. Knows no method of ours.

Nobody can hold up the others: in one turn of the loop at most 16 connections are accepted, and each is served at most
16 calls; its unread answers stop the reading of its calls, what it may send ahead is bounded, and what is not varlink
ends it. Nothing waits for a peer.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

from bridge.errors import CallFailedError, ProtocolError
from bridge.service.callers import Caller, ConnectionCount, ConnectionLimits, read_caller
from bridge.service.socket_path import BACKLOG
from bridge.varlink.calls import Call, encode_answer, encode_failure, read_call
from bridge.varlink.framing import MessageReader
from bridge.varlink.service import (
    SERVICE_INTERFACE,
    ServiceDescription,
    check_call,
    get_info,
    get_interface_description,
    method_names,
)

MOST_CALLS_IN_A_TURN = 16
MOST_ACCEPTED_IN_A_TURN = 16

Parameters = Mapping[str, Any]
Answer = Parameters | asyncio.Future[Parameters]
ServedMethod = Callable[[Caller, Parameters], Answer]
"""What a method does: parameters that the interface allows, from this caller, to its answer, at once or to come.

Raises `CallFailedError` with an error of the interface, as the future may. What is called meanwhile waits.
"""

_log = logging.getLogger(__name__)


class VarlinkServer:
    """Serves the methods of one service on one listening socket.

    `methods` has one entry for each method of the service's interfaces, by full name (`org.hwbridge.Status`).
    Raises `ValueError` if one is missing, or one is not in an interface.
    """

    def __init__(
        self, service: ServiceDescription, methods: Mapping[str, ServedMethod], limits: ConnectionLimits
    ) -> None:
        declared = {name for interface in service.interfaces for name in method_names(interface)}
        if differing := declared ^ methods.keys():
            raise ValueError(f"declared or served, but not both: {', '.join(sorted(differing))}")
        self._service = service
        self._methods = {**_introspection(service), **methods}
        self._count = ConnectionCount(limits)
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self, listening: socket.socket) -> None:
        """Accepts connections from now on. The socket is closed with the server."""
        loop = asyncio.get_running_loop()
        # asyncio accepts as many connections in one turn as its backlog has, so that it is given a small one; the
        # kernel's is set right again after it.
        self._server = await loop.create_unix_server(
            lambda: _Connection(self), sock=listening, backlog=MOST_ACCEPTED_IN_A_TURN
        )
        listening.listen(BACKLOG)

    async def close(self) -> None:
        """Ends every connection and accepts no more; what was not read by then is not sent."""
        if self._server is None:
            return
        self._server.close()
        for connection in self._connections:
            connection.abort()
        while self._connections:  # their ends are already in the loop's queue
            await asyncio.sleep(0)
        await self._server.wait_closed()

    def admit(self, connection: "_Connection", uid: int) -> bool:
        """Whether this connection of this user may stay."""
        if not self._count.admit(uid):
            _log.debug("refused a connection of uid %d: too many", uid)
            return False
        self._connections.add(connection)
        return True

    def leave(self, connection: "_Connection", uid: int) -> None:
        """An admitted connection has ended."""
        self._connections.remove(connection)
        self._count.leave(uid)

    def answer(self, caller: Caller, call: Call) -> bytes | asyncio.Future[Parameters]:
        """The answer to a call, encoded: what its method returned, or the named error. Or what is to become one."""
        try:
            check_call(self._service, call)
            answer = self._methods[call.method](caller, call.parameters)
            return answer if isinstance(answer, asyncio.Future) else encode_answer(answer)
        except CallFailedError as failure:
            return encode_failure(failure)


def _introspection(service: ServiceDescription) -> dict[str, ServedMethod]:
    return {
        f"{SERVICE_INTERFACE.name}.GetInfo": lambda _, __: get_info(service),
        f"{SERVICE_INTERFACE.name}.GetInterfaceDescription": lambda _, parameters: get_interface_description(
            service, parameters["interface"]
        ),
    }


class _Connection(asyncio.Protocol):
    """One peer: its bytes become calls, its calls answers, in the order of the calls."""

    _transport: asyncio.Transport
    _caller: Caller

    def __init__(self, server: VarlinkServer) -> None:
        self._server = server
        self._reader = MessageReader()
        self._admitted = False
        self._turn_is_due = False
        self._output_is_blocked = False
        self._input_has_ended = False
        self._awaited: asyncio.Future[Parameters] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._caller = read_caller(transport.get_extra_info("socket"))
        self._admitted = self._server.admit(self, self._caller.uid)
        if not self._admitted:
            self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        if self._admitted:
            self._server.leave(self, self._caller.uid)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        self._take_turn()

    def eof_received(self) -> bool:
        # A peer may send its calls, say that it has no more, and then read the answers (`socat` does).
        self._input_has_ended = True
        return self._reader.pending > 0 or self._awaited is not None

    def pause_writing(self) -> None:
        self._output_is_blocked = True

    def resume_writing(self) -> None:
        self._output_is_blocked = False
        self._take_turn()

    def abort(self) -> None:
        self._transport.abort()

    def _take_turn(self) -> None:
        """Answers what has come, within one turn's share, and decides whether more may come."""
        if self._turn_is_due:
            return
        try:
            self._answer_calls()
        except ProtocolError as error:
            _log.debug("closed a connection of uid %d pid %d: %s", self._caller.uid, self._caller.pid, error)
            self._transport.abort()
            return
        except BaseException:
            # A bug in a method: it costs this caller its connection, and the loop's handler tells of it.
            self._transport.abort()
            raise
        if self._awaited is not None:
            pass  # the answer takes the next turn
        elif self._reader.pending and not self._output_is_blocked:
            self._turn_is_due = True
            asyncio.get_running_loop().call_soon(self._take_due_turn)
        elif self._input_has_ended and not self._reader.pending:
            self._transport.close()
        if self._reader.full or self._output_is_blocked:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _take_due_turn(self) -> None:
        self._turn_is_due = False
        self._take_turn()

    def _answer_calls(self) -> None:
        for _ in range(MOST_CALLS_IN_A_TURN):
            if self._awaited is not None or self._output_is_blocked or self._transport.is_closing():
                return
            message = self._reader.next_message()
            if message is None:
                return
            call = read_call(message)
            answer = self._server.answer(self._caller, call)
            if isinstance(answer, asyncio.Future):
                self._awaited = answer
                answer.add_done_callback(partial(self._answered, call))
            elif not call.oneway:
                self._transport.write(answer)

    def _answered(self, call: Call, awaited: asyncio.Future[Parameters]) -> None:
        """The answer that was waited for is there, or the service stops and there is none."""
        self._awaited = None
        if awaited.cancelled() or self._transport.is_closing():
            return
        if not call.oneway:
            self._transport.write(_encoded(awaited))
        self._take_turn()


def _encoded(awaited: asyncio.Future[Parameters]) -> bytes:
    try:
        return encode_answer(awaited.result())
    except CallFailedError as failure:
        return encode_failure(failure)

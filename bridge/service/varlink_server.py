"""The varlink service on a Unix socket, asyncio's edge of the pure `bridge.varlink`. Knows no method of ours.

Nobody can hold up the others: in one turn of the loop connections are accepted for at most 1 ms, and users are served
in turn; unread answers stop the reading of calls, what a peer may send ahead is bounded, what is not varlink ends it.
Nothing waits for a peer.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from bridge.errors import CallFailedError
from bridge.service.callers import Caller, ConnectionCount, ConnectionLimits, read_caller, read_uid
from bridge.service.hang_up import HangUps
from bridge.service.peer import Peer
from bridge.service.streams import Stream, StreamedMethod
from bridge.service.turns import Turns
from bridge.varlink.calls import Call, encode_answer, encode_failure
from bridge.varlink.service import (
    SERVICE_INTERFACE,
    ServiceDescription,
    check_call,
    check_more,
    get_info,
    get_interface_description,
    method_names,
)

MOST_ACCEPTING_SECONDS = 0.001
RETRY_SECONDS = 1

Parameters = Mapping[str, Any]
Answer = Parameters | asyncio.Future[Parameters]
ServedMethod = Callable[[Caller, Parameters], Answer]
"""What a method does: parameters that the interface allows, from this caller, to its answer, at once or to come.

Raises `CallFailedError` with an error of the interface, as the future may. What is called meanwhile waits.
"""

_log = logging.getLogger(__name__)


class VarlinkServer:
    """Serves the methods of one service on one listening socket.

    `methods` has one entry for each method of the service's interfaces, by full name (`org.hwbridge.Status`), but those
    that answer more than once are in `streamed`. Raises `ValueError` if one is missing, or one is not in an interface.
    """

    turns: Turns
    hang_ups: HangUps

    def __init__(
        self,
        service: ServiceDescription,
        methods: Mapping[str, ServedMethod],
        limits: ConnectionLimits,
        streamed: Mapping[str, StreamedMethod] = MappingProxyType({}),
    ) -> None:
        declared = {name for interface in service.interfaces for name in method_names(interface)}
        if differing := declared ^ {*methods, *streamed}:
            raise ValueError(f"declared or served, but not both: {', '.join(sorted(differing))}")
        self._service = service
        self._methods = {**_introspection(service), **methods}
        self._streamed = streamed
        self._count = ConnectionCount(limits)
        self._connections: set[Peer] = set()
        self._listening: socket.socket | None = None

    async def start(self, listening: socket.socket) -> None:
        """Accepts connections from now on. The socket is closed with the server."""
        self._loop = asyncio.get_running_loop()
        self.turns, self.hang_ups = Turns(self._loop), HangUps(self._loop)
        self._listening = listening
        listening.setblocking(False)
        self._look_for_connections()

    async def close(self) -> None:
        """Ends every connection and accepts no more; what was not read by then is not sent."""
        if self._listening is None:
            return
        listening, self._listening = self._listening, None
        self._loop.remove_reader(listening.fileno())
        listening.close()
        for connection in self._connections:
            connection.abort()
        while self._connections:  # their ends are already in the loop's queue
            await asyncio.sleep(0)
        self.hang_ups.close()

    def _look_for_connections(self) -> None:
        if self._listening is not None:
            self._loop.add_reader(self._listening.fileno(), self._accept, self._listening)

    def _accept(self, listening: socket.socket) -> None:
        until = self._loop.time() + MOST_ACCEPTING_SECONDS
        while self._loop.time() < until:
            try:
                connected, _ = listening.accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:  # no descriptors, or no memory: looking again at once would find the same
                _log.error("no connection is accepted for %d s: %s", RETRY_SECONDS, error.strerror)
                self._loop.remove_reader(listening.fileno())
                self._loop.call_later(RETRY_SECONDS, self._look_for_connections)
                return
            self._admit(connected)

    def _admit(self, connected: socket.socket) -> None:
        uid = read_uid(connected)
        if not self._count.admit(uid):
            _log.debug("refused a connection of uid %d: too many", uid)
            connected.close()
            return
        peer = Peer(self, self._loop, connected, read_caller(connected))
        self._connections.add(peer)
        peer.begin()

    def leave(self, connection: Peer, uid: int) -> None:
        """The connection has ended."""
        self._connections.remove(connection)
        self._count.leave(uid)

    def answer(self, caller: Caller, call: Call) -> bytes | asyncio.Future[Parameters] | Stream:
        """The answer to a call, encoded: what its method returned, or the named error. Or what is to become answers."""
        try:
            check_call(self._service, call)
            if call.method in self._streamed:
                check_more(call)
                return self._streamed[call.method](caller, call.parameters)
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

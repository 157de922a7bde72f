"""A real varlink server on a thread of its own, methods to call on it, and a peer that sends whatever a test wants."""

import asyncio
import json
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from bridge.errors import CallFailedError
from bridge.service.callers import Caller, ConnectionLimits
from bridge.service.socket_path import open_socket
from bridge.service.varlink_server import Parameters, ServedMethod, VarlinkServer
from bridge.varlink.interface import Interface, read_interface
from bridge.varlink.service import ServiceDescription

DEADLINE_SECONDS = 60
UNLIMITED = ConnectionLimits(in_all=10_000, of_one_user=10_000, privileged=frozenset())


INTERFACE = read_interface("""\
interface org.example.test
method Echo(text: string) -> (text: string)
method Big(bytes: int) -> (text: string)
method WhoAmI() -> (uid: int, gid: int, pid: int, groups: []int)
method Fail(reason: string) -> ()
method Crash() -> ()
method Hold() -> ()
error Failed (reason: string)
""")
HELLO = {"method": "org.example.test.Echo", "parameters": {"text": "hello"}}
HELLO_BACK = {"parameters": {"text": "hello"}}


class Methods:
    """What the interface does: `calls` and `texts` are what came; a call of Hold stops the loop for a while."""

    def __init__(self) -> None:
        self.calls = 0
        self.texts: list[str] = []
        self.held = threading.Semaphore(0)
        self.release = threading.Semaphore(0)

    def echo(self, caller: Caller, parameters: Parameters) -> Parameters:
        self.calls += 1
        self.texts.append(parameters["text"])
        return {"text": parameters["text"]}

    def big(self, caller: Caller, parameters: Parameters) -> Parameters:
        self.calls += 1
        return {"text": "x" * parameters["bytes"]}

    def who_am_i(self, caller: Caller, parameters: Parameters) -> Parameters:
        return {"uid": caller.uid, "gid": caller.gid, "pid": caller.pid, "groups": sorted(caller.groups)}

    def fail(self, caller: Caller, parameters: Parameters) -> Parameters:
        raise CallFailedError("org.example.test.Failed", parameters)

    def crash(self, caller: Caller, parameters: Parameters) -> Parameters:
        raise ZeroDivisionError("a bug")

    def hold(self, caller: Caller, parameters: Parameters) -> Parameters:
        self.held.release()
        self.release.acquire(timeout=DEADLINE_SECONDS)
        return {}

    def wait_until_held(self) -> None:
        """Returns once the loop stands still in a call of Hold; `release.release()` lets it go on."""
        assert self.held.acquire(timeout=DEADLINE_SECONDS)

    def by_name(self) -> dict[str, Any]:
        return {
            "org.example.test.Echo": self.echo,
            "org.example.test.Big": self.big,
            "org.example.test.WhoAmI": self.who_am_i,
            "org.example.test.Fail": self.fail,
            "org.example.test.Crash": self.crash,
            "org.example.test.Hold": self.hold,
        }


class Serving:
    """A server at `path` while the `with` block runs; what reached the loop's exception handler is in `accidents`."""

    def __init__(
        self,
        path: Path,
        interface: Interface,
        methods: Mapping[str, ServedMethod],
        limits: ConnectionLimits = UNLIMITED,
    ) -> None:
        service = ServiceDescription(
            vendor="test", product="test", version="1", url="https://example.org", interfaces=(interface,)
        )
        self.path = path
        self.accidents: list[object] = []
        self._server = VarlinkServer(service, methods, limits)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(lambda _, context: self.accidents.append(context.get("exception")))
        self._stop = asyncio.Event()
        listening = open_socket(self.path)
        try:
            await self._server.start(listening.socket)
            self._ready.set()
            await self._stop.wait()
            await self._server.close()
        finally:
            listening.close()
            self._ready.set()

    def stop(self) -> None:
        """Ends the server, and waits until it has."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(DEADLINE_SECONDS)

    def __enter__(self) -> "Serving":
        self._thread.start()
        assert self._ready.wait(DEADLINE_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._thread.is_alive():
            self.stop()
        assert not self._thread.is_alive()


class Peer:
    """The client's end of one connection, with no manners of its own."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(DEADLINE_SECONDS)
        self.socket.connect(str(path))
        self._received = bytearray()

    def send(self, message: Mapping[str, Any] | bytes) -> None:
        """Sends a message, or these very bytes and a NUL."""
        self.socket.sendall((message if isinstance(message, bytes) else json.dumps(message).encode()) + b"\0")

    def receive(self) -> Any:
        """The next message, or None if the connection has ended."""
        while (end := self._received.find(0)) < 0:
            try:
                data = self.socket.recv(1 << 20)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self._received += data
        message = json.loads(self._received[:end])
        del self._received[: end + 1]
        return message

    def ask(self, message: Mapping[str, Any] | bytes) -> Any:
        """The answer to a message, or None if the connection ended over it."""
        try:
            self.send(message)
        except (BrokenPipeError, ConnectionResetError):
            return None
        return self.receive()

    def __enter__(self) -> "Peer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.socket.close()

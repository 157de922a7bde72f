"""A real varlink server on a thread of its own, methods to call on it, and a peer that sends whatever a test wants."""

import asyncio
import json
import queue
import selectors
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

from bridge.errors import CallFailedError
from bridge.service.callers import Caller, ConnectionLimits
from bridge.service.socket_path import open_socket
from bridge.service.streams import Outlet, StreamedMethod
from bridge.service.varlink_server import Parameters, ServedMethod, VarlinkServer
from bridge.varlink.calls import encode_answer, encode_continued
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
method Await() -> (text: string)
method Tell() -> (text: string)
error Failed (reason: string)
""")
HELLO = {"method": "org.example.test.Echo", "parameters": {"text": "hello"}}
HELLO_BACK = {"parameters": {"text": "hello"}}


class Told:
    """What Tell opens. What happens to it stands in `happened`; its answers are told on the loop: `Serving.do`."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.happened: queue.Queue[str] = queue.Queue()
        self.outlet: Outlet

    def begin(self, outlet: Outlet) -> None:
        self.outlet = outlet
        self.happened.put("begun")

    def unblocked(self) -> None:
        self.happened.put("unblocked")

    def closed(self) -> None:
        self.happened.put("closed")

    def tell(self, text: str) -> None:
        """One answer of several."""
        self.outlet.write(encode_continued({"text": text}))

    def tell_last(self, text: str) -> None:
        """The last one."""
        self.outlet.end(encode_answer({"text": text}))

    def next(self) -> str:
        """What happens next."""
        return self.happened.get(timeout=DEADLINE_SECONDS)


class Methods:
    """What the interface does: `calls` and `texts` are what came; a call of Hold stops the loop for a while.

    The calls of Await and Tell that came stand in `awaited` and `told`: a test answers them.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.texts: list[str] = []
        self.held = threading.Semaphore(0)
        self.release = threading.Semaphore(0)
        self.awaited: queue.Queue[asyncio.Future[Parameters]] = queue.Queue()
        self.told: queue.Queue[Told] = queue.Queue()

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

    def wait_for_answer(self, caller: Caller, parameters: Parameters) -> asyncio.Future[Parameters]:
        future: asyncio.Future[Parameters] = asyncio.get_running_loop().create_future()
        self.awaited.put(future)
        return future

    def tell(self, caller: Caller, parameters: Parameters) -> Told:
        told = Told(caller)
        self.told.put(told)
        return told

    def next_awaited(self) -> "asyncio.Future[Parameters]":
        """The next call of Await that has come."""
        return self.awaited.get(timeout=DEADLINE_SECONDS)

    def next_told(self) -> Told:
        """The next call of Tell that has come, and begun."""
        told = self.told.get(timeout=DEADLINE_SECONDS)
        assert told.next() == "begun"
        return told

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
            "org.example.test.Await": self.wait_for_answer,
        }

    def streamed(self) -> dict[str, StreamedMethod]:
        return {"org.example.test.Tell": self.tell}


class _Selector(selectors.DefaultSelector):
    """Tells when the loop has nothing to do."""

    def __init__(self) -> None:
        super().__init__()
        self.is_idle = threading.Event()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            self.is_idle.set()
        return super().select(timeout)


class Serving:
    """A server at `path` while the `with` block runs; what reached the loop's exception handler is in `accidents`."""

    def __init__(
        self,
        path: Path,
        interface: Interface,
        methods: Mapping[str, ServedMethod],
        limits: ConnectionLimits = UNLIMITED,
        streamed: Mapping[str, StreamedMethod] = MappingProxyType({}),
    ) -> None:
        service = ServiceDescription(
            vendor="test", product="test", version="1", url="https://example.org", interfaces=(interface,)
        )
        self.path = path
        self.accidents: list[object] = []
        self._server = VarlinkServer(service, methods, limits, streamed)
        self._ready = threading.Event()
        self._selector = _Selector()
        self._thread = threading.Thread(target=self._run_loop)

    def _run_loop(self) -> None:
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(self._selector)) as runner:
            runner.run(self._run())

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

    def do(self, action: Callable[[], object]) -> None:
        """Does something on the loop, and returns when it is done."""
        done = threading.Event()
        self._loop.call_soon_threadsafe(lambda: (action(), done.set()))
        assert done.wait(DEADLINE_SECONDS)

    def wait_until_idle(self) -> None:
        """Returns once the loop waits for what others do, and does nothing itself."""
        self._selector.is_idle.clear()
        self._loop.call_soon_threadsafe(lambda: None)
        assert self._selector.is_idle.wait(DEADLINE_SECONDS)

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


def serve(path: Path, methods: Methods, limits: ConnectionLimits = UNLIMITED) -> Serving:
    """A server of these methods."""
    return Serving(path, INTERFACE, methods.by_name(), limits, methods.streamed())


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

"""A blocking connection to the daemon, for applications and the command line. Knows no method, and loads little.

JSON is the standard library's here: it is loaded in a fraction of msgspec's time, and what is said here is short.
"""

import socket
import struct
from collections.abc import Mapping
from types import TracebackType

from bridge.errors import CallFailedError, NoDaemonError, ProtocolError

TYPE_CHECKING = False  # typing's own would load typing, which takes longer than everything else here
if TYPE_CHECKING:
    from typing import Any, Self

MOST_CALL_BYTES = 256 * 1024  # the daemon closes the connection at more
MOST_ANSWER_BYTES = 16 * 1024 * 1024
_READ_BYTES = 64 * 1024


class Connection:
    """A connection to the daemon whose socket is at `path`.

    `timeout_seconds`: how long the daemon may let us wait for the connection, or for the next bytes of an answer.
    Raises `NoDaemonError` if nobody answers there.
    """

    def __init__(self, path: str, *, timeout_seconds: float) -> None:
        self._path = path
        self._timeout_seconds = timeout_seconds
        self._received = bytearray()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # Not settimeout() yet: it makes connect(2) fail at once where the daemon has yet to accept others (EAGAIN).
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(timeout_seconds))
        try:
            self._socket.connect(path)
            self._socket.settimeout(timeout_seconds)
        except BlockingIOError as error:
            self._socket.close()
            raise NoDaemonError(f"{path}: the daemon did not accept the connection in {timeout_seconds:g} s") from error
        except OSError as error:
            self._socket.close()
            raise NoDaemonError(f"{path}: no daemon answers: {error.strerror or error}") from error

    @classmethod
    def taken_over(cls, path: str, descriptor: int, received: bytes, *, timeout_seconds: float) -> "Connection":
        """One on which a call was sent by somebody else, who received these bytes of its answer; see `answer`."""
        connection = cls.__new__(cls)
        connection._path = path
        connection._timeout_seconds = timeout_seconds
        connection._received = bytearray(received)
        connection._socket = socket.socket(fileno=descriptor)
        return connection

    def __enter__(self) -> "Connection":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def path(self) -> str:
        """Where the daemon's socket is."""
        return self._path

    def close(self) -> None:
        """Ends the connection."""
        self._socket.close()

    def hang_up(self) -> None:
        """Ends what goes on here, from whatever thread: who waits for an answer gets `NoDaemonError` at once."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:  # it has ended
            return

    def call(self, method: str, parameters: "Mapping[str, Any]") -> "dict[str, Any]":
        """The answer of one method, named in full (`org.hwbridge.Status`).

        Raises `CallFailedError` with the error that the daemon named; `NoDaemonError` if it went away or took too long
        (then nobody knows whether the call was heard); `ProtocolError` if the parameters cannot be sent, or what
        answers does not speak varlink. After the last two the connection is of no use.
        """
        return self.call_within(self._timeout_seconds, method, parameters)

    def call_within(self, seconds: float | None, method: str, parameters: "Mapping[str, Any]") -> "dict[str, Any]":
        """As `call`, of a method whose answer takes its time: at most so many seconds, with None for ever."""
        self._send(method, {"method": method, "parameters": dict(parameters)})
        parameters, _ = self._next_answer(method, seconds)
        return parameters

    def answer(self, method: str) -> "dict[str, Any]":
        """The answer of a call that was sent before; raises as `call`."""
        parameters, _ = self._next_answer(method, self._timeout_seconds)
        return parameters

    def stream(
        self, method: str, parameters: "Mapping[str, Any]", *, timeout_seconds: float | None = None
    ) -> "Answers":
        """The answers of a method that answers more than once (`org.hwbridge.Watch`), as they come.

        `timeout_seconds`: how long each may let us wait; None: for ever. Nothing else can be called here any more.
        Raises as `call`; the daemon's refusal comes with the first answer.
        """
        self._send(method, {"method": method, "parameters": dict(parameters), "more": True})
        return Answers(self, method, timeout_seconds)

    def tell(self, method: str, parameters: "Mapping[str, Any]") -> None:
        """Calls a method and wants no answer, not even a refusal; behind a stream that goes on this is taken, too.

        One thread may tell while another one reads a stream; two that tell need a lock. Raises as `call`.
        """
        self._send(method, {"method": method, "parameters": dict(parameters), "oneway": True})

    def _send(self, method: str, call: "Mapping[str, Any]") -> None:
        encoded = _encode(method, call)
        try:
            self._socket.sendall(encoded)
        except OSError as error:
            raise self._lost(method, error) from error

    def _next_answer(self, method: str, timeout_seconds: float | None) -> "tuple[dict[str, Any], bool]":
        try:
            self._socket.settimeout(timeout_seconds)
            answer = self._receive()
        except OSError as error:
            raise self._lost(method, error) from error
        parameters, continues = _read_answer(self._path, answer)
        if self._received and not continues:  # nobody has asked for what is behind it
            raise ProtocolError(f"{self._path}: what answers here does not speak varlink")
        return parameters, continues

    def _lost(self, method: str, error: OSError) -> NoDaemonError:
        if isinstance(error, ConnectionError):
            return NoDaemonError(f"{self._path}: the daemon closed the connection before it answered {method}")
        return NoDaemonError(f"{self._path}: no answer to {method}: {error.strerror or error}")

    def _receive(self) -> bytes:
        received = self._received
        looked_at = 0
        while (end := received.find(b"\0", looked_at)) < 0:
            looked_at = len(received)
            if looked_at > MOST_ANSWER_BYTES:
                raise ProtocolError(f"{self._path}: an answer has more than {MOST_ANSWER_BYTES} bytes")
            data = self._socket.recv(_READ_BYTES)
            if not data:
                raise ConnectionResetError
            received += data
        answer = bytes(received[:end])
        del received[: end + 1]
        return answer


class Answers:
    """The answers of one call that is answered more than once; iteration ends with the last of them.

    To be closed, which hangs up. Iteration raises what `Connection.call` raises.
    """

    def __init__(self, connection: Connection, method: str, timeout_seconds: float | None) -> None:
        self._connection = connection
        self._method = method
        self._timeout_seconds = timeout_seconds
        self._continues = True

    def __iter__(self) -> "Self":
        return self

    def __next__(self) -> "dict[str, Any]":
        if not self._continues:
            raise StopIteration
        try:
            answer, self._continues = self._connection._next_answer(self._method, self._timeout_seconds)
        except BaseException:
            self._continues = False
            raise
        return answer

    def __enter__(self) -> "Self":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hangs up: the daemon answers no more, and the connection is closed."""
        self._continues = False
        self._connection.close()


def _timeval(seconds: float) -> bytes:
    """The C structure that socket(7) takes; all zero would mean to wait without end."""
    whole = int(seconds)
    return struct.pack("ll", whole, max(int((seconds - whole) * 1_000_000), 1))


def _encode(method: str, call: "Mapping[str, Any]") -> bytes:
    import json

    try:
        encoded = json.dumps(call, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError as error:
        raise ProtocolError(f"{method}: what is sent must be UTF-8 text, this is not: {error.object!a}") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise ProtocolError(f"{method}: what is sent must be what JSON has: {error}") from error
    if len(encoded) > MOST_CALL_BYTES:
        raise ProtocolError(f"{method}: a call has at most {MOST_CALL_BYTES} bytes, this one has {len(encoded)}")
    return encoded + b"\0"


def _read_answer(path: str, answer: bytes) -> "tuple[dict[str, Any], bool]":
    """What an answer holds, and whether more come behind it."""
    import json

    try:
        message = json.loads(answer)
        error = message.get("error")
        parameters = message.get("parameters") or {}
    except (ValueError, RecursionError, AttributeError) as failure:
        raise ProtocolError(f"{path}: what answers here does not speak varlink") from failure
    if not isinstance(parameters, dict):
        raise ProtocolError(f"{path}: what answers here does not speak varlink")
    if error is not None:
        raise CallFailedError(str(error), parameters)
    return parameters, message.get("continues") is True

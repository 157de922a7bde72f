"""A blocking connection to the daemon, for the command line. Knows no method, and loads little: it must start fast.

JSON is the standard library's here: it is loaded in a fraction of msgspec's time, and what a command says is short.
"""

import socket
import struct
from collections.abc import Mapping
from types import TracebackType

from bridge.errors import CallFailedError, NoDaemonError, ProtocolError

TYPE_CHECKING = False  # typing's own would load typing, which takes longer than everything else here
if TYPE_CHECKING:
    from typing import Any

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

    def __enter__(self) -> "Connection":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection."""
        self._socket.close()

    def call(self, method: str, parameters: "Mapping[str, Any]") -> "dict[str, Any]":
        """The answer of one method, named in full (`org.hwbridge.Status`).

        Raises `CallFailedError` with the error that the daemon named; `NoDaemonError` if it went away or took too long
        (then nobody knows whether the call was heard); `ProtocolError` if the parameters cannot be sent, or what
        answers does not speak varlink. After the last two the connection is of no use.
        """
        call = _encode(method, parameters)
        try:
            self._socket.sendall(call)
            answer = self._receive()
        except ConnectionError as error:
            raise NoDaemonError(
                f"{self._path}: the daemon closed the connection before it answered {method}"
            ) from error
        except OSError as error:
            raise NoDaemonError(f"{self._path}: no answer to {method}: {error.strerror or error}") from error
        return _read_answer(self._path, answer)

    def _receive(self) -> bytes:
        received = bytearray()
        while not received.endswith(b"\0"):
            data = self._socket.recv(_READ_BYTES)
            if not data:
                raise ConnectionResetError
            received += data
            if len(received) > MOST_ANSWER_BYTES:
                raise ProtocolError(f"{self._path}: an answer has more than {MOST_ANSWER_BYTES} bytes")
        return bytes(received[:-1])


def _timeval(seconds: float) -> bytes:
    """The C structure that socket(7) takes; all zero would mean to wait without end."""
    whole = int(seconds)
    return struct.pack("ll", whole, max(int((seconds - whole) * 1_000_000), 1))


def _encode(method: str, parameters: "Mapping[str, Any]") -> bytes:
    import json

    try:
        text = json.dumps({"method": method, "parameters": dict(parameters)}, ensure_ascii=False, allow_nan=False)
        call = text.encode()
    except UnicodeEncodeError as error:
        raise ProtocolError(f"{method}: what is sent must be UTF-8 text, this is not: {error.object!a}") from error
    if len(call) > MOST_CALL_BYTES:
        raise ProtocolError(f"{method}: a call has at most {MOST_CALL_BYTES} bytes, this one has {len(call)}")
    return call + b"\0"


def _read_answer(path: str, answer: bytes) -> "dict[str, Any]":
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
    return parameters

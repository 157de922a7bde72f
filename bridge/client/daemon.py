"""The daemon that an application means, and talking to it. Refusals get their own names; no method is known here.

Which daemon: the one at HWBRIDGE_SOCKET; else the user's, if it is there; else the system's.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from bridge.client.connection import Connection
from bridge.client.refusals import named
from bridge.errors import BridgeError, CallFailedError, NoDaemonError, ProtocolError
from bridge.model.sockets import NOBODY_THERE, VARIABLE, sockets_meant

TIMEOUT_SECONDS = 10


def socket_to_call() -> str:
    """The socket of the daemon that is meant: the first behind which somebody is, else the last that there may be."""
    *firsts, last = _sockets()
    return next(filter(_is_somebody_at, firsts), last)


def connect(socket: str) -> Connection:
    """A connection to the daemon there. Raises `NoDaemonError`, which says where one was looked for."""
    try:
        return Connection(socket, timeout_seconds=TIMEOUT_SECONDS)
    except NoDaemonError as error:
        raise NoDaemonError(f"{error}; {_how_to_start(socket)}") from error


@contextmanager
def asking(socket: str | None = None) -> Iterator[Connection]:
    """A connection to the daemon there, or to the one that is meant, on which its answers are also read.

    Raises `NoDaemonError`; `CallFailedError` as the subclass that the daemon's refusal has; and `ProtocolError` for
    what is not as the interface has it.
    """
    socket = socket or socket_to_call()
    with connect(socket) as connection:
        try:
            yield connection
        except CallFailedError as error:
            raise named(error) from error
        except BridgeError:
            raise
        except (LookupError, TypeError, ValueError) as error:
            raise ProtocolError(f"{socket}: what answers is no daemon of ours, or one of another version") from error


def _sockets() -> tuple[str, ...]:
    return tuple(map(os.path.abspath, sockets_meant(os.environ, os.getuid())))


def _is_somebody_at(socket: str) -> bool:
    try:
        Connection(socket, timeout_seconds=TIMEOUT_SECONDS).close()
    except NoDaemonError as error:
        return not isinstance(error.__cause__, NOBODY_THERE)
    return True


def _how_to_start(socket: str) -> str:
    looked_at = _sockets()
    if looked_at == (socket,):
        return f"{VARIABLE} names it: start a daemon there with `hwbridge run --socket {socket}`, or unset the variable"
    if socket not in looked_at:
        return f"start it with `hwbridge run --socket {socket}`"
    return (
        f"looked for one at {' and '.join(looked_at)}; start your own with `hwbridge run --user`, or the system's with"
        " `systemctl start hwbridge`"
    )

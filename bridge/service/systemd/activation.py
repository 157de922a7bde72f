"""The listening socket that a service manager hands over: sd_listen_fds(3), by hand. It makes and removes no file.

The socket is there before the daemon is: whoever calls meanwhile starts it, waits, and is answered.
"""

import os
import socket
from collections.abc import MutableMapping
from pathlib import Path

from bridge.errors import SocketError
from bridge.model.text import printable

FIRST_DESCRIPTOR = 3  # SD_LISTEN_FDS_START
_ABSTRACT = "\0"


class HandedSocket:
    """A socket that listens at its path, and whose file is the service manager's."""

    def __init__(self, path: Path, listening: socket.socket) -> None:
        self.path = path
        self.socket = listening

    def close(self) -> None:
        """Lets go of the socket. It goes on listening where it came from."""
        self.socket.close()


def take_handed_socket(environment: MutableMapping[str, str], pid: int) -> HandedSocket | None:
    """The socket that was handed over to the process `pid`, if any. The environment says it no more: no child is meant.

    Raises `SocketError` if it is not one listening AF_UNIX stream socket with a path.
    """
    meant = environment.pop("LISTEN_PID", None)
    count = environment.pop("LISTEN_FDS", None)
    names = environment.pop("LISTEN_FDNAMES", "")
    if count is None or meant != str(pid):
        return None
    if count != "1":
        raise SocketError(f"LISTEN_FDS={printable(count)} ({printable(names)}): one socket is meant, that of the API")
    try:
        handed = socket.socket(fileno=FIRST_DESCRIPTOR)
    except OSError as error:
        raise SocketError(f"LISTEN_FDS=1, but descriptor {FIRST_DESCRIPTOR} is no socket: {error.strerror}") from error
    try:
        path = _path_of(handed)
    except SocketError:
        handed.close()
        raise
    handed.setblocking(False)
    handed.set_inheritable(False)
    return HandedSocket(path, handed)


def _path_of(handed: socket.socket) -> Path:
    what = f"the socket that was handed over (descriptor {FIRST_DESCRIPTOR})"
    if handed.family != socket.AF_UNIX or handed.type != socket.SOCK_STREAM:
        found = f"{_name(handed.family)}, {_name(handed.type)}"
        raise SocketError(f"{what} is {found}: AF_UNIX, SOCK_STREAM is meant (ListenStream= with a path)")
    name = handed.getsockname()
    if not isinstance(name, str) or not name or name.startswith(_ABSTRACT):  # Python gives bytes for abstract ones
        raise SocketError(f"{what} has no path: handlers find it by one, in HWBRIDGE_SOCKET")
    if not handed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise SocketError(f"{name}: {what} does not listen: Accept=no is meant")
    return Path(os.path.abspath(name))


def _name(number: int) -> str:
    return getattr(number, "name", str(number))

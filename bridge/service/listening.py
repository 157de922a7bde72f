"""Which socket the daemon listens at: one that the service manager hands over, else one of its own. It accepts nobody.

A path that was given as well has to be that of the socket which is handed over: callers would look for us there.
"""

import os
from collections.abc import MutableMapping
from pathlib import Path

from bridge.errors import SocketError
from bridge.service.socket_path import ListeningSocket, make_socket_directory, open_socket
from bridge.service.systemd.activation import HandedSocket, take_handed_socket
from bridge.service.trust import check_socket_directory


def listen(path: Path, environment: MutableMapping[str, str], *, is_default: bool) -> ListeningSocket | HandedSocket:
    """The socket of the API; whoever gets it closes it. `is_default`: nobody gave the path.

    Raises `SocketError`, as `open_socket` does, or because what is handed over is not what was meant.
    """
    handed = take_handed_socket(environment, os.getpid())
    if handed is None:
        _check_can_be_told(path)
        if is_default:
            make_socket_directory(path.parent)
        check_socket_directory(path.parent)
        return open_socket(path)
    try:
        _check_can_be_told(handed.path)
        if not is_default and os.path.realpath(path) != os.path.realpath(handed.path):
            raise SocketError(f"{path}: given, but the service manager hands over the socket {handed.path}")
    except SocketError:
        handed.close()
        raise
    return handed


def _check_can_be_told(path: Path) -> None:
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise SocketError(f"{path}: a socket's path is UTF-8, as handlers find it in HWBRIDGE_SOCKET") from error

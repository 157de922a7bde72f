"""One GET of plain HTTP in a thread of its own, which can be given up at any moment. It follows nowhere it is sent to.

How long it may take is not decided here: who asks gives it up.
"""

import errno
import os
import select
import socket
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from threading import Lock, Thread
from typing import Any

from bridge.monitors.network_settings import ProbeAddress
from bridge.sources.internet import LIMITED, ONLINE, STATUS_HEADER, answer_of

SECONDS = 20
"""For each step of it; NetworkManager's for the whole."""
_FORBIDDEN = frozenset({errno.EAFNOSUPPORT, errno.EPERM})
"""What a service gets that may not have internet sockets, or not send: RestrictAddressFamilies=, IPAddressDeny=."""
_JOIN_SECONDS = 0.2


class HttpGet:
    """A GET that goes on; when it is over, `answer` is what `answer_of` makes of it.

    It is `limited` where nothing was answered, and None where we may not ask.
    """

    def __init__(self, address: ProbeAddress, news: int) -> None:
        """Asks, meanwhile; `news` is an eventfd(2) that is written to when it is over, and not after `close`."""
        self.answer: str | None = LIMITED
        self._address = address
        self._news = news
        self._lock = Lock()
        self._socket: socket.socket | None = None
        self._is_given_up = self._is_over = self._is_closed = False
        self._thread = Thread(target=self._run, name="probe", daemon=True)
        self._thread.start()

    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        with self._lock:
            return self._is_over

    def give_up(self) -> None:
        """Has it end at once, without an answer; only a name that is being looked up is waited for, by its thread."""
        with self._lock:
            self._is_given_up = True
            if self._socket is not None:
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Gives it up; its thread is over, but for one that looks up a name."""
        self.give_up()
        with self._lock:
            self._is_closed = True
        self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        try:
            self.answer = self._ask()
        except OSError as error:
            self.answer = None if error.errno in _FORBIDDEN else LIMITED
        except (HTTPException, ValueError):  # what came is no HTTP, or the host no name
            self.answer = LIMITED
        with self._lock:
            self._is_over = True
            if not self._is_closed:
                os.eventfd_write(self._news, 1)

    def _ask(self) -> str:
        connection = HTTPConnection(self._address.host, self._address.port)
        with self._connected() as connected:
            connection.sock = connected
            connection.request(
                "GET", self._address.path, headers={"User-Agent": "hwbridge", "Cache-Control": "no-cache"}
            )
            with connection.getresponse() as response:
                beginning = response.read(len(ONLINE))
                return answer_of(response.status, response.getheader(STATUS_HEADER), beginning)

    def _connected(self) -> socket.socket:
        """A connection to the first of the host's addresses that takes one. Raises what says most of the others."""
        _check_allowed()
        failures = []
        found = socket.getaddrinfo(self._address.host, self._address.port, type=socket.SOCK_STREAM)
        for family, kind, protocol, _, address in found:
            try:
                return self._connected_to(family, kind, protocol, address)
            except OSError as error:
                failures.append(error)
        raise next((error for error in failures if error.errno not in _FORBIDDEN), failures[-1])

    def _connected_to(self, family: int, kind: int, protocol: int, address: Any) -> socket.socket:
        made = socket.socket(family, kind, protocol)
        try:
            made.setblocking(False)
            with self._lock:  # who gives up finds it connecting, when it can be shut down, or not begun
                if self._is_given_up:
                    raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))
                begun = made.connect_ex(address)
                self._socket = made
            if begun == errno.EINPROGRESS:
                waiting = select.poll()
                waiting.register(made, select.POLLOUT)
                is_over = bool(waiting.poll(SECONDS * 1000))
                begun = made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if is_over else errno.ETIMEDOUT
            if begun:
                raise OSError(begun, os.strerror(begun))
            made.settimeout(SECONDS)
        except OSError:
            made.close()
            raise
        return made


def _check_allowed() -> None:
    """Raises what a service gets that may have no internet socket: else a name could not be looked up, and not why."""
    try:
        socket.socket(socket.AF_INET).close()
    except OSError:
        socket.socket(socket.AF_INET6).close()

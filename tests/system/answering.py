"""An HTTP server that answers a probe as it is told to, on a port of its own. No client is here."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

DEADLINE_SECONDS = 30
ANSWERS = {
    "ok": b"HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\nNetworkManager is online\n",
    "header": b"HTTP/1.1 200 OK\r\nX-NetworkManager-Status: online\r\nContent-Length: 0\r\n\r\n",
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/login\r\nContent-Length: 0\r\n\r\n",
    "login page": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>Who are you, and who pays?</html>",
    "511": b"HTTP/1.1 511 Network Authentication Required\r\nContent-Length: 0\r\n\r\n",
    "500": b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
    "404": b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "junk": b"\xff\xfeSSH-2.0-What\r\n" * 40,
    "long": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
    "nothing": b"",
}


class Server:
    """Answers each request with `answer`; with None it says nothing, and does not hang up."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer
        self.asked: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._open: list[socket.socket] = []
        self._was_asked = Event()
        self._thread = Thread(target=self._serve)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/online"

    def wait_until_asked(self) -> None:
        """Waits for the first request."""
        assert self._was_asked.wait(DEADLINE_SECONDS), "nobody asks"

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()
        for each in self._open:
            each.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with suppress(OSError):
                self.asked.append(connection.recv(4096))
                self._was_asked.set()
            if self.answer is None:
                self._open.append(connection)
                continue
            with connection, suppress(OSError):
                connection.sendall(self.answer)


@contextmanager
def answering(answer: bytes | None) -> Iterator[Server]:
    server = Server(answer)
    try:
        yield server
    finally:
        server.close()

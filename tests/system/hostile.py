"""Hostile clients of the daemon: `python hostile.py ATTACK SOCKET UID GID` attacks as that user until it is killed.

Nothing of the daemon is imported; what the others see meanwhile is measured elsewhere.
"""

import json
import os
import resource
import selectors
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle
from typing import Any

CONNECTIONS = 120
"""Fewer than one user may have."""
MANY = 10_000
LONGEST = 256 * 1024
MOST = 1990
"""Of anything in a message that is just not refused for its size."""
GUID = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"


def call(method: str, **more: Any) -> bytes:
    """One call, with its NUL."""
    return json.dumps({"method": f"org.hwbridge.{method}", **more}).encode() + b"\0"


STATUS = call("Status")
FLOATS = call("Register", parameters={"task": {"a": [0.12345678901234567] * MOST}})
DETAILS = call("Raise", parameters={"trigger": GUID, "details": {f"n{number}": "" for number in range(MOST)}})
KEYS = json.dumps({"method": "x", **{f"n{number}": 0 for number in range(MOST)}}).encode() + b"\0"
TEXT = call("Raise", parameters={"trigger": "x" * (LONGEST - 100)})
TOO_MANY = call("Register", parameters={"task": {"a": [[]] * 60_000}})
DEEP = b'{"method":' + b"[" * MOST + b"\0"
GARBAGE = [
    DEEP,
    b"\xff" * 5000 + b"\0",
    b"GET / HTTP/1.1\r\n\r\n\0",
    b"{}\0",
    TOO_MANY,
    KEYS,
    b"x" * (LONGEST + 1),
    b"\0",
]


class Client:
    """One connection, made anew whenever the daemon ends it. Whatever is to be sent is sent as far as it goes."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._open()

    def _open(self) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(self._path)  # waits while the daemon has yet to accept others
        self.socket.setblocking(False)
        self._unsent = memoryview(b"")

    def come_again(self) -> None:
        """Hangs up, and connects anew."""
        self.socket.close()
        self._open()

    def send(self, messages: Iterator[bytes]) -> bool:
        """Sends the next of these, or the rest of the one before; whether anything went."""
        self._unsent = self._unsent or memoryview(next(messages))
        try:
            sent = self.socket.send(self._unsent)
        except BlockingIOError:
            return False
        except OSError:
            self.come_again()
            return True
        self._unsent = self._unsent[sent:]
        return True

    def read(self) -> bool:
        """Whether anything came."""
        try:
            data = self.socket.recv(1 << 20)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self.come_again()
        return True


def repeat(path: str, messages: list[bytes], *, reads: bool) -> None:
    """Sends these messages over and over, on many connections, each as fast as it goes."""
    clients = {Client(path): cycle(messages) for _ in range(CONNECTIONS)}
    while True:
        progress = False
        for client, each in clients.items():
            progress = (reads and client.read()) | client.send(each) | progress
        if not progress:
            wait_for(clients, reads=reads)


def wait_for(clients: Iterable[Client], *, reads: bool) -> None:
    """Waits until something can be sent, or read."""
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.socket, selectors.EVENT_WRITE | (selectors.EVENT_READ if reads else 0))
        selector.select(0.01)


def small_calls(path: str) -> None:
    """As many calls at once as there may be, on as many connections."""
    repeat(path, [STATUS * 32], reads=True)


def heavy_messages(path: str) -> None:
    """Messages that take long to read and to check."""
    repeat(path, [FLOATS, DETAILS, TEXT], reads=True)


def unread_answers(path: str) -> None:
    """Calls, of which no answer is read."""
    repeat(path, [STATUS * 32, call("History", parameters={"limit": 1000})], reads=False)


def unread_streams(path: str) -> None:
    """Watches that nobody reads, and behind each more calls than there may be."""
    watch = call("Watch", parameters={"since": 0}, more=True)
    repeat(path, [watch + STATUS * 100], reads=False)


def endless_message(path: str) -> None:
    """Messages that never end."""
    repeat(path, [b"x" * 65536], reads=True)


def garbage(path: str) -> None:
    """What is no call, and deep JSON; each ends its connection, and the next one comes."""
    repeat(path, GARBAGE, reads=True)


def byte_by_byte(path: str) -> None:
    """Calls that come one byte at a time."""
    repeat(path, [bytes([byte]) for byte in STATUS], reads=True)


def half_open(path: str) -> None:
    """Connections that say at once that they send no more, some within a call, and others after it."""
    for beginning in cycle((b" ", b'{"method":', STATUS, call("Wait", parameters={"trigger": GUID}))):
        for client in [Client(path) for _ in range(CONNECTIONS)]:
            client.send(iter((beginning,)))
            client.socket.shutdown(socket.SHUT_WR)


def connections(path: str) -> None:
    """10 000 connections at once, or as many as one process may have, and again."""
    most = min(MANY, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 50)
    while True:
        held = [Client(path) for _ in range(most)]
        for client in held:
            client.socket.close()


def come_and_go(path: str) -> None:
    """Connections that are closed at once, before and after a first call."""
    for beginning in cycle((b" ", STATUS, b"{")):
        client = Client(path)
        client.send(iter((beginning,)))
        client.socket.close()


def hang_up(path: str) -> None:
    """Waits, watches and classes that are given up as soon as they are called."""
    wait = call("Wait", parameters={"trigger": GUID})
    watch = call("Watch", parameters={}, more=True)
    serve = call("RegisterClass", parameters={"clsid": GUID}, more=True)
    for beginning in cycle((wait, watch, serve)):
        client = Client(path)
        client.send(iter((beginning,)))
        client.socket.close()


ATTACKS: dict[str, Callable[[str], None]] = {
    attack.__name__: attack
    for attack in (
        small_calls,
        heavy_messages,
        unread_answers,
        unread_streams,
        endless_message,
        garbage,
        byte_by_byte,
        half_open,
        connections,
        come_and_go,
        hang_up,
    )
}


def main() -> None:
    """Becomes that user, says that it begins, and attacks."""
    name, path, uid, gid = sys.argv[1:]
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(int(gid), int(gid), int(gid))
        os.setresuid(int(uid), int(uid), int(uid))
    sys.stdout.write("attacking\n")
    sys.stdout.flush()
    ATTACKS[name](path)


if __name__ == "__main__":
    main()

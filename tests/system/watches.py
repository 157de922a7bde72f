"""`Watch` as a client sees it, read as fast or as slowly as a test wishes. Nothing of the daemon or of ours is used."""

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from daemon import DEADLINE_SECONDS, User

Answer = Mapping[str, Any]


class Watch:
    """One watch. It begins when the daemon has taken the call, which `begun` waits for."""

    def __init__(self, path: Path, *, method: str = "Watch", user: User | None = None, **parameters: Any) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE_SECONDS)
        with _rights_of(user):
            self.socket.connect(str(path))
        call = {"method": f"org.hwbridge.{method}", "parameters": parameters, "more": method == "Watch"}
        self.socket.sendall(json.dumps(call).encode() + b"\0")
        self._received = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.socket.close()

    def __iter__(self) -> Iterator[Answer]:
        """The parameters of each answer, until the daemon hangs up; of a refusal the error."""
        while True:
            while b"\0" not in self._received:
                try:
                    received = self.socket.recv(1 << 16)
                except ConnectionResetError:  # as `abort` of a socket with something unread is
                    return
                if not received:
                    return
                self._received += received
            answer, _, self._received = self._received.partition(b"\0")
            message = json.loads(answer)
            yield message if "error" in message else message["parameters"]

    def next(self) -> Answer:
        """The next answer."""
        return next(iter(self))

    def entries(self, count: int) -> list[Answer]:
        """The next entries, and nothing else between."""
        return [self.next()["entry"] for _ in range(count)]

    def until(self, what: str) -> list[Answer]:
        """Entries up to the first that says this."""
        entries = [self.next()["entry"]]
        while entries[-1]["what"] != what:
            entries.append(self.next()["entry"])
        return entries

    def begun(self, path: Path) -> Self:
        """Returns when the daemon has taken the call, as it has taken one that was made later."""
        with socket.socket(socket.AF_UNIX) as other:
            other.settimeout(DEADLINE_SECONDS)
            other.connect(str(path))
            for _ in range(2):
                other.sendall(b'{"method":"org.varlink.service.GetInfo"}\0')
                while not other.recv(1 << 16).endswith(b"\0"):
                    pass
        return self


@contextmanager
def _rights_of(user: User | None) -> Iterator[None]:
    """For what is connected meanwhile the kernel notes these rights."""
    if user is None:
        yield
        return
    groups = os.getgroups()
    os.setgroups(user.groups)
    os.setegid(user.gid)
    os.seteuid(user.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)

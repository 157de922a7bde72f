"""A stand-in for systemd: hears what a daemon notifies, and starts one with a socket. It does nothing by itself."""

import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from daemon import DEADLINE_SECONDS, environment_of

_ACTIVATE = """
import os, socket, sys
handed = [socket.socket(fileno=int(each)).detach() for each in sys.argv[1].split(",")]
for place, descriptor in enumerate(handed, start=3):
    os.dup2(descriptor, place)
    os.set_inheritable(place, True)
os.environ["LISTEN_PID"] = os.environ["WATCHDOG_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = str(len(handed))
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Becomes the program with its descriptors at 3 and after, as only the process itself can say whose they are."""


class Notified:
    """The socket that NOTIFY_SOCKET names: `address` as the variable has it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self.socket.setblocking(False)
        self.heard: list[dict[str, str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.socket.close()

    def read(self) -> list[dict[str, str]]:
        """All messages up to now, each as the variables that it has."""
        while True:
            try:
                message = self.socket.recv(64 * 1024).decode()
            except BlockingIOError:
                return self.heard
            self.heard.append(dict(line.split("=", 1) for line in message.split("\n")))

    def said(self, name: str) -> list[str]:
        """What was told of this variable up to now."""
        return [message[name] for message in self.read() if name in message]

    def fill(self) -> None:
        """Sends itself messages until its queue takes no more."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            try:
                while True:
                    sender.sendto(b"FILLING=1", self.socket.getsockname())
            except BlockingIOError:
                return

    def wait_for(self, name: str, times: int = 1) -> list[dict[str, str]]:
        """Waits for so many messages that have this variable; returns these."""
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while len(found := [message for message in self.read() if name in message]) < times:
            assert time.monotonic() < deadline, f"{name} was not told in time: {self.heard}"
            poll.poll(100)
        return found


def start_with_sockets(
    handed: Sequence[socket.socket], arguments: Sequence[str | Path], environment: Mapping[str, str]
) -> "subprocess.Popen[bytes]":
    """Starts `hwbridge ARGUMENTS` as systemd does where a socket unit is in front of it; its output can be read."""
    descriptors = ",".join(str(each.fileno()) for each in handed)
    return subprocess.Popen(
        [sys.executable, "-c", _ACTIVATE, descriptors, sys.executable, "-m", "bridge", *map(os.fspath, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment_of(environment),
        pass_fds=[each.fileno() for each in handed],
    )

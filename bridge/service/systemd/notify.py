"""Tells the service manager how the daemon fares: sd_notify(3), by hand. It never waits, and asks the manager nothing.

What the manager's socket does not take now is sent when it does. Where no manager asks for it, nothing is sent and no
timer runs; where it asks for no watchdog, an idle daemon stays asleep.

Source of the semantics: sd_notify(3), sd_watchdog_enabled(3), systemd.service(5).
"""

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Callable, MutableMapping

import msgspec

from bridge.model.text import printable

EXTENSION_SECONDS = 15
"""For how long a stop is put off while runs are waited for; asked for anew three times as often."""
MOST_WAITING = 64
"""Messages that a manager who does not read is owed; of more the oldest are lost."""

log = logging.getLogger("bridge")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the service manager wants to be told: the `address` of its socket, and the `watchdog`'s microseconds."""

    address: str | None = None
    watchdog: int | None = None


def take_wanted(environment: MutableMapping[str, str], pid: int) -> Wanted:
    """What the service manager wants of the process `pid`. The environment says it no more: no child is meant.

    >>> take_wanted({"NOTIFY_SOCKET": "/run/systemd/notify", "WATCHDOG_USEC": "20000000"}, 1)
    Wanted(address='/run/systemd/notify', watchdog=20000000)
    """
    address = environment.pop("NOTIFY_SOCKET", None)
    given, meant = environment.pop("WATCHDOG_USEC", None), environment.pop("WATCHDOG_PID", None)
    watchdog = None
    if given is not None and meant in (None, str(pid)):
        if given.isascii() and given.isdecimal() and int(given) > 0:
            watchdog = int(given)
        else:
            log.warning("WATCHDOG_USEC=%s: a number of microseconds is meant; there is no watchdog", printable(given))
    if address is not None and not address.startswith(("/", "@")):
        log.warning("NOTIFY_SOCKET=%s: neither a path nor an abstract socket; it is not told of us", printable(address))
        address = None
    return Wanted(address=address, watchdog=watchdog)


class ServiceManager:
    """The service manager, as far as it wants to be told; `clock` is CLOCK_MONOTONIC in microseconds.

    Each `status` is one line for people, as `systemctl status` shows it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Callable[[], int], wanted: Wanted) -> None:
        self._loop = loop
        self._clock = clock
        self._wanted = wanted
        self._socket: socket.socket | None = None
        self._waiting: deque[bytes] = deque(maxlen=MOST_WAITING)
        self._timers: dict[str, asyncio.TimerHandle] = {}
        if wanted.address is not None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)

    def ready(self, status: str) -> None:
        """The daemon is there for everybody. From now on the loop feeds the watchdog: one that hangs does not."""
        self._tell("READY=1", _status(status))
        if self._wanted.watchdog is not None:
            self._repeat("WATCHDOG=1", self._wanted.watchdog / 2_000_000)

    def reloading(self) -> None:
        """The files are read again. `reloaded` has to follow, whatever comes of it."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={self._clock()}")

    def reloaded(self, status: str) -> None:
        """The files have been read again."""
        self._tell("READY=1", _status(status))

    def stopping(self, status: str) -> None:
        """The daemon stops, and asks for time until `close`: runs have theirs, which is limited, to end."""
        self._tell("STOPPING=1", _status(status))
        self._repeat(f"EXTEND_TIMEOUT_USEC={EXTENSION_SECONDS * 1_000_000}", EXTENSION_SECONDS / 3)

    def close(self) -> None:
        """Tells nothing more. What was not taken by now is lost."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._socket is not None:
            self._loop.remove_writer(self._socket)
            self._socket.close()
            self._socket = None

    def _repeat(self, message: str, seconds: float) -> None:
        if self._socket is None:
            return
        if not self._waiting:  # else the manager does not read, and what waits is enough
            self._tell(message)
        self._timers[message] = self._loop.call_later(seconds, self._repeat, message, seconds)

    def _tell(self, *lines: str) -> None:
        if self._socket is None:
            return
        self._waiting.append("\n".join(lines).encode(errors="backslashreplace"))
        self._send(self._socket)

    def _send(self, sending: socket.socket) -> None:
        """Sends what waits, in its order; the loop calls again if the manager's queue is full."""
        try:
            # Anew for each, as the manager may have been executed anew. Only a connected one can wait for room.
            sending.connect(_sockaddr(self._wanted.address or ""))
            while self._waiting:
                sending.send(self._waiting[0])
                self._waiting.popleft()
        except BlockingIOError:
            self._loop.add_writer(sending, self._send, sending)
            return
        except OSError as error:
            log.warning("NOTIFY_SOCKET=%s: %s", printable(self._wanted.address or ""), error.strerror)
            self._waiting.clear()
        self._loop.remove_writer(sending)


def _status(status: str) -> str:
    return f"STATUS={printable(status)}"


def _sockaddr(address: str) -> str:
    return f"\0{address[1:]}" if address.startswith("@") else address

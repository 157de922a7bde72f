"""The system's D-Bus as a plain descriptor, for monitors that never wait. No service's words are understood here.

dbus-fast (the extra `dbus`) speaks asyncio only, so each `Bus` has a thread with a loop of its own, in which `bus_talk`
does the talking. Nothing is ever started by asking: a service that is not there is told to be not there.
"""

import asyncio
import logging
import os
from collections import deque
from contextlib import suppress
from importlib.util import find_spec
from itertools import count
from threading import Thread
from typing import TYPE_CHECKING

from bridge.monitors.bus_words import Answered, Call, Disconnected, Told, Wanted

if TYPE_CHECKING:
    from bridge.monitors.bus_talk import Talk

SOCKET = "/run/dbus/system_bus_socket"
MOST_UNREAD = 1000
"""What is told and not read; beyond it all is dropped, and told anew."""
_log = logging.getLogger("bridge.monitors.bus")


def bus_address() -> str:
    """Where the system bus is: `DBUS_SYSTEM_BUS_ADDRESS`, or the socket where every system has it."""
    return os.environ.get("DBUS_SYSTEM_BUS_ADDRESS") or f"unix:path={SOCKET}"


def why_no_bus(address: str | None = None) -> str | None:
    """Why there can be no bus here, for people; None where it is worth trying. Nothing is connected for it."""
    if find_spec("dbus_fast") is None:
        return "dbus-fast is not installed: `pip install 'hwbridge[dbus]'` brings it"
    address = address or bus_address()
    path = address.removeprefix("unix:path=").partition(",")[0]
    if address.startswith("unix:path=") and ";" not in address and not os.path.exists(path):
        return f"no D-Bus runs here: there is no {path}"
    return None


class Inbox:
    """What one thread tells another, and the descriptor that says that there is something."""

    def __init__(self) -> None:
        self._told: deque[Told] = deque()
        self._news = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        """Readable when there is something to take."""
        return self._news

    def put(self, told: Told) -> bool:
        """Tells one more thing; False, and all is dropped, where too much is unread."""
        if len(self._told) >= MOST_UNREAD:
            close_descriptors(*self._pop_all(), told)
            return False
        self._told.append(told)
        os.eventfd_write(self._news, 1)
        return True

    def take(self) -> list[Told]:
        """All that was told and not taken yet."""
        with suppress(BlockingIOError):  # nobody told anything since
            os.eventfd_read(self._news)
        return self._pop_all()

    def close(self) -> None:
        """Drops what is unread, with the descriptors in it."""
        close_descriptors(*self._pop_all())
        os.close(self._news)

    def _pop_all(self) -> list[Told]:
        taken = []
        with suppress(IndexError):  # of two threads that take at once, one finds the end
            while True:
                taken.append(self._told.popleft())
        return taken


def close_descriptors(*dropped: Told) -> None:
    """Closes what came with answers that nobody waits for any more."""
    for told in dropped:
        if isinstance(told, Answered):
            for descriptor in told.descriptors:
                os.close(descriptor)


class Bus:
    """A connection to the system bus that comes back when it is lost. Only `read` tells how it is; nothing is raised.

    What is wanted is told whenever it changes, until it is forgotten, over however many connections. It is one thread
    and five descriptors, and wakes nobody while nothing that was wanted happens; a lost bus is tried again after half a
    second, and then ever less often, down to once a minute.
    """

    def __init__(self, address: str | None = None) -> None:
        """Connects, meanwhile, to the bus at `address`, by default that of `bus_address`."""
        self._inbox = Inbox()
        self._numbers = count(1)
        self._loop = asyncio.new_event_loop()
        self._talk: Talk | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread = Thread(target=self._run, args=(address or bus_address(),), name="bus", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        """Readable when `read` has something to tell."""
        return self._inbox.fileno()

    def read(self) -> list[Told]:
        """Everything that has come, in order, without waiting."""
        return self._inbox.take()

    def want(self, *wanted: Wanted) -> None:
        """Tells of these from now on; of properties first how they are."""
        self._loop.call_soon_threadsafe(lambda: self._talking.want(wanted))

    def forget(self, *wanted: Wanted) -> None:
        """Tells of these no more. What was told already may still be unread."""
        self._loop.call_soon_threadsafe(lambda: self._talking.forget(wanted))

    def look(self) -> None:
        """Has all wanted properties told once more, as they are by then."""
        self._loop.call_soon_threadsafe(lambda: self._talking.look())

    def call(self, call: Call) -> int:
        """Asks a service, and gives the number that `Answered` or `Failed` will have."""
        number = next(self._numbers)
        self._loop.call_soon_threadsafe(lambda: self._talking.call(number, call))
        return number

    def close(self) -> None:
        """Ends it, and its thread, at once; no descriptor stays open but those of answers that were read."""
        self._loop.call_soon_threadsafe(self._end)
        self._thread.join()
        self._loop.close()
        self._inbox.close()

    @property
    def _talking(self) -> "Talk":
        assert self._talk is not None, "the loop runs nothing before it is there"
        return self._talk

    def _end(self) -> None:
        assert self._task is not None, "the loop runs nothing before it is there"
        self._task.cancel()

    def _run(self, address: str) -> None:
        try:
            from bridge.monitors.bus_talk import Talk  # dbus-fast, which takes longer to load than a monitor may wait
        except ImportError as error:
            self._inbox.put(Disconnected(f"dbus-fast cannot be used: {error}"))
            return
        self._talk = Talk(address, self._inbox.put)
        self._task = self._loop.create_task(self._talk.run())
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            return
        except Exception as error:
            _log.exception("the system bus is heard no more: a mistake in the code of hwbridge")
            self._inbox.put(Disconnected(f"{address}: {error!r}, a mistake in the code of hwbridge"))

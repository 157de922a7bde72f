"""Notices that peers have hung up, also those that are not read from. It reads and writes nothing.

asyncio stops to look at a connection whose peer has said that it sends no more (`shutdown(SHUT_WR)`, as `socat` does),
and at one whose reading is paused: a peer which then goes would be noticed only when something is written to it.

Source of the semantics: epoll_ctl(2), `EPOLLHUP`: it is told without being asked for.
"""

import asyncio
import select
from collections.abc import Callable


class HangUps:
    """Looks at connected sockets, with one descriptor for all of them. To be closed."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._happened: dict[int, Callable[[], None]] = {}
        self._epoll = select.epoll()
        loop.add_reader(self._epoll.fileno(), self._tell)

    def look_at(self, descriptor: int, happened: Callable[[], None]) -> None:
        """Calls `happened` once, when the peer of this socket is gone. A second time nothing is changed."""
        if descriptor not in self._happened:
            self._epoll.register(descriptor, 0)
            self._happened[descriptor] = happened

    def forget(self, descriptor: int) -> None:
        """Looks at this socket no more; to be called before it is closed."""
        if self._happened.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def _tell(self) -> None:
        for descriptor, _ in self._epoll.poll(0):
            happened = self._happened.get(descriptor)
            if happened is not None:
                self.forget(descriptor)
                happened()

    def close(self) -> None:
        """Looks at nothing any more."""
        self._happened.clear()
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

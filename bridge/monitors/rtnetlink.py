"""The kernel's links, addresses and default routes: one socket wakes, another one is asked. Nothing is followed here.

What is woken for is only that something happened; what is, is read anew each time, so that a message that was lost
costs nothing but another look. Both are netlink sockets: they tell of this process's own network namespace, whatever
/sys shows, and a service that may have no internet socket has them.
"""

import errno
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import count
from typing import TypeVar

from bridge.errors import DeviceError
from bridge.monitors.network_part import Heard
from bridge.monitors.rtnetlink_messages import (
    FAMILIES,
    NLM_F_DUMP_INTR,
    NLMSG_DONE,
    NLMSG_ERROR,
    Message,
    address_request,
    addresses_of,
    link_request,
    links_of,
    matters,
    messages_in,
    route_request,
    routes_of,
)
from bridge.sources.network_state import Tables

GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
"""RTMGRP_LINK, and the addresses and routes of IPv4 and IPv6."""
_NEXTHOPS = 32
"""RTNLGRP_NEXTHOP: routes of IPv4 that go with their next hop (ip-nexthop(8)) go without a word of their own."""
RECEIVE_BUFFER = 1 << 20
MESSAGES_A_READ = 4096
"""So that a storm cannot keep a reader for ever: what is left keeps the descriptor readable."""
ATTEMPTS = 8
_DATAGRAM = 64 << 10
"""The kernel fills no more than half of it."""
_SOL_NETLINK, _NETLINK_ADD_MEMBERSHIP, _NETLINK_GET_STRICT_CHK = 270, 1, 12  # linux/netlink.h
_SO_RCVBUFFORCE = 33
_NO_SUCH_TABLE = frozenset({errno.ENOENT, errno.EOPNOTSUPP, errno.EAFNOSUPPORT})
"""What the kernel answers where there is no main table yet, or no such family."""
T = TypeVar("T")


class Rtnetlink:
    """Wakes when links, addresses or default routes change, and says how they are."""

    def __init__(self, receive_buffer: int = RECEIVE_BUFFER) -> None:
        """Listens from now on. Raises `DeviceError` where there is no netlink."""
        self._sequences = count(1)
        try:
            self._events = _event_socket(receive_buffer)
            try:
                self._dumps = _dump_socket()
            except OSError:
                self._events.close()
                raise
        except OSError as error:
            raise DeviceError(error.errno, f"network state cannot be heard of: netlink: {error.strerror}") from error

    def fileno(self) -> int:
        """Readable when something happened."""
        return self._events.fileno()

    def hear(self) -> Heard:
        """What has come, without waiting. Raises `DeviceError` when the socket itself has failed."""
        has_mattered = lost = False
        for _ in range(MESSAGES_A_READ):
            try:
                data, (sender, _) = self._events.recvfrom(_DATAGRAM)
            except BlockingIOError:
                return Heard(matters=has_mattered or lost, lost=lost)
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise DeviceError(error.errno, f"netlink: {os.strerror(error.errno or 0)}") from error
                lost = True
                continue
            has_mattered = has_mattered or (sender == 0 and any(map(matters, messages_in(data))))  # 0: the kernel
        return Heard(matters=True, lost=lost, emptied=False)

    def tables(self) -> Tables | None:
        """How everything is now; None where it did not hold still for so long, so that only another look can tell.

        It waits for nobody but the kernel's own lock. Raises `DeviceError` where the kernel does not answer.
        """
        failed: OSError | None = None
        for _ in range(ATTEMPTS):
            try:
                return self._dump()
            except _Changed:
                failed = None
            except OSError as error:  # the kernel was out of memory, and the rest of the answer is still to come
                failed = error
                self._start_over()
        if failed is not None:
            raise DeviceError(failed.errno, f"network state cannot be read: netlink: {failed.strerror}") from failed
        return None

    def deadline(self) -> int | None:
        """None: nothing here has a time of its own."""
        return None

    def refused(self) -> tuple[str, ...]:
        """Nothing."""
        return ()

    def close(self) -> None:
        """Closes both sockets."""
        self._events.close()
        self._dumps.close()

    def _dump(self) -> Tables:
        return Tables(
            links=tuple(self._ask(link_request, links_of)),
            addresses=tuple(self._ask(address_request, addresses_of)),
            routes=tuple(
                dict.fromkeys(
                    route
                    for family in FAMILIES
                    for route in self._ask(partial(route_request, family=family), routes_of)
                )
            ),
        )

    def _ask(self, request: Callable[[int], bytes], told_by: Callable[[Message], Iterator[T]]) -> Iterator[T]:
        number = next(self._sequences)
        is_interrupted = False
        self._dumps.sendto(request(number), (0, 0))
        while True:
            for message in self._answers():
                if message.sequence != number:
                    continue
                is_interrupted = is_interrupted or bool(message.flags & NLM_F_DUMP_INTR)
                if message.type in (NLMSG_DONE, NLMSG_ERROR):  # not before: else the next request is refused
                    _check(message)
                    if is_interrupted:
                        raise _Changed
                    return
                yield from told_by(message)

    def _answers(self) -> Iterator[Message]:
        """The next datagram of a dump: the kernel has it ready as soon as the one before is read."""
        data, _, flags, (sender, _) = self._dumps.recvmsg(_DATAGRAM)
        if flags & socket.MSG_TRUNC:
            raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
        return messages_in(data) if sender == 0 else iter(())

    def _start_over(self) -> None:
        try:
            fresh = _dump_socket()
        except OSError as error:
            raise DeviceError(error.errno, f"network state cannot be read: netlink: {error.strerror}") from error
        self._dumps.close()
        self._dumps = fresh


class _Changed(Exception):
    """The kernel's tables changed while they were read."""


def _check(message: Message) -> None:
    number = message.error()
    if number and number not in _NO_SUCH_TABLE:
        raise OSError(number, os.strerror(number))


def _event_socket(receive_buffer: int) -> socket.socket:
    made = _socket(GROUPS, receive_buffer)
    with suppress(OSError):  # before Linux 5.3 there are none
        made.setsockopt(_SOL_NETLINK, _NETLINK_ADD_MEMBERSHIP, _NEXTHOPS)
    return made


def _dump_socket() -> socket.socket:
    made = _socket(0, RECEIVE_BUFFER)
    with suppress(OSError):  # before Linux 4.20: it tells of all tables, and we leave out the others
        made.setsockopt(_SOL_NETLINK, _NETLINK_GET_STRICT_CHK, 1)
    return made


def _socket(groups: int, receive_buffer: int) -> socket.socket:
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
    try:
        try:
            made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, receive_buffer)
        except PermissionError:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        made.bind((0, groups))
    except OSError:
        made.close()
        raise
    return made

"""Who is at the other end of a connection, and how many connections one user may have. Decides nothing about rights.

Source of the semantics: unix(7), `SO_PEERCRED`; socket(7) and Linux's net/core/sock.c, `SO_PEERGROUPS`. The kernel
took both down when the peer connected; nothing that the peer says about itself is asked for.
"""

import ctypes
import errno
import os
import socket
import struct
from collections import Counter
from typing import Protocol

import msgspec

_CREDENTIALS = struct.Struct("iII")  # struct ucred: pid, uid, gid
_SO_PEERGROUPS = 59  # asm-generic/socket.h; Python has no name for it
_GROUP_BYTES = ctypes.sizeof(ctypes.c_uint32)
_libc = ctypes.CDLL(None, use_errno=True)


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The credentials of a peer. `pid` is 0 where the peer is in another PID namespace; `groups` are supplementary."""

    uid: int
    gid: int
    pid: int
    groups: frozenset[int]


class ConnectedSocket(Protocol):
    """What is needed of a connected Unix socket (asyncio hands out a restricted one)."""

    def fileno(self) -> int:
        """The descriptor."""

    def getsockopt(self, level: int, option: int, length: int, /) -> bytes:
        """An option's value."""


def read_caller(connected: ConnectedSocket) -> Caller:
    """The credentials that the peer of this Unix socket had when it connected.

    Raises `OSError` if the socket is no connected Unix socket.
    """
    pid, uid, gid = _CREDENTIALS.unpack(connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return Caller(uid=uid, gid=gid, pid=pid, groups=_read_groups(connected.fileno()))


def read_uid(connected: ConnectedSocket) -> int:
    """Only the user of `read_caller`, for whom little is to be done."""
    _, uid, _ = _CREDENTIALS.unpack(connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return int(uid)


def _read_groups(descriptor: int) -> frozenset[int]:
    # Through libc, because socket.getsockopt() takes at most 1024 bytes: 256 groups, fewer than a user may have.
    length = ctypes.c_uint32(0)
    if _get_peer_groups(descriptor, None, length) == errno.ERANGE:  # and the kernel wrote how long it is
        groups = (ctypes.c_uint32 * (length.value // _GROUP_BYTES))()
        failed = _get_peer_groups(descriptor, groups, length)
        if failed:
            raise OSError(failed, os.strerror(failed))
        return frozenset(groups)
    return frozenset()


def _get_peer_groups(descriptor: int, groups: "ctypes.Array[ctypes.c_uint32] | None", length: ctypes.c_uint32) -> int:
    failed = _libc.getsockopt(descriptor, socket.SOL_SOCKET, _SO_PEERGROUPS, groups, ctypes.byref(length))
    return ctypes.get_errno() if failed else 0


class ConnectionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How many connections there may be: in all, of those the last few for `privileged` users, and of one other user.

    Root and the service's own user are privileged: they can still look when others have taken all they may.
    """

    in_all: int = 512
    for_privileged: int = 32
    of_one_user: int = 128
    privileged: frozenset[int]


class ConnectionCount:
    """Counts connections by user, and says whether one more may be."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self._limits = limits
        self._by_user: Counter[int] = Counter()

    def admit(self, uid: int) -> bool:
        """Whether this user may have one more connection; if so it counts, until `leave`."""
        limits = self._limits
        total = self._by_user.total()
        if uid in limits.privileged:
            admitted = total < limits.in_all
        else:
            admitted = total < limits.in_all - limits.for_privileged and self._by_user[uid] < limits.of_one_user
        if admitted:
            self._by_user[uid] += 1
        return admitted

    def leave(self, uid: int) -> None:
        """An admitted connection of this user has ended."""
        self._by_user[uid] -= 1
        if not self._by_user[uid]:
            del self._by_user[uid]

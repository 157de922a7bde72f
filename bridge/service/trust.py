"""Opens what a daemon believes: nothing that others could have written, and by no way that others could turn.

Root trusts root's files alone; any other daemon its own user's, and root's. Each directory on the way is opened below
the one before it and looked at once it is open, so nothing can be put in its place meanwhile; links are taken apart and
what they lead to is treated likewise. What a file says is not looked at, and no right is changed.

Source of the semantics: openat(2), path_resolution(7), user_namespaces(7).
"""

import errno
import os
import stat
from collections import deque
from collections.abc import Set
from contextlib import suppress
from pathlib import Path

import msgspec

from bridge.errors import SocketError, StoreError, TrustError

_MOST_LINKS = 40  # path_resolution(7)
_ON_THE_WAY = os.O_PATH | os.O_DIRECTORY
_GROUP_OR_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_NULL = os.makedev(1, 3)  # null(4)


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to trust: owners, for directories on the way some more, and the modes that nothing may have.

    Directories on the way may be writable where they are sticky: nobody can take away there what is another's. Where
    `is_end_shared`, what they lead to may be such a directory as well. `rule` says it in words, as a message ends.
    """

    owners: frozenset[int]
    owners_above: frozenset[int]
    forbidden: int
    rule: str
    is_end_shared: bool = False

    def open(self, path: Path, flags: int) -> int:
        """A descriptor of what is at the path, opened with these flags.

        Raises `TrustError` that says what others could change, and `OSError` where it cannot be opened.
        """
        walk = _Walk(self)
        try:
            return walk.to(path.absolute(), flags)
        finally:
            walk.close()

    def check(self, found: os.stat_result, place: Path, *, is_above: bool) -> None:
        """Looks at a file or directory that is open. Raises `TrustError`."""
        if stat.S_ISCHR(found.st_mode) and found.st_rdev == _NULL:  # a file that is masked
            return
        faults = []
        if found.st_uid not in (self.owners_above if is_above else self.owners):
            faults.append(f"belongs to uid {found.st_uid}")
        may_be_sticky = is_above or self.is_end_shared
        if found.st_mode & self.forbidden and not (may_be_sticky and found.st_mode & stat.S_ISVTX):
            faults.append(f"may be written by others (mode {stat.S_IMODE(found.st_mode):04o})")
        if faults:
            where = f"{place}, which leads to it, " if is_above else ""
            raise TrustError(f"{where}{' and '.join(faults)}: {self.rule}")


def trust_in_files() -> Trust:
    """Whom a daemon that is our own user trusts in what it reads."""
    uid = os.geteuid()
    if uid == 0:
        rule = "what a daemon that is root reads belongs to root, and nobody else may write it"
        return _trust({0}, _GROUP_OR_OTHERS, rule)
    rule = f"what a daemon of uid {uid} reads belongs to that user or to root, and not everybody may write it"
    return _trust({0, uid}, stat.S_IWOTH, rule)


def check_state_directory(directory: Path) -> None:
    """Makes the state directory if it is not there, and looks at it and at the store in it.

    Who could write them could have tasks run as anybody. Raises `StoreError`; where the directory cannot be used at
    all, the store says why.
    """
    uid = os.geteuid()
    trust = _trust({0, uid}, _GROUP_OR_OTHERS, f"what a daemon of uid {uid} keeps is that user's alone to write")
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened = trust.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except TrustError as error:
        raise StoreError(f"{directory}: the state directory: {error}") from error
    except OSError:
        return
    try:
        for name in os.listdir(opened):
            if name.startswith("store."):
                with suppress(FileNotFoundError):  # SQLite takes its log away when the last one closes it
                    found = os.stat(name, dir_fd=opened, follow_symlinks=False)
                    trust.check(found, directory / name, is_above=False)
    except TrustError as error:
        raise StoreError(f"{directory / name}: {error}") from error
    finally:
        os.close(opened)


def check_socket_directory(directory: Path) -> None:
    """Looks at the directory in which the socket is made: who could write it could put another one in its place.

    Raises `SocketError`; where there is no such directory, whoever makes the socket says so.
    """
    owners, forbidden = {0, os.geteuid()}, stat.S_IWOTH if os.geteuid() else _GROUP_OR_OTHERS
    rule = "callers could be sent to another socket"
    try:
        os.close(_trust(owners, forbidden, rule, is_end_shared=True).open(directory, _ON_THE_WAY))
    except TrustError as error:
        raise SocketError(f"{directory}: the socket's directory: {error}") from error
    except OSError:
        return


def _trust(owners: Set[int], forbidden: int, rule: str, *, is_end_shared: bool = False) -> Trust:
    return Trust(
        owners=frozenset(owners),
        owners_above=frozenset(owners) | {0} | _nobody_inside(),
        forbidden=forbidden,
        rule=rule,
        is_end_shared=is_end_shared,
    )


def _nobody_inside() -> frozenset[int]:
    """In a user namespace, the uid that stands for all users outside of it: `/` may be theirs.

    Where it is the uid of a user inside as well, it means nobody else; so it does where the kernel does not tell.
    """
    try:
        overflow = int(Path("/proc/sys/kernel/overflowuid").read_text())
        ranges = Path("/proc/self/uid_map").read_text().splitlines()
    except OSError:
        return frozenset()
    for line in ranges:
        first, _, count = map(int, line.split())
        if first <= overflow < first + count:
            return frozenset()
    return frozenset({overflow})


class _Walk:
    """A walk from `/` downwards, one name at a time. `place` is where it has come to."""

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._directory = -1
        self._place = Path("/")
        self._links = 0

    def to(self, path: Path, flags: int) -> int:
        """Walks to the end of an absolute path, and hands out what is there."""
        pending = deque(path.parts)
        while pending:
            name = pending.popleft()
            try:
                self._step(name, _ON_THE_WAY if pending else flags, is_above=bool(pending))
            except OSError as error:
                if error.errno not in {errno.ELOOP, errno.ENOTDIR}:
                    raise
                target = self._target(name)
                if target is None:
                    raise
                pending.extendleft(reversed(target.parts or (".",)))
        end, self._directory = self._directory, -1
        return end

    def _step(self, name: str, flags: int, *, is_above: bool) -> None:
        opened = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._directory)
        place = self._place.parent if name == ".." else self._place / name
        try:
            self._trust.check(os.fstat(opened), place, is_above=is_above)
        except TrustError:
            os.close(opened)
            raise
        self.close()
        self._directory, self._place = opened, place

    def _target(self, name: str) -> Path | None:
        """Where the link of this name leads, or None if it is none.

        Who owns it cannot be taken away from it once it was looked at: its directory is one that was trusted.
        """
        found = os.stat(name, dir_fd=self._directory, follow_symlinks=False)
        if not stat.S_ISLNK(found.st_mode):
            return None
        self._links += 1
        if self._links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if found.st_uid not in self._trust.owners_above:
            raise TrustError(f"the link {self._place / name} belongs to uid {found.st_uid}: {self._trust.rule}")
        return Path(os.readlink(name, dir_fd=self._directory))

    def close(self) -> None:
        """Lets go of where it is."""
        if self._directory != -1:
            os.close(self._directory)
            self._directory = -1

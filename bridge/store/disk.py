"""The files of a state directory: whose it is, the database, the room kept in reserve. Nothing here opens the database.

The reserve is a file that is there to be removed: on a full disk what was accepted before can still be written then.
"""

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

from bridge.errors import StoreError

_PAGE = 4096
RESERVE = 2 * 1024 * 1024
"""Bytes: as much as the database may grow by when its WAL is carried over, and some."""
LEAST_DISK = 4 * 1024 * 1024
"""Bytes; a smaller one has no room for the reserve, which is said."""
MOST_SET_ASIDE = 3
_MAGIC = b"SQLite format 3\0"


class Reserve:
    """A file with `size` bytes of room; less on a disk that is small itself."""

    def __init__(self, path: Path, size: int = RESERVE) -> None:
        self.path = path
        disk = disk_size(path.parent)
        self._size = min(size, disk // 16 // _PAGE * _PAGE) if disk >= LEAST_DISK else size

    @property
    def stands(self) -> bool:
        """Whether the room is there."""
        try:
            return self.path.stat().st_size == self._size
        except OSError:
            return False

    @property
    def has_room(self) -> bool:
        """Whether it stands, or could: as much is to be left beside it."""
        if self.stands:
            return True
        try:
            left = os.statvfs(self.path.parent)
        except OSError:
            return False
        return left.f_bavail * left.f_frsize >= 2 * self._size

    @property
    def shortage(self) -> str:
        """What to say where it does not stand."""
        return f"{self.path}: there is no room for it on the disk"

    def give(self) -> bool:
        """Lets the room go, to be used; whether there was some."""
        try:
            self.path.unlink()
        except OSError:
            return False
        return True

    def restore(self) -> bool:
        """Takes the room again, if as much is left beside it; whether it stands."""
        if self.stands:
            return True
        if not self.has_room:
            return False
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self._size)
            finally:
                os.close(descriptor)
        except OSError:
            self.give()
            return False
        return True


def disk_size(directory: Path) -> int:
    """How many bytes the disk has that holds a directory; where nobody says, more than any limit."""
    try:
        disk = os.statvfs(directory)
    except OSError:
        return 1 << 62
    return disk.f_blocks * disk.f_frsize


class StateDirectory:
    """A directory that no other daemon uses, and the names in it.

    Raises `StoreError`, naming it, if it cannot be made, locked or written to.
    """

    def __init__(self, directory: Path) -> None:
        self._lock = _locked(directory)
        self.path = directory / "store.db"
        self.wal = directory / "store.db-wal"
        self.reserve = Reserve(directory / "store.reserve")
        self._old = directory / "start-states.db"
        self._inode = 0

    @property
    def has_database(self) -> bool:
        """Whether there is something to read."""
        return self.path.exists() or self._old.exists()

    def take_over(self) -> None:
        """Gives the file of the first version the name of today; cut short, it is done the next time."""
        if self.path.exists() or not self._old.exists():
            return
        for ending in ("-wal", ""):  # in this order: a WAL without its database is of no harm
            with suppress(FileNotFoundError):
                os.rename(f"{self._old}{ending}", f"{self.path}{ending}")
        with suppress(FileNotFoundError):
            os.unlink(f"{self._old}-shm")

    @property
    def is_foreign(self) -> bool:
        """Whether the file does not even begin as a database does: of a few bytes, SQLite would make a new one."""
        try:
            with self.path.open("rb") as file:
                return file.read(len(_MAGIC)) not in {b"", _MAGIC}
        except FileNotFoundError:
            return False

    @property
    def former(self) -> str:
        """What shows that there was a database where there is an empty file now, or nothing."""
        if not self.path.is_file() or self.path.stat().st_size:
            return ""
        if self.wal_size():
            return self.wal.name
        beside = [self.reserve.path, *self.path.parent.glob("store.db.damaged-*")]
        return next((path.name for path in beside if path.exists()), "")

    def opened(self) -> None:
        """The database is open now."""
        self._inode = self.path.stat().st_ino

    @property
    def is_gone(self) -> bool:
        """Whether the database that was opened has no name any more, so that nobody will find it again."""
        try:
            return self.path.stat().st_ino != self._inode
        except OSError:
            return True

    def room(self) -> int:
        """How many bytes are left on the disk."""
        left = os.fstatvfs(self._lock)
        return left.f_bavail * left.f_frsize

    def wal_size(self) -> int:
        """How many bytes the WAL has."""
        try:
            return self.wal.stat().st_size
        except OSError:
            return 0

    def set_aside(self) -> Path | None:
        """Gives a damaged database another name, which is returned; only the newest few are left."""
        endings = [path.name.rpartition("-")[2] for path in self.path.parent.glob("store.db.damaged-*")]
        numbers = sorted(int(ending) for ending in endings if ending.isdecimal())
        for number in numbers[: len(numbers) - MOST_SET_ASIDE + 1]:
            for ending in ("-wal", ""):
                Path(f"{self._damaged(number)}{ending}").unlink(missing_ok=True)
        aside = self._damaged(numbers[-1] + 1 if numbers else 1)
        with suppress(FileNotFoundError):
            os.rename(self.wal, f"{aside}-wal")
        try:
            os.rename(self.path, aside)
        except FileNotFoundError:
            return None
        return aside

    def _damaged(self, number: int) -> Path:
        return self.path.with_name(f"store.db.damaged-{number}")

    def close(self) -> None:
        """Lets go of the directory."""
        os.close(self._lock)


def _locked(directory: Path) -> int:
    """The directory, made if it is not there, and locked (flock(2)) until the descriptor is closed."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        advice = _ADVICE if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM} else ""
        raise StoreError(f"{directory}: the state directory cannot be used: {error.strerror}{advice}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.access(directory, os.W_OK | os.X_OK):
            raise StoreError(f"{directory}: the state directory cannot be written to{_ADVICE}")
    except BlockingIOError as error:
        os.close(descriptor)
        raise StoreError(f"{directory}: another daemon uses this state directory") from error
    except StoreError:
        os.close(descriptor)
        raise
    return descriptor


_ADVICE = '; to keep nothing over a restart, set durability = "memory" in [store] of hwbridge.toml'

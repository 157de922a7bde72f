"""The listening socket of the API: its path, and what may be in the way of it. Serves nobody.

One daemon holds a path: it locks `PATH.lock` for as long as it lives, so that of two that start at once one is refused
and a socket that a dead daemon left behind is replaced by one only. The lock's file stays: were it removed, two daemons
could hold locks on two files of that name.

Source of the semantics: unix(7), flock(2).
"""

import fcntl
import os
import socket
import stat
from enum import Enum
from pathlib import Path

from bridge.errors import SocketError

MOST_PATH_BYTES = 107  # sun_path has 108 bytes, the last one is NUL
DIRECTORY_MODE = 0o755
SOCKET_MODE = 0o666  # who may do what is decided call by call, by the caller's credentials
BACKLOG = 128  # who connects waits behind so many, whoever they are
_LOCK_MODE = 0o600


class _Found(Enum):
    NOTHING = "nothing"
    OUR_DEAD_SOCKET = "a socket of ours that nobody answers"


class ListeningSocket:
    """A socket that listens at its path, and the lock on that path."""

    def __init__(self, path: Path, listening: socket.socket, lock: int) -> None:
        self.path = path
        self.socket = listening
        self._lock = lock
        self._inode = path.lstat().st_ino

    def close(self) -> None:
        """Removes the socket, unless another one has taken its place, and lets go of the path."""
        try:
            if self.path.lstat().st_ino == self._inode:
                self.path.unlink()
        except FileNotFoundError:
            pass
        self.socket.close()
        os.close(self._lock)


def make_socket_directory(directory: Path) -> None:
    """Makes the directory of a default socket path, so that everybody can reach the socket in it.

    Its parent must exist. A directory that is there already stays as it is. Raises `SocketError`.
    """
    try:
        directory.mkdir()
        directory.chmod(DIRECTORY_MODE)  # mkdir's own mode would be cut by the umask
    except FileExistsError:
        if not directory.is_dir():
            raise SocketError(f"{directory}: in the way of the socket's directory, and no directory") from None
    except OSError as error:
        raise SocketError(f"{directory}: cannot make the socket's directory: {error.strerror}") from error


def open_socket(path: Path) -> ListeningSocket:
    """A socket that listens at this path, which anybody may connect to.

    A socket that a dead daemon of our own user left there is replaced. Raises `SocketError`, naming the path: it is
    too long, somebody answers there, something else is in the way, or the directory is missing or not ours to write.
    """
    length = len(os.fsencode(path))
    if length > MOST_PATH_BYTES:
        raise SocketError(f"{path}: a socket's path has at most {MOST_PATH_BYTES} bytes, this one has {length}")
    _look(path)  # before anything is written: beside a path given by mistake, not even a lock's file is made
    lock = _lock(path)
    try:
        if _look(path) is _Found.OUR_DEAD_SOCKET:
            path.unlink()
        return ListeningSocket(path, _listen(path), lock)
    except BaseException:
        os.close(lock)
        raise


def _look(path: Path) -> _Found:
    """What is at the path. Raises `SocketError` if it may not be replaced."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return _Found.NOTHING
    except OSError as error:
        raise SocketError(f"{path}: {error.strerror}") from error
    if not stat.S_ISSOCK(found.st_mode):
        raise SocketError(f"{path}: in the way of the socket, and no socket itself")
    if found.st_uid != os.geteuid():
        raise SocketError(f"{path}: a socket of uid {found.st_uid} is in the way")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            return _Found.OUR_DEAD_SOCKET
        except FileNotFoundError:
            return _Found.NOTHING
        except BlockingIOError:
            pass  # alive: its queue of connections is full
        except OSError as error:
            raise SocketError(f"{path}: in the way of the socket: {error.strerror}") from error
    raise SocketError(f"{path}: taken: a program answers there")


def _lock(path: Path) -> int:
    file = f"{path}.lock"
    try:
        lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, _LOCK_MODE)
    except FileNotFoundError as error:
        raise SocketError(f"{path}: the directory {path.parent} does not exist") from error
    except OSError as error:
        raise SocketError(f"{path}: cannot make the lock {file}: {error.strerror}") from error
    try:
        if os.fstat(lock).st_uid != os.geteuid():
            raise SocketError(f"{path}: the lock {file} belongs to uid {os.fstat(lock).st_uid}")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise SocketError(f"{path}: taken: another daemon holds the lock {file}") from error
    except BaseException:
        os.close(lock)
        raise
    return lock


def _listen(path: Path) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # The mode comes by the umask, not by chmod(2): that would follow whatever has taken the socket's place meanwhile.
    umask = os.umask(0o777 & ~SOCKET_MODE)
    try:
        listening.setblocking(False)
        listening.bind(os.fspath(path))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise SocketError(f"{path}: cannot listen: {error.strerror}") from error
    finally:
        os.umask(umask)
    return listening

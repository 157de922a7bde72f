"""Reads the `*.toml` files of rules and tasks directories. What is in them is for others to say.

How a path is opened is handed in: a daemon opens only what it may trust, who only checks or replays opens anything.
"""

import os
import stat
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from bridge.errors import TrustError
from bridge.toml.document import SIZE_LIMIT, Document, Problem, parse

Opening = Callable[[Path, int], int]
"""Opens a path with flags of open(2), as a descriptor. Raises `OSError`, or `TrustError` for what it does not trust."""


def open_anything(path: Path, flags: int) -> int:
    """Opens it whosever it is, for programs that run nothing of what they read."""
    return os.open(path, flags | os.O_CLOEXEC)


def read_directories(directories: Sequence[Path], opening: Opening = open_anything) -> list[Document]:
    """The `*.toml` files of these directories, in the order of their names.

    A file in an earlier directory masks those of the same name in later ones (a link to /dev/null disables them).
    A directory that is not there has no files.
    """
    found: dict[str, Path] = {}
    unreadable: list[Document] = []
    for directory in directories:
        try:
            names = _list(directory, opening)
        except FileNotFoundError:
            continue
        except OSError as error:
            unreadable.append(_unreadable(directory, error))
            continue
        for name in names:
            if name.endswith(".toml") and not name.startswith("."):
                found.setdefault(name, directory / name)
    return [*unreadable, *(read_file(found[name], opening) for name in sorted(found))]


def _list(directory: Path, opening: Opening) -> list[str]:
    descriptor = opening(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return os.listdir(descriptor)
    finally:
        os.close(descriptor)


def read_given(paths: Iterable[Path], opening: Opening = open_anything) -> list[Document]:
    """The files that somebody named, and those of the directories that they named; what is not there is a problem."""
    documents: list[Document] = []
    for path in dict.fromkeys(paths):
        try:
            is_directory = stat.S_ISDIR(os.stat(path).st_mode)
        except OSError as error:
            documents.append(_unreadable(path, error))
            continue
        documents += read_directories([path], opening) if is_directory else [read_file(path, opening)]
    return documents


def read_file(path: Path, opening: Opening = open_anything) -> Document:
    """One file as a document; a file that cannot be read is a document with that problem."""
    try:
        # O_NONBLOCK: opening a FIFO that somebody left there must not stop us
        descriptor = opening(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        return _unreadable(path, error)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) and found.st_rdev != os.stat(os.devnull).st_rdev:
        os.close(descriptor)
        return _problem(path, "is not a regular file")
    with open(descriptor, "rb") as file:
        try:
            return parse(str(path), file.read(SIZE_LIMIT + 1))
        except OSError as error:
            return _unreadable(path, error)


def _unreadable(path: Path, error: OSError) -> Document:
    return _problem(path, str(error) if isinstance(error, TrustError) else f"cannot be read: {error.strerror}")


def _problem(path: Path, message: str) -> Document:
    return Document(file=str(path), problems=(Problem(file=str(path), line=1, message=message),))

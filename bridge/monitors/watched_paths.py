"""Paths that are watched, whatever is done to what is there: a link turned, a file renamed over, copied, deleted.

Nothing here reads what a file holds, or says what became of it: who is told of a path looks at it. What inotify(7)
does not see stays unseen: mounts, and a file that is written through another name of it.
"""

import ctypes
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import inotify_simple
from inotify_simple import INotify, flags

from bridge.errors import DeviceError

_OF_ITSELF = flags.DELETE_SELF | flags.MOVE_SELF | flags.ONLYDIR
_OF_CONTENT = (
    flags.CREATE | flags.DELETE | flags.MOVED_FROM | flags.MOVED_TO | flags.CLOSE_WRITE | flags.ATTRIB | _OF_ITSELF
)
_MOST_LINKS = 40  # as many as Linux follows: path_resolution(7)
_ATTEMPTS = 10
Chain = Mapping[str, frozenset[str]]
"""The directories that a path leads through, none of which is a link, and what in each may lead elsewhere later."""

inotify_simple._libc = ctypes.CDLL(None, use_errno=True)  # or else it starts ldconfig, to find the one we have


@dataclass(frozen=True, slots=True)
class Changes:
    """The paths to be looked at again; with `lost` these are all, because the kernel could not queue what came."""

    paths: frozenset[Path] = frozenset()
    lost: bool = False


class WatchedPaths:
    """Watches absolute paths, which need not be there, by watching the directories that they lead through.

    A directory in which only one name matters is watched whole, as inotify has it: others' files there wake us too, but
    are not told. Raises `DeviceError` where the kernel has no inotify instance left.

        watched = WatchedPaths([Path("/etc/localtime")])
        look_at(Path("/etc/localtime"))  # after it is watched, so that nothing falls between
        ...
        for path in watched.read().paths: look_at(path)
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        """Watches them from now on."""
        try:
            self._inotify = INotify(nonblocking=True)
        except OSError as error:
            remedy = "sysctl fs.inotify.max_user_instances has how many a user may have"
            raise DeviceError(error.errno, f"files cannot be watched: {error.strerror}; {remedy}") from error
        self._chains: dict[Path, Chain] = {path: {} for path in paths}
        self._directories: dict[int, set[str]] = {}
        self._refused: dict[str, str] = {}
        self._follow()

    @property
    def refused(self) -> tuple[str, ...]:
        """The directories that cannot be watched, each with the reason."""
        return tuple(f"{directory} cannot be watched: {why}" for directory, why in sorted(self._refused.items()))

    def fileno(self) -> int:
        """Readable when something has come, which `read` may find to be nothing."""
        return int(self._inotify.fileno())

    def read(self) -> Changes:
        """The paths of which something was done since the last call, without waiting."""
        changed: set[Path] = set()
        lost = False
        for descriptor, mask, _, name in self._inotify.read(timeout=0):
            lost = lost or bool(mask & flags.Q_OVERFLOW)
            for directory in self._directories.get(descriptor, ()):
                changed.update(self._led_through(directory, name))
        if changed or lost:
            self._follow()
        return Changes(frozenset(self._chains) if lost else frozenset(changed), lost)

    def close(self) -> None:
        """Watches nothing any more; its descriptor is closed."""
        self._inotify.close()

    def _led_through(self, directory: str, name: str) -> Iterator[Path]:
        """The paths that this name there matters to; without a name, it is the directory itself that is gone."""
        for path, chain in self._chains.items():
            if directory in chain and (not name or name in chain[directory]):
                yield path

    def _follow(self) -> None:
        """Watches where the paths lead now; once more, if they led elsewhere before that was watched."""
        for _ in range(_ATTEMPTS):
            self._chains = {path: chain_of(path) for path in self._chains}
            self._watch()
            if all(chain_of(path) == chain for path, chain in self._chains.items()):
                return

    def _watch(self) -> None:
        before, self._directories, self._refused = self._directories, {}, {}
        masks: dict[str, int] = {}
        for chain in self._chains.values():
            for directory, names in chain.items():
                masks[directory] = masks.get(directory, 0) | (_OF_CONTENT if names else _OF_ITSELF)
        for directory, mask in masks.items():
            self._watch_directory(directory, mask)
        for gone in before.keys() - self._directories.keys():
            self._forget(gone)

    def _watch_directory(self, directory: str, mask: int) -> None:
        try:
            descriptor = self._inotify.add_watch(directory, mask)
            if descriptor in self._directories:  # the same one, mounted at a second place: what both ask for
                self._inotify.add_watch(directory, mask | flags.MASK_ADD)
        except FileNotFoundError:  # gone meanwhile: `_follow` comes again
            return
        except OSError as error:
            if mask != _OF_ITSELF:  # to pass through, it needs not be readable
                self._refused[directory] = error.strerror or str(error)
            return
        self._directories.setdefault(descriptor, set()).add(directory)

    def _forget(self, descriptor: int) -> None:
        try:
            self._inotify.rm_watch(descriptor)
        except OSError:  # its directory is gone, and the watch with it
            return


def chain_of(path: Path) -> Chain:
    """The directories that a path leads through now, through links too, up to the first thing that is not there."""
    chain: dict[str, frozenset[str]] = {}
    directory, links = "/", 0
    left = [*reversed(path.parts[1:])]
    while left and links < _MOST_LINKS:
        name = left.pop()
        if name == "..":
            directory = os.path.dirname(directory)
            continue
        here = os.path.join(directory, name)
        try:
            kind = stat.S_IFMT(os.lstat(here).st_mode)
        except OSError:  # not there, or not to be seen
            kind = 0
        leads_on = kind == stat.S_IFDIR and bool(left)
        chain[directory] = chain.get(directory, frozenset()) | (frozenset() if leads_on else {name})
        if kind == stat.S_IFLNK:
            target = Path(_target(here))
            links += 1
            directory = "/" if target.is_absolute() else directory
            left += reversed(target.parts[1:] if target.is_absolute() else target.parts)
        elif leads_on:
            directory = here
        else:
            break
    return chain


def _target(link: str) -> str:
    try:
        return os.readlink(link)
    except OSError:  # no link any more: `_follow` sees that it leads elsewhere
        return ""

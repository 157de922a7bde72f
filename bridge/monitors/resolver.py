"""Which name servers the machine has, watched: /etc/resolv.conf and, behind it, systemd-resolved's. It asks none.

Files are read again whenever something was done to them or to the links that lead to them.
"""

from pathlib import Path

from bridge.monitors.network_part import Heard
from bridge.monitors.regular_file import read_regular
from bridge.monitors.watched_paths import WatchedPaths
from bridge.sources.network_state import Resolver
from bridge.sources.resolver import asks_resolved, resolver_of

RESOLV_CONF = Path("/etc/resolv.conf")
OF_RESOLVED = Path("/run/systemd/resolve/resolv.conf")
"""The name servers that systemd-resolved asks; in /etc/resolv.conf is mostly only itself: systemd-resolved(8)."""
_MOST_BYTES = 64 << 10


class ResolverFiles:
    """The files, watched from now on. Raises `DeviceError` where the kernel has no inotify instance left."""

    def __init__(self) -> None:
        """Watches them."""
        self._watched = WatchedPaths((RESOLV_CONF, OF_RESOLVED))

    def fileno(self) -> int:
        """Readable when `hear` is to be called."""
        return self._watched.fileno()

    def hear(self) -> Heard:
        """Whether something was done to the files, and whether the kernel could not say all of it."""
        changes = self._watched.read()
        return Heard(matters=bool(changes.paths) or changes.lost, lost=changes.lost)

    def deadline(self) -> int | None:
        """None: nothing here has a time of its own."""
        return None

    def refused(self) -> tuple[str, ...]:
        """What cannot be watched."""
        return self._watched.refused

    def resolver(self) -> Resolver:
        """What the files say now; one that cannot be read, or is no file, says nothing."""
        resolver = resolver_of(_text_of(RESOLV_CONF))
        return resolver_of(_text_of(OF_RESOLVED)) if asks_resolved(resolver) else resolver

    def close(self) -> None:
        """Watches nothing any more."""
        self._watched.close()


def _text_of(path: Path) -> str:
    try:
        return read_regular(path, _MOST_BYTES).decode(errors="backslashreplace")
    except OSError:
        return ""

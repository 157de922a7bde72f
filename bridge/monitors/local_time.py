"""What the machine says of its zone: where /etc/localtime leads, what it holds, what it is called. It keeps nothing.

The rules are those of localtime(5); /etc/timezone, which Debian has beside it, only helps to find the name.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bridge.monitors.regular_file import read_regular
from bridge.sources.device_fields import readable
from bridge.sources.time_zone import UNKNOWN, name_in

_MOST_LINKS = 40
_LARGEST = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*")
_NO_ZONES = frozenset({"localtime", "posixrules", "posix", "right"})
"""In a directory of zones: what leads back to /etc/localtime, and the same zones once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalTime:
    """The zone file in force, and the name of its zone; without content it is UTC, and `refused` may say why."""

    name: str
    content: bytes
    refused: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ZonePlaces:
    """Where a machine has its zone, the zone's name, and the zones that there are."""

    localtime: Path = Path("/etc/localtime")
    timezone: Path = Path("/etc/timezone")
    zones: Path = Path("/usr/share/zoneinfo")


def read_local_time(places: ZonePlaces) -> LocalTime:
    """How it is now."""
    linked = next((name for name in map(name_in, _links(places.localtime)) if name is not None), None)
    try:
        content = read_regular(places.localtime, _LARGEST)
    except FileNotFoundError:
        if not places.localtime.is_symlink():
            return LocalTime(name="UTC", content=b"")
        refused = f"{places.localtime} leads to {os.readlink(places.localtime)}, which is not there: UTC holds"
        return LocalTime(name=readable(linked or UNKNOWN), content=b"", refused=refused)
    except OSError as error:
        refused = f"{places.localtime} cannot be read: {error.strerror}"
        return LocalTime(name=readable(linked or UNKNOWN), content=b"", refused=refused)
    return LocalTime(name=readable(linked or _name_of(content, places)), content=content)


def _links(path: Path) -> Iterator[str]:
    """Where a link leads, and if that is a link, where that one leads, and so on."""
    here = str(path)
    for _ in range(_MOST_LINKS):
        try:
            target = os.readlink(here)
        except OSError:
            return
        here = os.path.join(os.path.dirname(here), target)
        yield os.path.normpath(here)


def _name_of(content: bytes, places: ZonePlaces) -> str:
    """The name of a zone that was copied: what /etc/timezone says, unless that zone is known to be another one."""
    said = _said(places.timezone)
    if said is not None:
        try:
            is_so = read_regular(places.zones / said, _LARGEST) == content
        except OSError:  # nobody can tell: the machine has no zones beside its own
            is_so = True
        if is_so:
            return said
    return min(_alike(content, places.zones), default=(False, False, UNKNOWN))[2]


def _said(timezone: Path) -> str | None:
    try:
        named = _NAME.fullmatch(read_regular(timezone, _LARGEST).decode(errors="replace").strip())
    except OSError:
        return None
    return named[0] if named is not None else None


def _alike(content: bytes, zones: Path) -> Iterator[tuple[bool, bool, str]]:
    """The zones of the same content, to be sorted: a file before a link, and `Area/City` before a short name."""
    for folder, folders, files in os.walk(zones):
        if Path(folder) == zones:
            folders[:] = [each for each in folders if each not in _NO_ZONES]
            files = [each for each in files if each not in _NO_ZONES]
        for file in files:
            path = Path(folder, file)
            try:
                if path.stat().st_size == len(content) and read_regular(path, _LARGEST) == content:
                    name = str(path.relative_to(zones))
                    yield path.is_symlink(), "/" not in name, name
            except OSError:  # a link that leads nowhere
                continue

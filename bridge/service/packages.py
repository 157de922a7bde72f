"""Which package a file or a Python module is of, and its version: by the files of dpkg and of pip. None of them is run.

Nothing is installed or changed here. A package that is half installed has no version yet, and other package managers
are not known.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import msgspec

from bridge.model.packages import PackageVersion
from bridge.monitors.regular_file import read_regular

DPKG = Path("/var/lib/dpkg")
_LARGEST = 64 << 20
_INSTALLED = re.compile(r"^Status: \S+ ok installed$", re.MULTILINE)
_FIELD = re.compile(r"^(Package|Architecture|Version): (\S+)$", re.MULTILINE)
_DISTRIBUTION = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)\.dist-info")


class Dpkg(msgspec.Struct, frozen=True):
    """The database of dpkg in this directory, which need not be there: dpkg(1), deb(5)."""

    folder: Path = DPKG

    @property
    def status(self) -> Path:
        """The file that dpkg replaces whenever it has installed something."""
        return self.folder / "status"

    def written(self) -> tuple[int, int] | None:
        """What tells this writing of `status` from every other; None while there is none."""
        try:
            found = self.status.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    def owners(self, paths: Collection[str]) -> Mapping[str, PackageVersion]:
        """Of these absolute paths, those that belong to a package that is wholly installed."""
        names = {os.fsencode(spelling): path for path in paths for spelling in _spellings(path)}
        owned: dict[str, str] = {}
        for listed in sorted(self.folder.glob("info/*.list")):
            for line in names.keys() & set(_read(listed).splitlines()):
                owned[names[line]] = listed.name.removesuffix(".list")
        versions = self._versions() if owned else {}
        return {path: versions[name] for path, name in owned.items() if name in versions}

    def _versions(self) -> Mapping[str, PackageVersion]:
        """The packages by the names that their lists have: with `:ARCHITECTURE` where several may be installed."""
        found = {}
        for stanza in _read(self.status).decode(errors="replace").split("\n\n"):
            fields = dict(_FIELD.findall(stanza))
            if _INSTALLED.search(stanza) and "Package" in fields and "Version" in fields:
                package = PackageVersion(fields["Package"], fields["Version"])
                found[package.package] = found[f"{package.package}:{fields.get('Architecture')}"] = package
        return found


def distribution_of(module: str, path: Collection[str]) -> PackageVersion | None:
    """The distribution that pip installed into one of these directories, and that has the module.

    Of its files only the list is looked at, which need not be believed: name and version are those of its directory.
    """
    place = module.replace(".", "/").encode()
    wanted = (place + b".py,", place + b"/__init__.py,")
    for folder in path:
        for listed in sorted(_entries(folder)):
            named = _DISTRIBUTION.fullmatch(listed)
            if named is not None and any(
                line.startswith(wanted) for line in _read(Path(folder, listed, "RECORD")).splitlines()
            ):
                return PackageVersion(named["name"], named["version"])
    return None


def _entries(folder: str) -> Iterator[str]:
    try:
        yield from os.listdir(folder)
    except OSError:  # a part of the path that is no directory, as an archive
        return


def _spellings(path: str) -> Iterator[str]:
    """The path as a package may have it: through links, and before /bin and /lib were joined with those of /usr."""
    for each in dict.fromkeys((path, os.path.realpath(path))):
        yield each
        yield each.removeprefix("/usr") if each.startswith("/usr/") else f"/usr{each}"


def _read(path: Path) -> bytes:
    """What a file holds; nothing where it cannot be read. It may be in a directory of anybody's."""
    try:
        return read_regular(path, _LARGEST, more_flags=os.O_NOFOLLOW)
    except OSError:
        return b""

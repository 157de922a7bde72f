"""A package that brought a task, and its version. Nothing here knows who installs packages, or compares versions.

Of two versions it matters only that they are not the same: one may go back to an older one, too.
"""

import msgspec


class PackageVersion(msgspec.Struct, frozen=True):
    """The version of a package as its package manager writes it.

    >>> str(PackageVersion("fabrikam", "1.2-3"))
    'fabrikam 1.2-3'
    """

    package: str
    version: str

    def __str__(self) -> str:
        return f"{self.package} {self.version}"

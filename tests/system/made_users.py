"""Runs a test where there are users and groups that useradd(8) made, in an /etc that is there for this test alone."""

import functools
import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from daemon import User
from namespace import run_child, run_test

GROUP = "hwbridge"
USERS = {
    "primary": ("--gid", GROUP),
    "supplementary": ("--user-group", "--groups", GROUP),
    "outsider": ("--user-group",),
    "allowed": ("--user-group",),
}
"""By their names, how they are made: two are members of the group, in different ways, two are not."""
UNSHARE = ("unshare", "--mount")


def among_made_users(test: Callable[[], None]) -> Callable[[], None]:
    """The test, run by a child that is root and has its own /etc; skipped where that is not permitted."""

    @functools.wraps(test)
    def outside() -> None:
        if os.geteuid() != 0:
            pytest.skip("needs root: only root can become another user")
        module = sys.modules[test.__module__].__file__
        assert module is not None
        run_child([*UNSHARE, sys.executable, "-W", "error", __file__, module, test.__name__])

    return outside


def user(name: str) -> User:
    """The rights that a login of this user would have."""
    found = pwd.getpwnam(name)
    return User(uid=found.pw_uid, gid=found.pw_gid, groups=tuple(os.getgrouplist(name, found.pw_gid)))


def _make_users(folder: Path) -> None:
    for command in (
        ["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", str(folder)],
        ["cp", "--archive", "/etc/.", str(folder)],
        ["mount", "--bind", str(folder), "/etc"],
        ["groupadd", "--force", GROUP],
        *(["useradd", "--no-create-home", *options, name] for name, options in USERS.items()),
    ):
        subprocess.run(command, check=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        _make_users(Path(made))
        try:
            run_test(*sys.argv[1:])
        finally:
            subprocess.run(["umount", "--lazy", made], check=True)

"""Runs a test in namespaces of its own (user, network, mounts), where it is root and may break nothing.

There `/run` is empty, a udevd seems to run (`/run/udev/control`), and `/sys` shows the namespace's own network devices.
"""

import functools
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

UNSHARE = ("unshare", "--user", "--map-root-user", "--net", "--mount")
MOUNTS = ("mount -t tmpfs tmpfs /run", "mount -t sysfs sysfs /sys")
DEADLINE_SECONDS = 100


def in_namespace(test: Callable[[], None]) -> Callable[[], None]:
    """The test, run by a child inside; skipped where namespaces are not permitted, with the reason."""

    @functools.wraps(test)
    def outside() -> None:
        if reason := why_not():
            pytest.skip(reason)
        module = sys.modules[test.__module__].__file__
        assert module is not None
        run_child([*UNSHARE, sys.executable, "-W", "error", __file__, module, test.__name__])

    return outside


def run_child(command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    """Runs a test as a child, which has to end well and in time; else it is killed, with the processes that it made."""
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        start_new_session=True,
    ) as child:
        try:
            said, _ = child.communicate(timeout=DEADLINE_SECONDS)
        except BaseException:
            os.killpg(child.pid, signal.SIGKILL)
            raise
    assert child.returncode == 0, said


@functools.cache
def why_not() -> str | None:
    """Why there can be no namespaces here, if so."""
    if shutil.which(UNSHARE[0]) is None:
        return "unshare (util-linux) is not installed"
    tried = subprocess.run([*UNSHARE, "sh", "-c", " && ".join(MOUNTS)], capture_output=True, text=True, check=False)
    return f"{' '.join(UNSHARE)} with mounts is not permitted: {tried.stderr.strip()}" if tried.returncode else None


def settle_in() -> None:
    """What a process does first inside: its own `/run` and `/sys`, and a udevd that seems to run."""
    for mount in MOUNTS:
        subprocess.run(mount.split(), check=True)
    Path("/run/udev").mkdir()
    Path("/run/udev/control").touch()


def _inside(module: str, name: str) -> None:
    settle_in()
    run_test(module, name)


def run_test(module: str, name: str) -> None:
    """Runs a test of this file that a decorator such as `in_namespace` has wrapped."""
    sys.path.insert(0, str(Path(module).parent))
    found = importlib.util.spec_from_file_location(Path(module).stem, module)
    assert found is not None
    assert found.loader is not None
    loaded = importlib.util.module_from_spec(found)
    sys.modules[loaded.__name__] = loaded
    found.loader.exec_module(loaded)
    getattr(loaded, name).__wrapped__()


if __name__ == "__main__":
    _inside(*sys.argv[1:])

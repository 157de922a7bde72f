"""A systemd of a test's own, as the first process of its own namespaces: units, journal, control groups, in seconds.

It boots no machine: but for the units that it is given and journald's, nothing is started, and nothing of this machine
is changed.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from daemon import ROOT

from bridge.hosts.cgroups import folder_of, membership

SECONDS = 100
SYSTEMD = next((path for path in ("/usr/lib/systemd/systemd", "/lib/systemd/systemd") if Path(path).exists()), None)
NAMESPACES = ("--mount", "--pid", "--cgroup", "--uts", "--ipc", "--net", "--fork", "--mount-proc", "--kill-child")
EMPTY = ("sysinit.target", "basic.target", "shutdown.target", "sockets.target", "nss-user-lookup.target")
"""Targets that units are ordered by; here there is nothing else to order."""
JOURNAL = ("systemd-journald.service", "systemd-journald.socket", "systemd-journald-dev-log.socket")
STEPS = """
[Unit]
DefaultDependencies=no
Wants=systemd-journald.service hwbridge.socket
After=systemd-journald.service hwbridge.socket
[Service]
Type=oneshot
ExecStart=/bin/sh /tmp/steps
ExecStopPost=/usr/bin/systemctl --force exit
StandardOutput=file:/tmp/steps.log
StandardError=inherit
"""
STEP = """
step() { name=$1; shift; "$@" >"/tmp/said/$name" 2>&1; echo $? >"/tmp/code/$name"; }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a step of the script printed, and how it ended."""

    said: str
    code: int


def boot(folder: Path, units: Mapping[str, str], etc: Mapping[str, str], script: str) -> dict[str, Step]:
    """Boots, runs the shell script in a service, and returns its steps by name: lines `step NAME COMMAND...`.

    `units` and `etc` are files by their names below /run/units and /etc. Skips the test where this cannot be.
    """
    for name in ("said", "code", "units", "etc"):
        (folder / name).mkdir()
    targets = dict.fromkeys(EMPTY, "[Unit]\nDefaultDependencies=no\n")
    first = {"test.target": "[Unit]\nDefaultDependencies=no\nWants=steps.service\n", "steps.service": STEPS}
    _write(folder / "units", {**targets, **first, **_systems_own(), **units})
    _write(folder / "etc", etc)
    (folder / "steps").write_text(STEP + script)
    said = _run(folder)
    steps = {
        path.name: Step(said=path.read_text(errors="replace"), code=int((folder / "code" / path.name).read_text()))
        for path in (folder / "said").iterdir()
        if (folder / "code" / path.name).exists()
    }
    assert "end" in steps, f"{said}\n{steps}"
    return steps


def _systems_own() -> dict[str, str]:
    if SYSTEMD is None:
        pytest.skip("systemd is not installed: apt-get install systemd")
    units = Path(SYSTEMD).parent / "system"
    return {name: (units / name).read_text() for name in JOURNAL if (units / name).exists()}


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def _run(folder: Path) -> str:
    """Runs it to its end; returns what systemd said on its console."""
    assert SYSTEMD is not None
    group = _control_group()
    python = [str(Path(each).resolve()) for each in (sys.base_prefix, sysconfig.get_path("purelib"), ROOT)]
    inside = ["sh", str(Path(__file__).with_name("boot.sh")), SYSTEMD, str(folder), *python]
    join = 'echo $$ >"$0/cgroup.procs"; exec "$@"'
    try:
        done = subprocess.run(
            ["sh", "-c", join, group, "unshare", *NAMESPACES, *inside],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    finally:
        _remove(group)
    if not list((folder / "said").iterdir()) and ("denied" in done.stdout or "not permitted" in done.stdout):
        pytest.skip(f"a systemd in namespaces is not permitted: {done.stdout.strip()}")
    return done.stdout


def _control_group() -> Path:
    """A control group of version 2 for it."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("needs root and unshare (util-linux): systemd is booted in namespaces")
    ours = folder_of(membership(os.getpid()), Path("/proc/self/mountinfo").read_text())
    try:
        if ours is None:
            raise OSError("no file system of control groups of version 2")
        group = ours / f"test-systemd-{os.getpid()}"
        group.mkdir()
    except OSError as error:
        pytest.skip(f"needs a control group of version 2 that we may make others in: {error}")
    return group


def _remove(group: Path) -> None:
    """Ends what is left in the group, and removes it."""
    with suppress(OSError):
        (group / "cgroup.kill").write_text("1")
    deadline = time.monotonic() + SECONDS
    while group.exists():
        assert time.monotonic() < deadline, f"{group} cannot be removed"
        for folder in sorted(group.rglob("*/"), reverse=True):
            with suppress(OSError):
                folder.rmdir()
        with suppress(OSError):
            group.rmdir()

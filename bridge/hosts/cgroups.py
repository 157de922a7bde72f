"""Control groups of version 2 (cgroups(7)): where ours is, and a child of it for a run. It enables no controller.

A group holds whatever its processes start, and is killed as a whole. We make children where we may, be it that systemd
delegates (`Delegate=yes`) or that the folder is writable; nothing of ours is moved, so ours stays a leaf to systemd.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from bridge.errors import DeviceError

NAME = "hwbridge-"
"""How the names of our groups begin; the instance id follows."""
_KERNEL_FILES = 16 * 1024


def folder_for_runs() -> Path:
    """The folder of this process' own control group, where groups for runs can be made.

    Raises `DeviceError` that says why there is none: no such file system, not writable, or threaded (cgroups(7)).
    """
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        mounts = file.read()
    folder = folder_of(membership(os.getpid()), mounts)
    if folder is None:
        raise DeviceError("no file system of control groups of version 2 shows the one that we are in")
    if not os.access(folder / "cgroup.procs", os.W_OK):
        raise DeviceError(f"{folder}: we may not move processes within this control group")
    probe = folder / f"{NAME}probe-{os.getpid()}"
    try:
        probe.mkdir()
    except OSError as error:
        raise DeviceError(f"{folder}: no control group can be made here: {error.strerror}") from error
    try:
        kind = (probe / "cgroup.type").read_text().strip()
    finally:
        probe.rmdir()
    if kind != "domain":
        raise DeviceError(f"{folder}: control groups that are made here are {kind}, and hold no processes of their own")
    return folder


def membership(pid: int) -> str:
    """The path of the process' control group, as its file system has it; empty where there is none, or it is gone."""
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError:
        return ""
    return next((line.removeprefix("0::") for line in lines if line.startswith("0::")), "")


def folder_of(group: str, mounts: str) -> Path | None:
    """Where the control group is mounted, if `mounts` (proc(5), mountinfo) shows it anywhere.

    >>> folder_of("/a.slice/b", "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw")
    PosixPath('/sys/fs/cgroup/a.slice/b')
    """
    if not group.startswith("/") or group.startswith("/.."):  # in none, or outside of our cgroup namespace
        return None
    for line in mounts.splitlines():
        fields, _, kind = line.partition(" - ")
        if kind.startswith("cgroup2 "):
            root, mount = (_unescaped(field) for field in fields.split()[3:5])
            inside = os.path.relpath(group, root)
            if inside.partition("/")[0] != "..":  # else the mount shows only a part that we are not in
                return Path(mount) / inside
    return None


def _unescaped(field: str) -> str:
    r"""The field of mountinfo without its `\040` and the like."""
    return re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), field)


class ControlGroup:
    """The control group of a run. `fileno` has POLLPRI when `changed` has something to tell.

    Raises `OSError` where it cannot be made. Whoever makes it closes it, and then removes its folder.
    """

    def __init__(self, folder: Path) -> None:
        with suppress(OSError):  # an empty one that was left there is as good as none
            folder.rmdir()
        folder.mkdir()
        self._folder = folder
        try:
            self._events = os.open(folder / "cgroup.events", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            folder.rmdir()
            raise
        self._frozen = False
        self.suspended = 0
        """How often the group was seen to freeze. A freeze that is over before we look is not seen."""
        self._throttled_before = throttled(folder)

    def fileno(self) -> int:
        """The descriptor of its cgroup.events."""
        return self._events

    def add(self, pid: int) -> None:
        """Moves the process here; one that has ended stays where it is.

        Waits until every CPU has let go of old data (RCU): often 10 ms. Not for the thread that runs the loop.
        """
        with suppress(ProcessLookupError), open(self._folder / "cgroup.procs", "wb", buffering=0) as file:
            file.write(str(pid).encode())

    def changed(self) -> bool:
        """Whether living processes are here, groups within it too; counts `suspended` on the way."""
        try:
            events = _table(os.pread(self._events, _KERNEL_FILES, 0))
        except OSError:  # ENODEV: the group was removed, so nobody is here
            return False
        frozen = events.get("frozen") == "1"
        self.suspended += frozen and not self._frozen
        self._frozen = frozen
        return events.get("populated") == "1"

    def processes(self) -> list[int]:
        """The pids of all that is here, and in groups that a handler has made within it."""
        return processes_in(self._folder) if self.changed() else []

    def kill(self) -> None:
        """Sends KILL to all that is here, as `kill` has it."""
        kill(self._folder)

    def throttled(self) -> int | None:
        """How often the CPU time was cut since the group was made; None where no controller counts it."""
        now = throttled(self._folder)
        if now is None or self._throttled_before is None:
            return None
        return max(0, now - self._throttled_before)

    def close(self) -> None:
        """Closes the descriptor; the group stays."""
        os.close(self._events)


def processes_in(folder: Path) -> list[int]:
    """The pids of what is in the control group, and in those within it."""
    return [pid for within in _with_those_within(folder) for pid in _processes(within)]


def kill(folder: Path) -> None:
    """Sends KILL to all that is in the control group at once, so that no fork gets away; before Linux 5.14, nothing."""
    with suppress(OSError), open(folder / "cgroup.kill", "wb", buffering=0) as file:
        file.write(b"1")


def remove(folder: Path) -> bool:
    """Removes a control group and those within it; False while processes are there."""
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        for inner in reversed(list(_with_those_within(folder))):
            with suppress(OSError):
                inner.rmdir()
    return not folder.exists()


def throttled(folder: Path) -> int | None:
    """How often the kernel cut the CPU time of the nearest control group, upwards, that a cpu controller counts."""
    while (folder / "cgroup.procs").exists():
        with suppress(OSError):
            count = _table((folder / "cpu.stat").read_bytes()).get("nr_throttled")
            if count is not None:
                return int(count)
        folder = folder.parent
    return None


def _table(content: bytes) -> Mapping[str, str]:
    """A flat keyed file, as the kernel's Documentation/admin-guide/cgroup-v2 calls it."""
    lines = (line.partition(" ") for line in content.decode().splitlines())
    return {key: value for key, _, value in lines}


def _with_those_within(folder: Path) -> Iterator[Path]:
    for name, _, _ in os.walk(folder):
        yield Path(name)


def _processes(folder: Path) -> list[int]:
    try:
        pids = (folder / "cgroup.procs").read_bytes().split()
    except OSError:  # removed meanwhile, or threaded
        return []
    return [int(pid) for pid in pids if pid != b"0"]  # 0: in a pid namespace that is not below ours

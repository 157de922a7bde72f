"""The guest: boots Debian's kernel under QEMU with this system as its root, and runs one program in it.

It installs nothing (`.ci/lab-setup` does), and never uses KVM: a run is the same on every machine, and slow. What the
program writes to files is gone with the guest; what it prints comes back.
"""

import compileall
import os
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

PROJECT = Path(__file__).resolve().parents[2]
START = "tests/lab/start.sh"
STARTED = "lab: starting "
"""What start.sh says on the console when the guest is up."""
PANIC = "Kernel panic"
"""What the kernel says where it gives up."""

CPU = "Nehalem"
"""x86-64-v2, which any wheel runs on; without the extensions for which Debian's kernel loads modules for seconds."""
UNWANTED_MODULES = "ahci,i2c_i801,iTCO_wdt,i6300esb"
"""Drivers of QEMU's own hardware that no test needs, and that lengthen the boot."""
LONGEST_COMMAND = 900
"""Bytes: it travels in base64 on the kernel's command line, which the kernel cuts at 2048 without a word."""
BOOT_SECONDS = 180
"""Long enough where others use the machine, too; QEMU without KVM now and then hangs before it is up."""
CONSOLE_LINES = 30
"""How much of the console an error shows."""


class LabMissingError(Exception):
    """The lab is not set up; the message says what is missing and names `.ci/lab-setup`."""


class GuestError(Exception):
    """The guest did not boot, or was stopped at its deadline; the message ends with the end of its console.

    `stdout` is what its program had printed until then.
    """

    def __init__(self, message: str, stdout: str = "") -> None:
        super().__init__(message)
        self.stdout = stdout


class BootHungError(GuestError):
    """The guest was not up after `BOOT_SECONDS`, or its kernel panicked before that; it ran nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """What `.ci/lab-setup` has made: the kernel's image, and the root of the tools that are unpacked, not installed."""

    kernel: Path
    tools: Path

    @property
    def triggerhappy(self) -> Path:
        """The daemon of triggerhappy, `thd`; it is at this path in the guest too."""
        return self.tools / "usr/sbin/thd"

    @property
    def acpid(self) -> Path:
        """The daemon of acpid; it is at this path in the guest too."""
        return self.tools / "usr/sbin/acpid"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletedGuest:
    """A guest that ended by itself: the program's exit status and output; `console` has its errors and the kernel's."""

    returncode: int
    stdout: str
    console: str


def find_lab() -> Lab:
    """The lab of this machine: `$HWBRIDGE_LAB_CACHE`, else `hwbridge/lab` in the user's cache directory (XDG).

    Raises:
        LabMissingError: it is not set up, or only in part.
    """
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    cache = Path(os.environ.get("HWBRIDGE_LAB_CACHE") or Path(base) / "hwbridge/lab")
    kernels = sorted(cache.glob("kernel/boot/vmlinuz-*"))
    there = {
        "QEMU (qemu-system-x86_64)": shutil.which("qemu-system-x86_64"),
        f"a kernel in {cache}": kernels,
        f"triggerhappy in {cache}": (cache / "tools").is_dir(),
        "virtme-ng (vng) beside this Python": _beside_python("vng").exists(),
    }
    missing = [name for name, found in there.items() if not found]
    if missing:
        raise LabMissingError(f"the lab lacks {', '.join(missing)}: run .ci/lab-setup")
    return Lab(kernel=kernels[-1], tools=cache / "tools")


def scenarios_command(scenarios: Sequence[str]) -> list[str]:
    """What runs these scenarios in the guest. Raises `LabMissingError`."""
    return [sys.executable, "-m", "tests.lab.inside", str(find_lab().tools), *scenarios]


def run_in_guest(argv: Sequence[str], *, timeout_seconds: float, cpus: int = 2, memory: str = "1G") -> CompletedGuest:
    """Boots a guest (about 10 s), runs `argv` there as root in the project's directory, and waits for its end.

    The guest sees the files of this machine, and changes none of them. A systemd-udevd runs in it, no other daemon.
    `timeout_seconds` counts from the start of QEMU; then the guest is killed. One that hangs or panics in its boot is
    started once more: without KVM a kernel may find that its timer does not work.

    Raises:
        LabMissingError: the lab is not set up.
        GuestError: the guest did not come up, or was not done in time.
    """
    command = _virtme_command(find_lab(), argv, cpus=cpus, memory=memory)
    compileall.compile_dir(PROJECT / "bridge", quiet=2)  # the guest sees it read-only, and would compile at every start
    compileall.compile_dir(PROJECT / "tests/lab/inside", quiet=2)
    try:
        return _run(command, timeout_seconds)
    except BootHungError:
        return _run(command, timeout_seconds)


def _run(command: Sequence[str], timeout_seconds: float) -> CompletedGuest:
    tools = f"{_beside_python('vng').parent}:{os.environ['PATH']}:/usr/sbin:/sbin"
    # Pipes: QEMU opens these by name twice, and two writers of one file would write over each other.
    with (
        TemporaryDirectory(prefix="hwbridge-lab-") as scratch,  # what virtme-ng leaves behind where it is killed
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PATH": tools, "TMPDIR": scratch},
            cwd=PROJECT,
            start_new_session=True,  # virtme-ng, its shell and QEMU are one group, and end together
        ) as process,
    ):
        try:
            stdout, stderr = _communicate(process, timeout_seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            stdout, stderr = process.communicate()
            if STARTED.encode() not in stderr:
                raise BootHungError(f"the guest was not up in time; {_end_of(stderr)}") from None
            message = f"the guest was stopped after {timeout_seconds} s; {_end_of(stderr)}"
            raise GuestError(message, stdout.decode(errors="replace")) from None
        except BaseException:  # an interrupt too: no guest outlives us
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if STARTED.encode() not in stderr:
        kind = BootHungError if PANIC.encode() in stderr else GuestError
        raise kind(f"the guest did not start (virtme-ng: exit {process.returncode}); {_end_of(stderr)}")
    return CompletedGuest(
        returncode=process.returncode,
        stdout=stdout.decode(errors="replace"),
        console=stderr.decode(errors="replace"),
    )


def _communicate(process: "subprocess.Popen[bytes]", timeout_seconds: float) -> tuple[bytes, bytes]:
    """The output of a process that ends in time, and says `STARTED` in `BOOT_SECONDS`."""
    at_boot = min(BOOT_SECONDS, timeout_seconds)
    try:
        return process.communicate(timeout=at_boot)
    except subprocess.TimeoutExpired as waited:
        if STARTED.encode() not in (waited.stderr or b""):
            raise
    return process.communicate(timeout=timeout_seconds - at_boot)  # nothing is lost by asking again


def _virtme_command(lab: Lab, argv: Sequence[str], *, cpus: int, memory: str) -> list[str]:
    exports = {f"lab{number}": directory for number, directory in enumerate(_python_directories())}
    closed = _closed_directories([*exports.values(), Path(sys.base_prefix)])
    program = shlex.join(
        ["/bin/sh", START]
        + [f"open={directory}" for directory in closed]
        + [f"{tag}={directory}" for tag, directory in exports.items()]
        + ["--", *argv]
    )
    if len(program) > LONGEST_COMMAND:
        raise GuestError(f"the command for the guest has {len(program)} characters, at most {LONGEST_COMMAND} go in")
    devices = [
        f"-fsdev local,id={tag},path={directory},security_model=none,readonly=on,multidevs=remap "
        f"-device virtio-9p-pci,fsdev={tag},mount_tag={tag}"
        for tag, directory in exports.items()
    ]
    return [
        *(str(_beside_python("vng")), "--run", str(lab.kernel), "--force-9p", "--disable-kvm", "--verbose"),
        *("--cpus", str(cpus), "--memory", memory, "--cwd", str(PROJECT)),
        *(f"--overlay-rwdir={directory}" for directory in closed),
        *("--append", f"mitigations=off module_blacklist={UNWANTED_MODULES}"),
        f"--qemu-opts={' '.join([f'-cpu {CPU}', *devices])}",
        *("--exec", program),
    ]


def _beside_python(name: str) -> Path:
    return Path(sys.executable).parent / name


def _python_directories() -> list[Path]:
    """What Python reads at every start: the project, its packages and the standard library, none within another."""
    paths = [PROJECT, *(Path(sysconfig.get_path(name)) for name in ("purelib", "stdlib"))]
    paths = [path.resolve() for path in paths]
    return [path for path in paths if not any(other in path.parents for other in paths)]


def _closed_directories(paths: Sequence[Path]) -> list[Path]:
    """The directories on the way to `paths` that ordinary users may not pass, the outermost first."""
    parents = {parent for path in paths for parent in (path, *path.parents)}
    return sorted(parent for parent in parents if not parent.stat().st_mode & 0o001)


def _end_of(console: bytes) -> str:
    lines = console.decode(errors="replace").splitlines()
    return "\n".join(["the end of its console:", *(f"    {line}" for line in lines[-CONSOLE_LINES:])])

"""The guest's kernel and its udevd: modules in and out, rules files, waiting for udevd. It knows no device."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
SHIPPED_RULES = PROJECT / "rules/60-hwbridge.rules"
RULES_DIRECTORY = Path("/run/udev/rules.d")
"""Where rules live until the next boot (udev(7)): sorted by name together with those of /usr/lib."""
SETTLE_SECONDS = 60


def prepare() -> None:
    """Loads what every scenario needs, and gives udevd hwbridge's own rules as an installed package would."""
    load("uinput")
    load("evdev")
    load("dummy_hcd")  # a USB host and a device in one: what is plugged there is software
    _write_udev_rules(SHIPPED_RULES.name, SHIPPED_RULES.read_text())


def load(module: str, **parameters: str) -> None:
    """Loads a kernel module; it is no error that it is there."""
    _run("modprobe", module, *(f"{name}={value}" for name, value in parameters.items()))


def unload(module: str) -> None:
    """Removes a kernel module, and with it the devices that it drives."""
    _run("modprobe", "--remove", module)


@contextmanager
def udev_rules(name: str, text: str) -> Iterator[None]:
    """A rules file stands beside udevd's own while the block runs."""
    _write_udev_rules(name, text)
    try:
        yield
    finally:
        (RULES_DIRECTORY / name).unlink()
        _run("udevadm", "control", "--reload")


def settle() -> None:
    """Waits until udevd has handled every event that the kernel has sent."""
    _run("udevadm", "settle", f"--timeout={SETTLE_SECONDS}")


def end_at_once() -> None:
    """Ends the guest: it restarts, which QEMU is told to end with. No program is asked, as none may be able to end."""
    Path("/proc/sysrq-trigger").write_text("b")
    signal.pause()


def udevd_answers() -> bool:
    """Whether a real udevd runs here."""
    ping = subprocess.run(["udevadm", "control", "--ping"], check=False)
    return ping.returncode == 0


def _write_udev_rules(name: str, text: str) -> None:
    RULES_DIRECTORY.mkdir(parents=True, exist_ok=True)
    (RULES_DIRECTORY / name).write_text(text)
    _run("udevadm", "control", "--reload")


def _run(program: str, *arguments: str) -> None:
    path = shutil.which(program)
    if path is None:
        raise FileNotFoundError(f"the guest has no {program}")
    done = subprocess.run([path, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"{program} {' '.join(arguments)}: exit {done.returncode}: {done.stdout.strip()}")

"""Run in the guest: moves a uinput mouse at about 1 kHz beside thd, then beside hwbridge; prints the CPU of each.

Both listen to the same device, which has a headphone switch too, and both ask for that switch only.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from evdev import UInput, ecodes

from tests.lab.inside import machine

PACKETS = 6000
RULES = """
[[rule]]
name = "headphones-in"
source = "evdev"
match = { code = "SW_HEADPHONE_INSERT", value = 1 }
raise = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
"""
CAPABILITIES = {
    ecodes.EV_REL: [ecodes.REL_X, ecodes.REL_Y],
    ecodes.EV_KEY: [ecodes.BTN_LEFT],
    ecodes.EV_SW: [ecodes.SW_HEADPHONE_INSERT],
}


def main(thd: str) -> None:
    """Prints microseconds of CPU for each packet, as JSON."""
    machine.load("uinput")
    machine.load("evdev")
    with UInput(CAPABILITIES, name="benchmark mouse") as mouse, TemporaryDirectory() as folder:
        subprocess.run(["udevadm", "settle"], check=True)
        here = Path(folder)
        (here / "thd.conf").write_text("SW_HEADPHONE_INSERT 1 /bin/true\n")
        (here / "rules.toml").write_text(RULES)
        (here / "tasks").mkdir()
        node = mouse.device.path
        bridge = [sys.executable, "-m", "bridge", "run", "--rules", str(here / "rules.toml")]
        bridge += ["--tasks", str(here / "tasks"), "--socket", str(here / "socket"), "--state", str(here)]
        costs = {
            "thd": _cost(mouse, [thd, "--triggers", str(here / "thd.conf"), node], node),
            "hwbridge": _cost(mouse, bridge, node),
        }
    print(json.dumps(costs))


def _cost(mouse: UInput, command: Sequence[str], node: str) -> float:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _wait_until_open(process.pid, node)
        before = _cpu(process.pid)
        for _ in range(PACKETS):
            mouse.write(ecodes.EV_REL, ecodes.REL_X, 1)
            mouse.write(ecodes.EV_REL, ecodes.REL_Y, -1)
            mouse.syn()
            time.sleep(0.001)  # noqa: TID251  # the pace of the mouse
        used = _cpu(process.pid) - before
        process.kill()
    return used / PACKETS * 1_000_000


def _wait_until_open(pid: int, node: str) -> None:
    deadline = time.monotonic() + 60
    while not any(link.is_symlink() and str(link.readlink()) == node for link in Path(f"/proc/{pid}/fd").iterdir()):
        assert time.monotonic() < deadline, f"{node} is not opened"
        time.sleep(0.2)  # noqa: TID251  # polls with a deadline; nothing tells of another process's open()
    time.sleep(2)  # noqa: TID251  # what its start still has to do is not the mouse's cost


def _cpu(pid: int) -> float:
    """Seconds that the process has run, from schedstat: nanoseconds, where stat(5) has hundredths of a second."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


main(*sys.argv[1:])

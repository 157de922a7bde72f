"""What is said of a port that may not be opened: whom its node lets. Nothing is read or written."""

import grp
import os
import subprocess
import sys
from pathlib import Path

import pytest
from daemon import NOBODY, needs_root
from made_ports import Device

OPENED_BY_NOBODY = """
import os, sys
from bridge.mapping.ports import SerialPort
from bridge.monitors.serial_opening import open_port
os.setgroups([]); os.setresgid(*[int(sys.argv[2])] * 3); os.setresuid(*[int(sys.argv[2])] * 3)
print(open_port(SerialPort(name="scanner", port=sys.argv[1]), sys.argv[1]).why)
"""
NAMED = next(each for each in grp.getgrall() if each.gr_gid != 0)
AS_ROOT = "run hwbridge as root"
IN_GROUP = f"add the user that hwbridge runs as to the group {NAMED.gr_name}, or run it as root"


@needs_root
@pytest.mark.parametrize(
    ("mode", "group", "remedy"),
    [(0o660, NAMED.gr_gid, IN_GROUP), (0o620, NAMED.gr_gid, AS_ROOT), (0o660, 0, AS_ROOT), (0o600, 0, AS_ROOT)],
    ids=["its group may", "its group may only write", "its group is that of root", "only root may"],
)
def test_who_may_not_open_a_port_is_told_of_its_group_only_if_that_may(
    mode: int, group: int, remedy: str, device: Device
) -> None:
    os.chown(device.node, 0, group)
    os.chmod(device.node, mode)
    command = [sys.executable, "-c", OPENED_BY_NOBODY, device.node, str(NOBODY)]

    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=Path(__file__).parents[2], text=True)

    assert done.stdout == f"{device.node} may not be opened (Permission denied): {remedy}\n"

"""Who has a serial port open: seen in what processes have open, by whom it is locked, and in lock files."""

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from daemon import NOBODY, needs_root
from made_ports import Device, held_open

from bridge.monitors import serial_holders
from bridge.monitors.serial_holders import Holders, holders_of

SEEN_BY_NOBODY = """
import json, os, sys
from bridge.monitors.serial_holders import holders_of
os.setgroups([]); os.setresgid(*[int(sys.argv[2])] * 3); os.setresuid(*[int(sys.argv[2])] * 3)
holders = holders_of(sys.argv[1])
print(json.dumps([holders.processes, holders.is_all, str(holders)]))
"""


def seen_by_nobody(node: str) -> list[object]:
    command = [sys.executable, "-c", SEEN_BY_NOBODY, node, str(NOBODY)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=root)
    told: list[object] = json.loads(done.stdout)
    return told


def test_a_process_that_has_a_port_open_is_named_by_its_name_and_id(device: Device) -> None:
    with held_open(device.node) as holder:
        (named,) = holders_of(device.node).processes
        holder.communicate()

    assert named.startswith("python")
    assert named.endswith(f" (pid {holder.pid})")


def test_a_port_that_nobody_has_open_has_no_holder(device: Device) -> None:
    assert holders_of(device.node).processes == ()


def test_we_ourselves_are_named_only_if_asked_for(device: Device) -> None:
    port = os.open(device.node, os.O_RDWR | os.O_NOCTTY)

    assert holders_of(device.node).processes == ()
    assert [name.endswith(f"(pid {os.getpid()})") for name in holders_of(device.node, own=True).processes] == [True]
    os.close(port)


@needs_root
def test_who_may_not_look_says_so(device: Device) -> None:
    with held_open(device.node):
        told = seen_by_nobody(device.node)

    assert told[:2] == [[], False]
    assert told[2] == "open in a program that may not be seen: only root with CAP_SYS_PTRACE sees all of them"


@needs_root
def test_who_has_locked_a_port_is_seen_by_everybody(device: Device) -> None:
    port = os.open(device.node, os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(port, fcntl.LOCK_EX)
    told = seen_by_nobody(device.node)
    os.close(port)

    assert str(told[2]).endswith(f"(pid {os.getpid()})")


def test_who_has_made_a_lock_file_is_named_while_it_lives(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serial_holders, "_LOCK_FILES", str(tmp_path))
    claim = tmp_path / f"LCK..{Path(device.node).name}"
    claim.write_text(f"{os.getppid():>10}\n")
    living = holders_of(device.node).processes
    claim.write_text("4194305\n")  # more than any process has
    dead = holders_of(device.node).processes
    claim.write_bytes(b"\x00\xff\x00\x00")
    binary = holders_of(device.node).processes

    assert [name.endswith(f"(pid {os.getppid()})") for name in living] == [True]
    assert (dead, binary) == ((), ())


def test_of_many_holders_three_are_named() -> None:
    assert str(Holders(tuple("abcde"), is_all=True)) == "open in a, b, c and 2 more"
    assert str(Holders((), is_all=True)) == "though no process here has it open"

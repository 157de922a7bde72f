"""`hwbridge record` where something is in the way: devices that may not be read, files that cannot be written."""

import fcntl
import json
import os
import pty
import resource
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest
from daemon import DEADLINE_SECONDS, NO_SETTINGS, Argument, Done, environment_of, hwbridge
from made_evdev_monitor import MadeInputs
from made_inputs import HEADPHONE, KEY_A, SYN_REPORT
from process_waiting import wait_until

from bridge.recording.jsonl import read_recording

SMALL = 8192
A_PIPE = 65536


@pytest.fixture
def inputs(tmp_path: Path) -> Iterator[MadeInputs]:
    made = MadeInputs(tmp_path)
    yield made
    made.close()


def record(inputs: MadeInputs, *arguments: Argument, **more: Any) -> Done:
    """The command, to its end."""
    return hwbridge("record", *NO_SETTINGS, "--source", "evdev", *arguments, environment=inputs.environment, **more)


def start(inputs: MadeInputs, *arguments: Argument, **more: Any) -> "subprocess.Popen[bytes]":
    """The command, which goes on."""
    command = [sys.executable, "-m", "bridge", "record", *NO_SETTINGS, "--source", "evdev", *arguments]
    return subprocess.Popen(command, env=environment_of(inputs.environment), **more)


RULE_OF_A_PORT = """
[[rule]]
name = "all"
source = "serial"
match = { port = "scanner" }
raise = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
"""


def test_serial_ports_are_recorded_only_with_the_files_that_declare_them(tmp_path: Path) -> None:
    (tmp_path / "none.toml").write_text(RULE_OF_A_PORT)
    command = ("record", *NO_SETTINGS, "--source", "serial", "--for", "0s")
    without_rules = hwbridge(*command)
    without_ports = hwbridge(*command, "--rules", tmp_path / "none.toml")

    meant = "no serial port is opened that is not declared: give --rules, with files that hold [[serial]]"
    assert (without_rules.code, without_rules.error) == (1, f"hwbridge: {meant}")
    assert (without_ports.code, without_ports.error) == (1, f"hwbridge: {meant}")
    assert without_rules.out == without_ports.out == ""


def waiting_in(pipe: IO[bytes]) -> int:
    """The bytes that nobody has taken from a pipe."""
    (waiting,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))
    return int(waiting)


def test_a_device_that_may_not_be_read_is_named_and_the_others_are_recorded(inputs: MadeInputs) -> None:
    inputs.plug(3, "Jack", [HEADPHONE])
    inputs.plug(4, "Secret \x1b[2J", [KEY_A], forbidden=True)

    done = record(inputs, "--for", "0s")

    assert done.code == 0
    assert done.err == (
        'hwbridge: device /dev/input/event4 "Secret \\x1b[2J": may not be read (Permission denied): '
        "add the user that hwbridge runs as to the group input, or run it as root\n"
    )
    assert [device["name"] for device in json.loads(done.out.splitlines()[0])["devices"]] == ["Jack"]


def test_where_no_device_may_be_read_nothing_is_recorded(inputs: MadeInputs, tmp_path: Path) -> None:
    inputs.plug(3, "Jack", [HEADPHONE], forbidden=True)

    done = record(inputs, tmp_path / "r.jsonl")

    assert done.code == 77
    assert done.err.splitlines()[1:] == ["hwbridge: nothing can be recorded: no device may be read"]
    assert not (tmp_path / "r.jsonl").exists()


def test_where_there_is_no_device_yet_it_waits_for_one(inputs: MadeInputs) -> None:
    done = record(inputs, "--quiet", "10ms")

    assert (done.code, done.err, done.out.count("\n")) == (0, "", 1)


def test_a_monitor_that_cannot_be_opened_is_named(inputs: MadeInputs) -> None:
    inputs.fail("it broke")

    done = record(inputs)

    assert (done.code, done.out) == (1, "")
    assert done.err == "hwbridge: evdev: it broke\nhwbridge: nothing can be recorded\n"


@pytest.mark.parametrize(
    ("file", "reason"),
    [("/dev/full", "No space left on device"), ("none/r.jsonl", "No such file or directory"), (".", "Is a directory")],
)
def test_a_file_that_cannot_be_written_is_one_line(inputs: MadeInputs, tmp_path: Path, file: str, reason: str) -> None:
    inputs.plug(3, "Jack", [HEADPHONE])

    done = record(inputs, file, cwd=tmp_path)

    assert (done.code, done.error) == (1, f"hwbridge: {file}: cannot be written: {reason}")


def test_a_full_disk_leaves_whole_lines(inputs: MadeInputs, tmp_path: Path) -> None:
    inputs.plug(3, "Jack", [HEADPHONE])
    file = tmp_path / "r.jsonl"

    def disk_of_8_kib() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, SMALL))

    with start(inputs, file, stderr=subprocess.PIPE, preexec_fn=disk_of_8_kib) as process:
        wait_until(lambda: file.exists() and "start" in file.read_text(), process)
        inputs.send(3, *[(HEADPHONE, 1), (SYN_REPORT, 0)] * 100)
        _, errors = process.communicate(timeout=DEADLINE_SECONDS)

    assert (process.returncode, errors.decode()) == (1, f"hwbridge: {file}: cannot be written: File too large\n")
    assert SMALL - 250 < file.stat().st_size <= SMALL
    list(read_recording("r.jsonl", file.read_bytes().splitlines(keepends=True)))


def test_a_pipe_that_nobody_reads_any_more_ends_it(inputs: MadeInputs) -> None:
    inputs.plug(3, "Jack", [HEADPHONE])
    with start(inputs, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        inputs.send(3, (HEADPHONE, 1), (SYN_REPORT, 0))
        errors = process.stderr.read()

    assert (process.returncode, errors) == (1, b"hwbridge: stdout: cannot be written: Broken pipe\n")


def test_a_reader_who_does_not_read_cannot_keep_it_from_ending(inputs: MadeInputs) -> None:
    inputs.plug(3, "Jack", [HEADPHONE])
    with start(inputs, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        inputs.send(3, *[(HEADPHONE, 1), (SYN_REPORT, 0)] * 1000)
        wait_until(lambda: waiting_in(process.stdout) > A_PIPE - 2 * select.PIPE_BUF, process)
        process.terminate()
        assert process.wait(DEADLINE_SECONDS) == 1
        assert process.stderr is not None
        assert process.stderr.read() == b"hwbridge: stdout: cannot be written: nobody reads it any more\n"


def test_a_person_who_watches_is_told_what_is_recorded(inputs: MadeInputs, tmp_path: Path) -> None:
    inputs.plug(3, "Jack", [HEADPHONE])
    ours, theirs = pty.openpty()
    with start(inputs, tmp_path / "r.jsonl", "--for", "0s", stderr=theirs) as process:
        process.wait(DEADLINE_SECONDS)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    os.close(theirs)

    assert shown == f"hwbridge: recording evdev (1 device) to {tmp_path / 'r.jsonl'}; Ctrl-C ends it\r\n"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            ("--source", "keyboard"),
            "argument --source: 'keyboard' is not one of device, evdev, network, serial, system, udev",
        ),
        (("--count", "0"), "argument --count: '0' is not a number of events"),
        (("--count", "-1"), "argument --count: '-1' is not a number of events"),
        (("--for", "10"), "argument --for: '10' is not a duration"),
        (("--quiet", "soon"), "argument --quiet: 'soon' is not a duration"),
        (("",), "argument FILE: the path is empty"),
        (("a", "b"), "unrecognized arguments: b"),
    ],
)
def test_wrong_usage_is_one_line(arguments: tuple[str, ...], reason: str) -> None:
    done = hwbridge("record", *arguments)

    assert done.code == 2
    assert reason in done.error


def test_wrong_rules_are_refused_and_nothing_is_overwritten(inputs: MadeInputs, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text("[[rule]]\nname = 1\n")
    (tmp_path / "older").write_text("older")

    done = record(inputs, tmp_path / "older", "--rules", tmp_path / "rules.toml")

    assert done.code == 78
    assert f"{tmp_path}/rules.toml:2: " in done.err
    assert (tmp_path / "older").read_text() == "older"


def test_rules_that_ask_for_nothing_are_said_to(inputs: MadeInputs, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text("")

    done = record(inputs, "--rules", tmp_path / "rules.toml")

    assert (done.code, done.error) == (1, "hwbridge: nothing to record: no rule asks for events of evdev")

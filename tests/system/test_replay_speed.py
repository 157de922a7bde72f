"""`hwbridge replay --speed`: each line when its time has come, until somebody has had enough. No time is measured."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from daemon import DEADLINE_SECONDS, GUID, Argument, assert_no_traceback, environment_of, hwbridge

RULES = f"""
[[rule]]
name = "pressed"
source = "evdev"
match = {{ code = "KEY_A", value = 1 }}
raise = "{GUID}"
"""
FIRST = f"0.001000 raised {GUID} pressed\n"
AN_HOUR = 3600


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A key is pressed at the beginning, and after an hour."""
    event = '{"at": %s, "source": "evdev", "device": "/dev/input/event1", "code": "KEY_A", "value": 1}\n'
    lines = ['{"hwbridge-recording": 1}\n', event % 0.001, event % AN_HOUR]
    (tmp_path / "recording.jsonl").write_text("".join(lines))
    (tmp_path / "rules.toml").write_text(RULES)
    return tmp_path


def command(folder: Path, *options: Argument) -> list[Argument]:
    return ["replay", folder / "recording.jsonl", "--rules", folder / "rules.toml", *options]


@contextmanager
def replaying(folder: Path, *options: Argument) -> Iterator[subprocess.Popen[bytes]]:
    """A replay that has printed its first line, and waits for the time of the second."""
    started = [sys.executable, "-m", "bridge", *command(folder, *options)]
    with subprocess.Popen(started, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment_of(None)) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().decode() == FIRST
            yield process
        finally:
            process.kill()


def test_ctrl_c_ends_the_wait_for_a_line_whose_time_has_not_come(folder: Path) -> None:
    with replaying(folder, "--speed", "1") as process:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE_SECONDS)

    assert (process.returncode, out, err) == (130, b"", b"")


def test_nothing_is_waited_for_that_nobody_would_read(folder: Path) -> None:
    with replaying(folder, "--speed", "0.5") as process:
        assert process.stdout is not None
        process.stdout.close()
        code = process.wait(DEADLINE_SECONDS)
        assert process.stderr is not None
        err = process.stderr.read().decode()

    assert (code, err) == (0, "")


@pytest.mark.parametrize("speed", ["1000000", "99999.5"])
def test_the_bytes_are_those_without_speed(folder: Path, speed: str) -> None:
    slow, fast = hwbridge(*command(folder, "--speed", speed, "--json")), hwbridge(*command(folder, "--json"))

    assert (slow.code, slow.out, slow.err) == (0, fast.out, "")
    assert fast.out.count("\n") == 2


def test_the_time_begins_with_the_part_that_is_played(folder: Path) -> None:
    done = hwbridge(*command(folder, "--speed", "1", "--from", "3600s"))

    assert (done.code, done.out, done.err) == (0, f"3600.000000 raised {GUID} pressed\n", "")


def test_nothing_is_waited_for_behind_the_last_event_that_is_played(folder: Path) -> None:
    assert hwbridge(*command(folder, "--speed", "1", "--to", "1s")).out == FIRST


def test_a_wait_can_be_longer_than_any_function_waits(folder: Path) -> None:
    with replaying(folder, "--speed", "0.000001", "--from", "0.001s") as process:
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=DEADLINE_SECONDS)

    assert_no_traceback(err.decode())
    assert process.returncode == 130


@pytest.mark.parametrize(
    "speed", ["", "0", "0.0", "-1", "nan", "inf", "fast", "1e3", "1_0", "9999999999", "\n"], ids=ascii
)
def test_what_is_no_speed_is_wrong_usage(folder: Path, speed: str) -> None:
    done = hwbridge(*command(folder, f"--speed={speed}"))

    assert done.code == 2
    assert "is not a number above 0" in done.error

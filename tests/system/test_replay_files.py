"""The files that `hwbridge replay` is given: all are checked before a line is printed, and none keeps it for ever."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from daemon import DEADLINE_SECONDS, Argument, Done, environment_of, hwbridge
from jack import RECORDING, TRANSCRIPT


@pytest.fixture
def files(jack_recording: Path) -> tuple[Argument, ...]:
    """The rules and tasks, in whose folder the recording jack.jsonl is."""
    folder = jack_recording.parent
    return ("--rules", folder / "rules.toml", "--tasks", folder / "tasks.toml")


def replay_input(given: bytes, *arguments: Argument) -> Done:
    """Replays what comes on standard input."""
    command = [sys.executable, "-m", "bridge", "replay", *arguments]
    environment = environment_of(None)
    done = subprocess.run(
        command, input=given, capture_output=True, env=environment, timeout=DEADLINE_SECONDS, check=False
    )
    return Done(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (".", ":1: cannot be read: Is a directory"),
        ("none", ":1: cannot be read: No such file or directory"),
        ("/dev/zero", ":1: has 1048577 bytes; a line of a recording has at most 1048576"),
        ("/dev/null", ":1: is empty: a recording begins with"),
    ],
)
def test_what_is_no_recording_is_named(jack_recording: Path, files: tuple[Argument, ...], name: str, why: str) -> None:
    bad = jack_recording.parent / name

    done = hwbridge("replay", jack_recording, bad, *files)

    assert done.code == 65
    assert done.error.startswith(f"hwbridge: {bad}{why}")


@pytest.mark.parametrize("option", [(), ("--json",), ("--from", "1s"), ("--to", "1s"), ("--run",), ("--speed", "1000")])
@pytest.mark.parametrize("place", [0, 1], ids=["first", "last"])
def test_a_recording_that_is_bad_in_its_last_line_prints_nothing(
    jack_recording: Path, files: tuple[Argument, ...], option: tuple[str, ...], place: int
) -> None:
    bad = jack_recording.parent / "bad.jsonl"
    bad.write_text(RECORDING + '{"at": 3, "source": "evdev"}\n')
    recordings = [jack_recording]
    recordings.insert(place, bad)

    done = hwbridge("replay", *recordings, *files, *option)

    assert done.code == 65
    assert done.error == f"hwbridge: {bad}:5: an event of evdev has a code and a value"


def test_standard_input_is_a_recording_too(files: tuple[Argument, ...]) -> None:
    assert replay_input(RECORDING.encode(), "-", *files) == Done(code=0, out=TRANSCRIPT, err="")


def test_standard_input_is_there_once(files: tuple[Argument, ...]) -> None:
    done = replay_input(RECORDING.encode(), "-", "-", *files)

    assert done.code == 65
    assert done.error.startswith("hwbridge: -:1: is empty")


def test_a_pipe_with_a_name_is_a_recording_too(
    jack_recording: Path, files: tuple[Argument, ...], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = subprocess.Popen(["/bin/sh", "-c", 'cat "$0" > "$1"', jack_recording, tmp_path / "pipe"])

    done = hwbridge("replay", tmp_path / "pipe", *files)

    assert (done.code, done.out, done.err) == (0, TRANSCRIPT, "")
    assert writer.wait(DEADLINE_SECONDS) == 0


def test_the_same_recording_twice_is_every_event_twice(jack_recording: Path, files: tuple[Argument, ...]) -> None:
    rules = jack_recording.parent / "rules.toml"
    rules.write_text(rules.read_text().replace("edge = true", ""))

    once, twice = (hwbridge("replay", *[jack_recording] * times, *files) for times in (1, 2))

    assert (twice.code, twice.err) == (0, "")
    assert twice.out.count("raised") == 2 * once.out.count("raised")


def test_events_of_sources_without_rules_are_nothing(jack_recording: Path, files: tuple[Argument, ...]) -> None:
    others = (
        '{"at": 1, "source": "serial", "port": "scanner", "line": "ok"}\n'
        '{"at": 1, "source": "network", "interface": "eth0", "kind": "link", "value": 1}\n'
        '{"at": 1, "source": "system", "name": "Suspend"}\n'
        '{"at": 1, "source": "device", "state": "arrived", "id": "usb-1"}\n'
        '{"at": 1, "source": "udev", "gone": "/devices/a"}\n'
    )
    (other := jack_recording.parent / "other.jsonl").write_text('{"hwbridge-recording": 1}\n' + others)

    assert hwbridge("replay", jack_recording, other, *files).out == TRANSCRIPT
    assert hwbridge("replay", other, *files).out == ""


@pytest.mark.parametrize("option", [(), ("--json",)], ids=["text", "json"])
def test_a_long_difference_is_shown_whole(jack_recording: Path, tmp_path: Path, option: tuple[str, ...]) -> None:
    lines = RECORDING.splitlines()[:1]
    times = 3000
    for at in range(times):
        event = f'{{"at": {at}, "source": "evdev", "device": "/dev/input/event5", "code": "SW_HEADPHONE_INSERT", '
        lines.append(f'{event}"value": {at % 2}}}')
    jack_recording.write_text("\n".join(lines) + "\n")
    files = ("--rules", tmp_path / "rules.toml", "--tasks", tmp_path / "tasks.toml")
    found = hwbridge("replay", jack_recording, *files, *option).out.splitlines(keepends=True)
    (tmp_path / "expected").write_text("".join(found[:10] + found[11:4000] + ["another\n"] + found[4000:]))

    done = hwbridge("replay", jack_recording, *files, *option, "--expect", tmp_path / "expected")

    changed = [line for line in done.out.splitlines(keepends=True)[2:] if line[0] in "+-"]
    assert (done.code, changed) == (1, [f"+{found[10]}", "-another\n"])


def test_an_expected_file_without_line_feeds_and_without_end_is_named(
    jack_recording: Path, files: tuple[Argument, ...]
) -> None:
    done = hwbridge("replay", jack_recording, *files, "--expect", "/dev/zero")

    assert done.code == 1
    assert done.error == "hwbridge: /dev/zero:1: is longer than any line that a replay prints"

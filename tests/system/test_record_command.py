"""`hwbridge record` as a process: what it writes, how it is ended, and what it says when it cannot."""

import json
import os
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from daemon import DEADLINE_SECONDS, GUID, NO_SETTINGS, Argument, hwbridge
from made_evdev_monitor import AXIS, EV_MSC, MadeInputs
from made_inputs import ABS_X, EV_KEY, HEADPHONE, KEY_A, KEY_B, SYN_REPORT
from recorder_process import Recorder, recording

NODE = "/dev/input/event3"
JACK = "HDA Intel PCH Headphone"
MSC_SCAN = (EV_MSC, 4)
KEY_Q, KEY_LEFTSHIFT, KEY_VOLUMEUP = (EV_KEY, 16), (EV_KEY, 42), (EV_KEY, 115)
RULES = f"""
[[rule]]
name = "plugged"
source = "evdev"
match = {{ code = "SW_HEADPHONE_INSERT", value = 1 }}
raise = "{GUID}"
"""


@pytest.fixture
def inputs(tmp_path: Path) -> Iterator[MadeInputs]:
    made = MadeInputs(tmp_path)
    yield made
    made.close()


@contextmanager
def recording_of(inputs: MadeInputs, folder: Path, *options: Argument) -> Iterator[Recorder]:
    """Records what these devices tell, and says nothing on stderr."""
    command = (folder / "r.jsonl", "--source", "evdev", *options)
    with recording(*command, environment=inputs.environment) as recorder:
        yield recorder
    assert recorder.errors() == ""


def codes(lines: list[dict[str, Any]]) -> list[tuple[str, int, str]]:
    return [(line["code"], line["value"], line["origin"]) for line in lines]


def record(inputs: MadeInputs, *arguments: Argument, **more: Any) -> Any:
    """The command, to its end."""
    return hwbridge("record", *NO_SETTINGS, "--source", "evdev", *arguments, environment=inputs.environment, **more)


def test_what_is_found_and_what_comes_is_written_as_it_comes(inputs: MadeInputs, tmp_path: Path) -> None:
    inputs.plug(3, JACK, [HEADPHONE], values={HEADPHONE: 0})

    with recording_of(inputs, tmp_path) as running:
        running.wait_for("SW_HEADPHONE_INSERT", times=2)  # the header, and the start
        inputs.send(3, (HEADPHONE, 1), (SYN_REPORT, 0))
        running.wait_for("SYN_REPORT", times=2)
        inputs.unplug(3)
        running.wait_for("gone")
        assert running.end(signal.SIGTERM) == 0

    *events, gone = running.lines()
    assert codes(events) == [
        ("SW_HEADPHONE_INSERT", 0, "start"),
        ("SW_HEADPHONE_INSERT", 1, "live"),
        ("SYN_REPORT", 0, "live"),
    ]
    assert gone == {"at": gone["at"], "source": "evdev", "gone": NODE}
    assert [each.at for each in running.events()] == sorted(round(line["at"] * 1_000_000) for line in running.lines())


def test_the_header_describes_the_devices_and_names_no_machine(inputs: MadeInputs, tmp_path: Path) -> None:
    inputs.plug(
        3, "Pad", [ABS_X, KEY_A, KEY_B], values={KEY_B: 1, ABS_X: 7}, properties={"@ID_PATH": "usb-1", "@ID_X": "no"}
    )

    with recording_of(inputs, tmp_path) as running:
        running.wait_for("start", times=3)
        running.end(signal.SIGINT)

    header = running.header()
    (device,) = header.pop("devices")
    assert header["hwbridge-recording"] == 1
    assert header["sources"] == ["evdev"]
    assert header["kernel"] == os.uname().release
    assert header["other-devices"] == 0
    assert os.uname().nodename not in running.text()
    limits = {name: value for name, value in AXIS._asdict().items() if name != "value"}
    assert device == {
        "source": "evdev",
        "device": NODE,
        "name": "Pad",
        "bustype": "0019",
        "vendor": "0000",
        "product": "0000",
        "properties": {"@ID_PATH": "usb-1"},
        "capabilities": {
            "EV_SYN": ["SYN_REPORT", "SYN_CONFIG", "SYN_MT_REPORT", "SYN_DROPPED"],
            "EV_KEY": ["KEY_A", "KEY_B"],
            "EV_ABS": ["ABS_X"],
        },
        "axes": {"ABS_X": limits},
        "state": {"KEY_B": 1, "ABS_X": 7},
    }


def test_the_file_is_its_owners_alone_and_an_older_one_is_overwritten(inputs: MadeInputs, tmp_path: Path) -> None:
    inputs.plug(3, JACK, [HEADPHONE])
    (tmp_path / "older").write_text("older\n" * 10_000)

    new, older = (record(inputs, tmp_path / name, "--for", "0s") for name in ("new", "older"))

    assert (new.code, older.code) == (0, 0)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600
    assert "older" not in (tmp_path / "older").read_text()


@pytest.mark.parametrize("file", [(), ("-",)], ids=["without a file", "-"])
def test_without_a_file_it_goes_to_stdout(inputs: MadeInputs, file: tuple[str, ...]) -> None:
    inputs.plug(3, JACK, [HEADPHONE], values={HEADPHONE: 1})

    done = record(inputs, *file, "--for", "0s")

    assert (done.code, done.err) == (0, "")
    assert codes([json.loads(line) for line in done.out.splitlines()[1:]]) == [("SW_HEADPHONE_INSERT", 1, "start")]


def test_only_what_rules_ask_for_is_recorded(inputs: MadeInputs, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(RULES)
    inputs.plug(3, JACK, [HEADPHONE, KEY_A])
    inputs.plug(4, "Keyboard", [KEY_A, KEY_B])

    with recording_of(inputs, tmp_path, "--rules", tmp_path / "rules.toml", "--count", "2") as running:
        running.wait_for("start")
        inputs.send(4, (KEY_A, 1), (SYN_REPORT, 0))
        inputs.send(3, (KEY_A, 1), (HEADPHONE, 1), (SYN_REPORT, 0), (HEADPHONE, 0), (SYN_REPORT, 0))

    assert codes(running.lines()) == [
        ("SW_HEADPHONE_INSERT", 0, "start"),
        ("SW_HEADPHONE_INSERT", 1, "live"),
        ("SW_HEADPHONE_INSERT", 0, "live"),
    ]
    assert [device["name"] for device in running.header()["devices"]] == [JACK]


def test_count_ends_it_after_exactly_so_many_events(inputs: MadeInputs, tmp_path: Path) -> None:
    inputs.plug(3, "Keyboard", [KEY_A, KEY_B])

    with recording_of(inputs, tmp_path, "--count", "3") as running:
        running.wait_for("start", times=2)
        inputs.send(3, *[(KEY_A, 1), (SYN_REPORT, 0)] * 5)

    assert running.process.returncode == 0
    assert [line["origin"] for line in running.lines()] == ["start"] * 2 + ["live"] * 3


@pytest.mark.parametrize("option", ["--for", "--quiet"])
def test_it_ends_by_itself_after_a_time(inputs: MadeInputs, option: str) -> None:
    inputs.plug(3, JACK, [HEADPHONE])

    done = record(inputs, option, "50ms")

    assert (done.code, done.err) == (0, "")
    assert done.out.count("\n") == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_ends_it_when_what_has_come_is_written(
    inputs: MadeInputs, tmp_path: Path, number: signal.Signals
) -> None:
    inputs.plug(3, JACK, [HEADPHONE])

    with recording_of(inputs, tmp_path) as running:
        running.wait_for("start")
        running.process.send_signal(signal.SIGSTOP)
        inputs.send(3, *[(HEADPHONE, 1), (SYN_REPORT, 0), (HEADPHONE, 0), (SYN_REPORT, 0)] * 20)
        running.process.send_signal(number)
        running.process.send_signal(signal.SIGCONT)
        assert running.process.wait(DEADLINE_SECONDS) == 0

    assert len(running.lines()) == 81


def test_killed_at_any_moment_it_leaves_a_recording_that_replays(inputs: MadeInputs, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(RULES)
    inputs.plug(3, JACK, [HEADPHONE])
    lengths = []
    for times in range(1, 9):
        with recording_of(inputs, tmp_path) as running:
            running.wait_for("start")
            while running.text().count("\n") < 40 * times:
                inputs.send(3, *[(HEADPHONE, 1), (SYN_REPORT, 0)] * times)
            assert running.end(signal.SIGKILL) == -signal.SIGKILL
        lengths.append(len(running.events()))
    done = hwbridge("replay", running.file, "--rules", tmp_path / "rules.toml", "--tasks", tmp_path / "site")

    assert len(set(lengths)) > 1
    assert (done.code, done.err) == (0, "")
    assert done.out.count("raised") > 10


def test_blank_keys_hide_what_is_typed_and_keep_the_rest(inputs: MadeInputs, tmp_path: Path) -> None:
    inputs.plug(
        3,
        "Keyboard",
        [KEY_A, KEY_B, KEY_Q, KEY_LEFTSHIFT, KEY_VOLUMEUP, MSC_SCAN],
        values={KEY_B: 1, KEY_LEFTSHIFT: 1},
    )

    with recording_of(inputs, tmp_path, "--blank-keys", "--count", "9") as running:
        running.wait_for("start", times=3)
        inputs.send(3, (MSC_SCAN, 20), (KEY_Q, 1), (SYN_REPORT, 0), (KEY_Q, 2), (SYN_REPORT, 1))
        inputs.send(3, (KEY_B, 0), (KEY_LEFTSHIFT, 0), (KEY_VOLUMEUP, 1), (KEY_Q, 0))

    assert codes(running.lines()) == [
        ("KEY_A", 1, "start"),
        ("KEY_LEFTSHIFT", 1, "start"),
        ("KEY_VOLUMEUP", 0, "start"),
        ("MSC_SCAN", 30, "live"),
        ("KEY_A", 1, "live"),
        ("SYN_REPORT", 0, "live"),
        ("KEY_A", 2, "live"),
        ("SYN_REPORT", 1, "live"),
        ("KEY_A", 0, "live"),
        ("KEY_LEFTSHIFT", 0, "live"),
        ("KEY_VOLUMEUP", 1, "live"),
        ("KEY_A", 0, "live"),
    ]
    assert running.header()["blank-keys"] is True
    assert running.header()["devices"][0]["state"] == {"KEY_A": 1, "KEY_LEFTSHIFT": 1}
    told = running.text().partition("\n")[2]
    assert "KEY_Q" not in told
    assert "KEY_B" not in told

"""`hwbridge explain`: what came of each rule at each event of a recording, for people and as JSON."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from daemon import GUID, Argument, Done, hwbridge

EXPLAINED = """\
0.000000 evdev SW_HEADPHONE_INSERT=0 /dev/input/event5 (start)
  plugged: value is 0, wanted 1
  pulled: was found, and did not change: start_state = "ignore"
0.804000 evdev SW_HEADPHONE_INSERT=1 /dev/input/event5
  plugged: raised
  pulled: value is 1, wanted 0
2.213000 evdev SW_HEADPHONE_INSERT=0 /dev/input/event5
  plugged: value is 0, wanted 1
  pulled: raised

plugged: raised 1 time
pulled: raised 1 time
"""
RULES = f"""
[triggers]
off = "{GUID}"

[[rule]]
name = "long"
source = "evdev"
match = {{ code = "KEY_POWER", value = 1 }}
hold_for = "3s"
raise = "off"

[[rule]]
name = "disk"
source = "udev"
match = {{ subsystem = "block", devtype = "disk" }}
raise = "off"

[[rule]]
name = "scanned"
source = "serial"
match = {{ port = "scanner", line = "*" }}
raise = "off"
"""
POWER = """\
{"hwbridge-recording": 1}
{"at": 1, "source": "evdev", "device": "/dev/input/event0", "code": "KEY_POWER", "value": 1}
{"at": 3.999, "source": "evdev", "device": "/dev/input/event0", "code": "KEY_POWER", "value": 0}
{"at": 10, "source": "evdev", "device": "/dev/input/event0", "code": "KEY_POWER", "value": 1}
{"at": 12, "source": "evdev", "gone": "/dev/input/event0"}
{"at": 20, "source": "evdev", "device": "/dev/input/event0", "code": "KEY_POWER", "value": 1}
"""
PARTITION = (
    '{"hwbridge-recording": 1}\n'
    '{"at": 5, "source": "udev", "action": "add", "devpath": "/a\\u001b[31m", "subsystem": "block"}\n'
)


@pytest.fixture
def power(tmp_path: Path) -> Path:
    """A folder with rules, a power button that is pressed too short, and a partition that comes."""
    (tmp_path / "rules.toml").write_text(RULES)
    (tmp_path / "power.jsonl").write_text(POWER)
    (tmp_path / "partition.jsonl").write_text(PARTITION)
    return tmp_path


def explain(folder: Path, *arguments: Argument) -> Done:
    return hwbridge("explain", *arguments, "--rules", "rules.toml", cwd=folder)


def objects(done: Done) -> list[dict[str, object]]:
    assert (done.code, done.err) == (0, "")
    return [json.loads(line) for line in done.out.splitlines()]


def test_every_event_is_followed_by_what_came_of_each_rule_and_the_end_sums_up(jack_recording: Path) -> None:
    assert explain(jack_recording.parent, jack_recording) == Done(code=0, out=EXPLAINED, err="")


def test_several_recordings_are_merged_and_each_event_asks_only_rules_of_its_source(power: Path) -> None:
    done = explain(power, "power.jsonl", "partition.jsonl")

    assert done.err == ""
    assert done.out.splitlines() == [
        "1.000000 evdev KEY_POWER=1 /dev/input/event0",
        '  long: waits until 4.000000: hold_for = "3s"',
        "3.999000 evdev KEY_POWER=0 /dev/input/event0",
        "  long: value is 0, wanted 1",
        '  long: was true for 2.999s, wanted hold_for = "3s"',
        r"5.000000 udev add block /a\x1b[31m",
        "  disk: devtype is not there, wanted 'disk'",
        "10.000000 evdev KEY_POWER=1 /dev/input/event0",
        '  long: waits until 13.000000: hold_for = "3s"',
        "12.000000 evdev gone /dev/input/event0",
        '  long: was true for 2s, wanted hold_for = "3s"',
        "20.000000 evdev KEY_POWER=1 /dev/input/event0",
        '  long: waits until 23.000000: hold_for = "3s"',
        "23.000000 time went by",
        "  long: raised",
        "",
        "long: raised 1 time",
        "disk: never: closest at 5.000000: devtype is not there, wanted 'disk' (1 of 2 tests held)",
        "scanned: never: no event of serial came",
    ]


def test_one_rule_may_be_asked_for_or_several(power: Path) -> None:
    alone = explain(power, "power.jsonl", "partition.jsonl", "--rule", "disk")

    assert alone.out == (
        "5.000000 udev add block /a\\x1b[31m\n"
        "  disk: devtype is not there, wanted 'disk'\n"
        "\n"
        "disk: never: closest at 5.000000: devtype is not there, wanted 'disk' (1 of 2 tests held)\n"
    )
    both = explain(power, "partition.jsonl", "--rule", "scanned", "--rule", "disk")
    assert both.out.splitlines()[-2].startswith("disk: never")
    assert both.out.splitlines()[-1].startswith("scanned: never")


def test_a_rule_that_is_not_there_is_a_usage_error(power: Path) -> None:
    done = explain(power, "power.jsonl", "--rule", "disc")

    assert (done.code, done.error) == (2, "hwbridge: no rule has the name 'disc'; did you mean disk?")
    assert "; there are disk, long, scanned" in explain(power, "power.jsonl", "--rule", "?").error


def test_json_has_an_object_for_each_event_what_came_of_it_and_each_rule(power: Path) -> None:
    found = objects(explain(power, "power.jsonl", "partition.jsonl", "--json"))

    kinds = [each["what"] for each in found]
    assert kinds == [
        *["event", "withheld", "event", "withheld", "withheld", "event", "withheld", "event", "withheld"],
        *["gone", "withheld", "event", "withheld", "time", "raised", "rule", "rule", "rule"],
    ]
    assert found[0] == {
        "at": 1.0,
        "what": "event",
        "source": "evdev",
        "origin": "live",
        "fields": {"device": "/dev/input/event0", "code": "KEY_POWER", "value": 1, "type": "EV_KEY"},
    }
    disk = {
        "rule": "disk",
        "reason": "match",
        "field": "devtype",
        "seen": None,
        "wanted": "'disk'",
        "held": 1,
        "tests": 2,
        "why": "devtype is not there, wanted 'disk'",
    }
    assert found[6] == {"at": 5.0, "what": "withheld", **disk}
    assert found[-2] == {"at": 5.0, "what": "rule", "raised": 0, **disk}
    assert found[-3:] == [
        {"what": "rule", "rule": "long", "raised": 1},
        found[-2],
        {"what": "rule", "rule": "scanned", "raised": 0},
    ]


def test_what_is_raised_is_what_replay_raises(power: Path) -> None:
    replayed = hwbridge("replay", "power.jsonl", "--rules", "rules.toml", "--json", cwd=power).out.splitlines()

    explained = explain(power, "power.jsonl", "--json").out.splitlines()
    assert [line for line in explained if '"what": "raised"' in line] == replayed


def test_a_trigger_that_a_udev_rule_names_is_told_too_and_one_that_is_none_is_refused(power: Path) -> None:
    event = {"at": 1, "source": "udev", "action": "add", "devpath": "/a", "HWBRIDGE_TRIGGER": f"{GUID} nonsense"}
    (power / "hook.jsonl").write_text('{"hwbridge-recording": 1}\n' + json.dumps(event))
    done = explain(power, "hook.jsonl", "--rule", "disk")

    assert done.out.splitlines()[1:3] == [
        "  disk: subsystem is not there, wanted 'block'",
        "  HWBRIDGE_TRIGGER: raised",
    ]
    assert done.err.startswith("hwbridge: /a: HWBRIDGE_TRIGGER: 'nonsense' is not a GUID")


def test_a_recording_comes_from_standard_input_and_from_other_formats(power: Path) -> None:
    command = [sys.executable, "-m", "bridge", "explain", "-", "--rules", "rules.toml"]
    done = subprocess.run(command, input=POWER, cwd=power, capture_output=True, text=True, check=False)

    assert done.stdout == explain(power, "power.jsonl").out
    (power / "button.evemu").write_text(
        "# EVEMU 1.3\nN: Power Button\nI: 0019 0000 0001 0000\nE: 0.000001 0001 0074 0001\n"
    )
    assert 'long: waits until 3.000000: hold_for = "3s"' in explain(power, "button.evemu").out


def test_without_events_and_without_rules_only_what_is_there_is_told(power: Path) -> None:
    (power / "empty.jsonl").write_text('{"hwbridge-recording": 1}\n')
    (power / "none.toml").write_text("")

    assert explain(power, "empty.jsonl").out.splitlines()[1] == "long: never: no event of evdev came"
    done = hwbridge("explain", "power.jsonl", "--rules", "none.toml", cwd=power)
    assert (done.code, done.out.strip(), done.err) == (0, "", "")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "1: "),
        (b"\0\n", "1: "),
        (b'{"hwbridge-recording": 2}\n', "1: is a recording of version 2"),
        (POWER.encode() + b'{"at": 1', "7: "),
        (POWER.encode() + b'{"at": 1, "source": "evdev", "gone": "x"}\n', "7: is earlier"),
    ],
)
def test_a_bad_recording_is_refused_before_anything_is_told(power: Path, content: bytes, error: str) -> None:
    (power / "bad.jsonl").write_bytes(content)
    done = explain(power, "power.jsonl", "bad.jsonl")

    assert done.code == 65
    assert done.error.startswith(f"hwbridge: bad.jsonl:{error}")


def test_what_looks_like_a_recording_and_is_not_there_is_refused_as_one(power: Path) -> None:
    for name in ("missing.jsonl", "./missing"):
        done = explain(power, name)

        assert done.code == 65
        assert done.error == f"hwbridge: {Path(name)}:1: there is no such recording; a task is explained by --task NAME"


def test_any_other_name_that_is_no_file_is_a_tasks_and_asks_the_daemon(power: Path) -> None:
    done = hwbridge("explain", "fabrikam.audio-jack.connected Task", "--socket", power / "socket", cwd=power)

    assert done.code == 3
    assert done.error.endswith("; 'fabrikam.audio-jack.connected Task' is no file, so a task is meant")


def test_bad_rules_are_refused_as_by_replay(power: Path) -> None:
    (power / "rules.toml").write_text('[[rule]]\nname = "x"\n')

    assert explain(power, "power.jsonl").code == 78


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("",),
        ("power.jsonl", "--rule"),
        ("power.jsonl", "--event"),
        ("power.jsonl", "--event", "{}"),
        ("power.jsonl", "--task", "lamp"),
        ("--event", "{}", "--task", "lamp"),
    ],
)
def test_wrong_usage_is_one_line(power: Path, arguments: tuple[str, ...]) -> None:
    done = explain(power, *arguments)

    assert done.code == 2
    assert done.error.endswith(" --help")


@pytest.mark.parametrize(
    "arguments", [("power.jsonl", "--socket", "s"), ("--event", "{}", "--socket", "s"), ("--task", "power.jsonl")]
)
def test_an_option_that_has_no_meaning_is_refused(power: Path, arguments: tuple[str, ...]) -> None:
    done = explain(power, *arguments)

    assert done.code == 2
    assert " has no meaning here: " in done.error


def test_a_long_recording_is_told_as_it_is_read(power: Path) -> None:
    event = '{"at": %d, "source": "evdev", "device": "/dev/input/event0", "code": "KEY_A", "value": %d}\n'
    with (power / "long.jsonl").open("w") as file:
        file.write('{"hwbridge-recording": 1}\n')
        file.writelines(event % (at, at % 2) for at in range(50_000))
    command = [sys.executable, "-m", "bridge", "explain", "long.jsonl", "--rules", "rules.toml"]
    with subprocess.Popen(command, cwd=power, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()  # of some megabytes, more than a pipe holds: it cannot have told all yet
        is_running = process.poll() is None
        process.stdout.close()
        code, err = process.wait(), process.stderr.read() if process.stderr is not None else ""

    assert first == "0.000000 evdev KEY_A=0 /dev/input/event0\n"
    assert (is_running, code, err) == (True, 0, "")

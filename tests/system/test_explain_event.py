"""`hwbridge explain --event`: what one event would lead to, by the files there are and without a daemon."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from daemon import GUID, Argument, Done, hwbridge

POWER = '{"source": "evdev", "device": "/dev/input/event0", "code": "KEY_POWER", "value": 1}'
RULES = f"""
[triggers]
off = "{GUID}"

[[condition]]
name = "docked"
source = "evdev"
match = {{ code = "SW_DOCK", value = 1 }}

[[rule]]
name = "long"
source = "evdev"
match = {{ code = "KEY_POWER", value = 1 }}
hold_for = "3s"
raise = "off"

[[rule]]
name = "short"
source = "evdev"
match = {{ code = "KEY_POWER", value = 1 }}
raise = "off"

[[rule]]
name = "released"
source = "evdev"
match = {{ code = "KEY_POWER", value = 0 }}
raise = "off"

[[rule]]
name = "docked-off"
source = "evdev"
match = {{ code = "KEY_POWER", value = 1 }}
while = ["docked"]
raise = "off"

[[rule]]
name = "disk"
source = "udev"
match = {{ subsystem = "block", action = "add" }}
raise = "{{00000000-0000-4000-8000-000000000001}}"
"""
TASKS = """
[[task]]
name = "lamp"
triggers = [{ custom = "off" }]
run = { exec = ["/bin/false"] }

[[task]]
name = "dock lamp"
triggers = [{ custom = "off" }]
conditions = ["docked"]
run = { exec = ["/bin/false"] }

[[task]]
name = "clock"
triggers = [{ system = "TimeZoneChange" }]
run = { exec = ["/bin/false"] }
"""
EXPLAINED = f"""\
0.000000 evdev KEY_POWER=1 /dev/input/event0
  long: waits until 3.000000: hold_for = "3s"
  short: raised
  released: value is 1, wanted 0
  docked-off: while: condition 'docked' is not known yet
3.000000 time went by
  long: raised

lamp: activated by {GUID} for /dev/input/event0 at 0.000000
dock lamp: raised, and waits: condition 'docked' is not known; 2 raises wait
lamp: activated by {GUID} for /dev/input/event0 at 3.000000
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with rules, tasks and a recording."""
    (tmp_path / "rules.toml").write_text(RULES)
    (tmp_path / "tasks.toml").write_text(TASKS)
    (tmp_path / "power.jsonl").write_text(f'{{"hwbridge-recording": 1}}\n{{"at": 7.5, {POWER[1:]}\n')
    return tmp_path


def explain(folder: Path, *arguments: Argument) -> Done:
    return hwbridge("explain", *arguments, "--rules", "rules.toml", "--tasks", "tasks.toml", cwd=folder)


def test_each_rule_of_the_source_says_what_comes_of_it_and_then_each_task_that_heard(files: Path) -> None:
    assert explain(files, "--event", POWER) == Done(code=0, out=EXPLAINED, err="")


def test_a_line_of_a_file_is_the_same_event_at_its_own_time(files: Path) -> None:
    done = explain(files, "--event", "power.jsonl:2")

    assert (done.code, done.err) == (0, "")
    assert done.out == EXPLAINED.replace("3.000000", "10.500000").replace("0.000000", "7.500000").replace(
        "17.500000", "10.500000"
    )


def test_a_line_on_standard_input_is_the_same_event(files: Path) -> None:
    command = [sys.executable, "-m", "bridge", "explain", "--event", "-", "--rules", "rules.toml"]
    done = subprocess.run(
        [*command, "--tasks", "tasks.toml"], input=f"{POWER}\n", cwd=files, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, EXPLAINED, "")


def test_as_json_every_line_is_an_object_that_says_what_it_is(files: Path) -> None:
    done = explain(files, "--event", POWER, "--json")
    told = [json.loads(line) for line in done.out.splitlines()]

    assert [each["what"] for each in told] == [
        *("event", "withheld", "raised", "withheld", "withheld", "time", "raised"),
        *("activated", "latched", "activated", "latched"),
    ]
    mismatch = next(each for each in told if each.get("rule") == "released")
    assert (mismatch["field"], mismatch["seen"], mismatch["wanted"]) == ("value", 1, "0")
    assert [each["task"] for each in told if "task" in each] == ["lamp", "dock lamp", "lamp", "dock lamp"]


def test_where_no_rule_raises_no_task_is_activated(files: Path) -> None:
    done = explain(files, "--event", '{"source": "udev", "action": "remove", "subsystem": "block", "devpath": "/a"}')

    assert done.out == (
        "0.000000 udev remove block /a\n  disk: action is 'remove', wanted 'add'\n\nno task would be activated\n"
    )


def test_one_rule_may_be_asked_for(files: Path) -> None:
    done = explain(files, "--event", POWER, "--rule", "released")

    assert done.out == (
        "0.000000 evdev KEY_POWER=1 /dev/input/event0\n  released: value is 1, wanted 0\n\nno task would be activated\n"
    )


def test_a_system_trigger_is_raised_without_a_rule(files: Path) -> None:
    event = '{"source": "system", "name": "TimeZoneChange", "zone": "Europe/Lisbon", "offset": 0}'
    done = explain(files, "--event", event)

    assert done.out == (
        "0.000000 system TimeZoneChange\n  TimeZoneChange: raised\n\nclock: activated by TimeZoneChange at 0.000000\n"
    )


def test_nothing_is_run(files: Path) -> None:
    text = TASKS.replace('["/bin/false"]', json.dumps(["/bin/mkdir", str(files / "ran")]))
    (files / "tasks.toml").write_text(text)

    assert "lamp: activated" in explain(files, "--event", POWER).out
    assert not (files / "ran").exists()


@pytest.mark.parametrize(
    ("event", "code", "error"),
    [
        ('{"source": "evdev"', 65, "--event:1: is not JSON: "),
        ("{}", 65, "--event:1: has no at"),
        ('{"at": 1, "at": 2}', 65, "--event:1: says 'at' twice"),
        ('{"source": "evdv"}', 65, "--event:1: source is 'evdv', not one of "),
        ('{"source": "evdev", "code": "KEY_POWR", "value": 1}', 65, "did you mean KEY_POWER?"),
        ('{"source": "evdev", "gone": "/dev/input/event0"}', 65, "--event:1: tells that a device went"),
        ("power.jsonl:3", 65, "power.jsonl:3: there is no such line"),
        ("power.jsonl:0", 65, "power.jsonl:0: there is no such line"),
        ("power.jsonl:1", 65, "power.jsonl:1: "),
        ("missing.jsonl:1", 65, "missing.jsonl:1: cannot be read: No such file"),
        ("/dev/zero:1", 65, "/dev/zero:1: has 1048577 bytes"),
        ("-", 65, "standard input:1: --event takes one line"),
        ("power.jsonl", 2, "--event 'power.jsonl' is neither a recorded line, "),
        ("power.jsonl:two", 2, "--event 'power.jsonl:two' is neither a recorded line, "),
        ("[1]", 2, "--event '[1]' is neither a recorded line, "),
    ],
)
def test_what_is_no_event_is_refused_in_one_line(files: Path, event: str, code: int, error: str) -> None:
    done = explain(files, "--event", event)

    assert done.code == code
    assert error in done.error


def test_bad_rules_and_tasks_are_refused_as_by_replay(files: Path) -> None:
    (files / "tasks.toml").write_text('[[task]]\nname = "x"\n')

    assert explain(files, "--event", POWER).code == 78


def test_a_fifo_that_says_nothing_more_is_read_as_far_as_the_line(files: Path) -> None:
    os.mkfifo(files / "fifo")
    with subprocess.Popen(["/bin/sh", "-c", f"printf '%s\\n' '{POWER}' > fifo"], cwd=files):
        done = explain(files, "--event", "fifo:1")

    assert (done.code, done.out) == (0, EXPLAINED)

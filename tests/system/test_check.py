"""`hwbridge check`: every error of every file at once, in order, each with its line; it starts and changes nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from daemon import GUID, User, hwbridge, needs_root

RULES = f"""[triggers]
door = "{GUID}"
"window" = {{ guid = "{GUID[:-2]}", allow = ["alice"] }}

[[rule]]
name = "jack"
source = "evdef"
raise = "dor"
match = {{ code = "SW_HEADPHONE_INSERT" }}

[[rule]]
name = "plug"
source = "evdev"
raise = "door"
match = {{ code = "SW_HEADPHONE_INSRT", valeu = 1 }}
debounce = "20 ms"
while = ["dockd"]
"""
MORE_RULES = """[[rule]]
name = "jack"
source = "udev"
raise = "door"
match = {}

[[condition]]
name = "docked"
"""
TASKS = """[[task]]
name = "lamp"
triggers = [{ custom = "doors" }, { time = "15" }]
run = { exec = [] }
run_limit = "5"
"""
FOUND = """\
rules/10.toml:3: [triggers] window.guid: '{9118718B-FF80-4AFE-BAF1-D88A4525F3A' is not a GUID
rules/10.toml:3: [triggers] window.allow[1]: "alice" is neither user:NAME nor group:NAME
rules/10.toml:7: [rule "jack"] source: expected one of udev, evdev, serial, network, device, system, found
rules/10.toml:8: [rule "jack"] raise: 'dor' is not a name in [triggers] or a GUID; did you mean door?
rules/10.toml:15: [rule "plug"] match.code:
rules/10.toml:15: [rule "plug"] match.valeu: unknown field of evdev; did you mean value?
rules/10.toml:16: [rule "plug"] debounce: '20 ms' is not a duration
rules/10.toml:17: [rule "plug"] while[1]: no [[condition]] has the name 'dockd'
rules/20.toml:2: [rule "jack"] name: another rule has the name "jack": rules/10.toml:6
rules/20.toml:5: [rule "jack"] match: an empty match
rules/20.toml:7: [condition "docked"] source: missing
rules/20.toml:7: [condition "docked"] match: missing
rules/30.toml:2: Invalid value
tasks/10.toml:3: [task "lamp"] triggers[1].custom: 'doors' is not a name in [triggers] or a GUID; did you mean door?
tasks/10.toml:3: [task "lamp"] triggers[2].time: '15' is not a duration
tasks/10.toml:4: [task "lamp"] run.exec: is empty: name the program and its arguments
tasks/10.toml:5: [task "lamp"] run_limit: '5' is not a duration
"""
"""How each line begins."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a mistake of nearly every kind."""
    files = {"rules/10": RULES, "rules/20": MORE_RULES, "rules/30": "a = 1\nb = oops\n", "tasks/10": TASKS}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.toml").write_text(text)
    (tmp_path / "rules/readme.txt").write_text("no rules")
    (tmp_path / "rules/.hidden.toml").write_text("nor here")
    return tmp_path


def assert_found(err: str, expected: str) -> None:
    found = err.splitlines()
    for line, beginning in zip(found, expected.splitlines(), strict=True):
        assert line.startswith(beginning)


def test_all_errors_of_all_files_are_shown_at_once_and_in_order(folder: Path) -> None:
    done = hwbridge("check", "--rules", "rules", "--tasks", "tasks", cwd=folder)

    assert (done.code, done.out) == (1, "")
    assert_found(done.err, FOUND)


@pytest.mark.parametrize("verb", [("run", "--socket", "s"), ("replay", "no.jsonl")], ids=lambda verb: verb[0])
def test_run_and_replay_refuse_the_same_errors_with_78(folder: Path, verb: tuple[str, ...]) -> None:
    done = hwbridge(*verb, "--rules", "rules", "--tasks", "tasks", cwd=folder)

    assert (done.code, done.out) == (78, "")
    assert_found(done.err, FOUND)
    assert sorted(path.name for path in folder.iterdir()) == ["rules", "tasks"]


def test_files_and_folders_may_be_named_and_what_they_hold_decides_what_they_are(folder: Path) -> None:
    (folder / "good").mkdir()
    (folder / "good/rules.toml").write_text(f'[triggers]\nbell = "{GUID}"\n')
    (folder / "good/tasks.toml").write_text(
        '[[task]]\nname = "a"\ntriggers = [{ custom = "bell" }]\nrun = { exec = ["/bin/true"] }\n'
    )

    assert hwbridge("check", "good", cwd=folder).out == "0 rules, 1 task: no errors\n"
    assert hwbridge("check", "good/tasks.toml", "--rules", "good/rules.toml", cwd=folder).code == 0
    assert hwbridge("check", "good/tasks.toml", cwd=folder).code == 1
    assert_found(hwbridge("check", "rules/30.toml", "good", cwd=folder).err, "rules/30.toml:2: Invalid value")


def test_without_errors_it_says_what_it_read(jack_recording: Path) -> None:
    done = hwbridge("check", "--rules", "rules.toml", "--tasks", "tasks.toml", cwd=jack_recording.parent)

    assert (done.code, done.out, done.err) == (0, "2 rules, 2 tasks: no errors\n", "")


WRONG = f"""
[[serial]]
name = "scanner"
port = "/dev/ttyUSB0"

[[rule]]
name = "lid"
source = "evdev"
match = {{ code = "SW_LID", value = 2 }}
raise = "{GUID}"

[[rule]]
name = "plug"
source = "udev"
match = {{ subsystem = "usb|tty", action = "add" }}
raise = "{GUID}"
edge = true

[[rule]]
name = "scan"
source = "serial"
match = {{ port = "scanner", line = "*" }}
raise = "{GUID}"
while = ["InternetAvailable"]
"""
MERGING = f"""
[[task]]
name = "lamp"
triggers = [{{ custom = "{GUID}" }}]
run = {{ exec = ["/bin/true"] }}
concurrency = "latest"
"""
WARNINGS = r"""
rules.toml:9: warning: [rule "lid"] match.value: no event of evdev can have code = 'SW_LID' and value = 2; value is
rules.toml:15: warning: [rule "plug"] match.subsystem: | is a character like any other; for alternatives write a list:
rules.toml:17: warning: [rule "plug"] edge: action = 'add' tells what happened, not how the device is:
tasks.toml:6: warning: [task "lamp"] concurrency: latest merges away lines of rule "scan"; write queue, or batch
""".lstrip()


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    """A folder of what is legal, and surely wrong."""
    (tmp_path / "rules.toml").write_text(WRONG)
    (tmp_path / "tasks.toml").write_text(MERGING)
    return tmp_path


def test_a_rule_on_what_nothing_here_tells_of_is_warned_of(tmp_path: Path) -> None:
    rules = (
        f'[[rule]]\nname = "{name}"\nsource = "system"\nmatch = {{ name = "{name}" }}\nraise = "{GUID}"\n'
        for name in ("SmsReceived", "UserAway", "InternetNotAvailable", "Resume")
    )
    (tmp_path / "rules.toml").write_text("".join(rules))

    done = hwbridge("check", "rules.toml", cwd=tmp_path)

    assert done.err.splitlines() == [
        "rules.toml:4: warning: [rule \"SmsReceived\"] match.name: nothing here tells of name = 'SmsReceived'",
        (
            "rules.toml:9: warning: [rule \"UserAway\"] match.name: nothing here tells of name = 'UserAway'; "
            "it is the trigger that UserPresent = 0 raises"
        ),
    ]


def test_what_is_legal_and_surely_wrong_is_a_warning_and_no_error(wrong: Path) -> None:
    done = hwbridge("check", "--rules", "rules.toml", "--tasks", "tasks.toml", cwd=wrong)

    assert_found(done.err.rstrip("\n"), WARNINGS)
    count = len(done.err.splitlines())
    assert (done.code, done.out) == (0, f"3 rules, 1 task: no errors, {count} warnings\n")


def test_every_source_has_a_monitor_so_that_no_rule_and_no_task_waits_in_vain(wrong: Path) -> None:
    task = '[[task]]\nname = "zone"\ntriggers = [{ system = "TimeZoneChange" }]\nrun = { exec = ["/bin/true"] }\n'
    (wrong / "zone.toml").write_text(task)

    done = hwbridge("check", "--rules", "rules.toml", "--tasks", "zone.toml", cwd=wrong)
    assert "nothing here watches" not in done.err


def test_a_task_that_is_checked_alone_may_wait_for_conditions_of_the_usual_rules(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    condition = '[[condition]]\nname = "docked"\nsource = "udev"\nmatch = { ID_MODEL = "Dock" }\n'
    (tmp_path / "rules" / "dock.toml").write_text(condition)
    (tmp_path / "tasks.toml").write_text(MERGING + 'conditions = ["docked"]\n')

    assert hwbridge("check", "tasks.toml", "--rules", "rules", cwd=tmp_path).code == 0
    (tmp_path / "rules" / "dock.toml").unlink()
    assert "no condition has the name 'docked'" in hwbridge("check", "tasks.toml", "--rules", "rules", cwd=tmp_path).err


def test_the_same_files_are_checked_for_the_same_when_they_are_named(wrong: Path) -> None:
    given = hwbridge("check", "--rules", "rules.toml", "--tasks", "tasks.toml", cwd=wrong)

    assert hwbridge("check", "rules.toml", "tasks.toml", cwd=wrong) == given
    tasks_alone = hwbridge("check", "tasks.toml", "--rules", "rules.toml", cwd=wrong)
    assert (tasks_alone.err, tasks_alone.out) == ("", "0 rules, 1 task: no errors\n")


def test_ports_and_names_of_the_usual_files_count_for_those_that_are_named(wrong: Path) -> None:
    (wrong / "own.toml").write_text(WRONG[WRONG.index('[[rule]]\nname = "scan"') :].replace('"scan"', '"own"'))
    (wrong / "nothing").mkdir()

    assert "no [[serial]] declares" in hwbridge("check", "own.toml", "--rules", wrong / "nothing", cwd=wrong).err
    assert "no [[serial]] declares" not in hwbridge("check", "own.toml", "--rules", "rules.toml", cwd=wrong).err


def test_one_warning_is_one(wrong: Path) -> None:
    (wrong / "rules.toml").write_text(WRONG[: WRONG.index('[[rule]]\nname = "plug"')])
    done = hwbridge("check", "rules.toml", "--rules", "rules.toml", cwd=wrong)

    assert done.out == "1 rule, 0 tasks: no errors, 1 warning\n"
    assert len(done.err.splitlines()) == 1


def test_beside_errors_there_are_no_warnings(wrong: Path) -> None:
    (wrong / "rules.toml").write_text(WRONG + 'colour = "blue"\n')
    done = hwbridge("check", "rules.toml", "--rules", "rules.toml", cwd=wrong)

    assert (done.code, done.out) == (1, "")
    assert "warning" not in done.err
    assert len(done.err.splitlines()) == 1


def test_run_and_replay_warn_of_nothing(wrong: Path) -> None:
    (wrong / "nothing.jsonl").write_text('{"hwbridge-recording": 1}\n')
    done = hwbridge("replay", "nothing.jsonl", "--rules", "rules.toml", "--tasks", "tasks.toml", cwd=wrong)

    assert (done.code, done.out, done.err) == (0, "", "")


def test_the_usual_places_are_checked_where_none_is_named(folder: Path) -> None:
    (folder / ".config").mkdir()
    (folder / ".config/hwbridge").symlink_to(folder)

    done = hwbridge("check", "--user", environment={"HOME": str(folder)})

    assert done.code == 1
    assert len(done.err.splitlines()) == len(FOUND.splitlines())


def test_what_is_not_there_or_is_no_file_is_an_error_of_its_own(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.toml")
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "loop.toml").symlink_to("loop.toml")
    (tmp_path / "gone.toml").symlink_to("nowhere")

    done = hwbridge("check", "--rules", tmp_path, "--tasks", tmp_path / "none", "--tasks", "/dev/zero")

    assert done.code == 1
    assert done.err == (
        f"{tmp_path}/fifo.toml:1: is not a regular file\n"
        f"{tmp_path}/folder.toml:1: is not a regular file\n"
        f"{tmp_path}/gone.toml:1: cannot be read: No such file or directory\n"
        f"{tmp_path}/loop.toml:1: cannot be read: Too many levels of symbolic links\n"
        f"{tmp_path}/none:1: cannot be read: No such file or directory\n"
        "/dev/zero:1: is not a regular file\n"
    )


@needs_root
def test_what_this_user_may_not_read_is_an_error_of_its_own(public: Path) -> None:
    (public / "rules").mkdir(mode=0o700)
    (public / "tasks").mkdir()
    (public / "tasks/a.toml").touch(mode=0o600)

    done = hwbridge("check", "--rules", public / "rules", "--tasks", public / "tasks", user=User())

    assert done.code == 1
    assert done.err == (
        f"{public}/rules:1: cannot be read: Permission denied\n"
        f"{public}/tasks/a.toml:1: cannot be read: Permission denied\n"
    )


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"\xff", "1: not UTF-8: byte 0xff"),
        (b"a = 1\n\0\n", "2: Invalid statement"),
        (b"\xef\xbb\xbfa = 1", "1: begins with a byte order mark"),
        (b"# 20 MB\n" * 2_500_000, "1: 16777217 bytes, more than the 16777216 that a file may have"),
        (b"a = " + b"[" * 500_000, "1: arrays or inline tables nested too deeply"),
        (b"a = " + b"{a=" * 100_000, "1: arrays or inline tables nested too deeply"),
        (b"a = " + b"9" * 5000, "1: a number with more than 4300 digits"),
        (b'"\\u001b[31m\\n" = 1', r'1: "\x1b[31m\n": unknown key'),
        (b'"' + b"k" * 500_000 + b'" = 1', "1: kkkk"),
    ],
    ids=lambda value: ascii(value[:20]),
)
def test_whatever_a_file_holds_its_error_is_one_line_of_bearable_length(
    tmp_path: Path, content: bytes, error: str
) -> None:
    (tmp_path / "a.toml").write_bytes(content)

    done = hwbridge("check", tmp_path)

    assert done.code == 1
    assert done.error.startswith(f"{tmp_path}/a.toml:{error}")
    assert len(done.error) < 10_000


def test_a_file_name_that_is_no_text_is_shown_escaped(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff\n.toml"
    Path(os.fsdecode(name)).write_text("oops")

    for arguments in (("--rules", tmp_path), (name,), ("--tasks", name)):
        assert r"/\udcff\n.toml:1: " in hwbridge("check", *arguments).error


def test_whoever_reads_only_the_first_error_gets_it_and_the_exit_code_stays(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[[rule]]\n" * 5000)
    read, write = os.pipe()
    os.close(read)

    done = subprocess.run(
        [sys.executable, "-m", "bridge", "check", tmp_path], stderr=write, stdout=subprocess.PIPE, check=False
    )
    os.close(write)

    assert (done.returncode, done.stdout) == (1, b"")


@pytest.mark.parametrize("arguments", [("",), ("--rules", ""), ("--rules",), ("--nix",), ("--user", "--system")])
def test_wrong_usage_is_one_line(arguments: tuple[str, ...]) -> None:
    done = hwbridge("check", *arguments)

    assert done.code == 2
    assert done.error.endswith(" --help")


def test_errors_and_warnings_are_objects_for_machines(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(f'[[rule]]\nname = "r"\nsource = "udev"\nmatch = {{ ID_MODEL = "a|b" }}\nraise = "{GUID}"\n')
    done = hwbridge("check", "--json", rules)

    (warning,) = map(json.loads, done.out.splitlines())
    assert (done.code, warning["severity"], warning["line"], warning["key"]) == (0, "warning", 4, "match.ID_MODEL")
    rules.write_text("[[rule]]\n")
    done = hwbridge("check", "--json", rules)
    assert (done.code, done.err) == (1, "")
    found = [json.loads(line) for line in done.out.splitlines()]
    assert {each["severity"] for each in found} == {"error"}
    assert {each["message"] for each in found} == {"missing"}

"""`hwbridge replay`: the same bytes everywhere, as text, as JSON, or compared with what was expected."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from daemon import GUID, Argument, Done, environment_of, hwbridge
from jack import CONNECTED, TRANSCRIPT

RULES = f"""
[[rule]]
name = "stick für {{}}"
source = "udev"
match = {{ action = "add" }}
raise = "{GUID}"
key = "{{devpath}}"
details = {{ name = "{{ID_NAME}}" }}
"""
TASKS = f"""
[[task]]
name = "lämp"
triggers = [{{ custom = "{GUID}" }}]
run = {{ exec = ["/usr/bin/touch", "ran"], cwd = "%s" }}
"""


def with_files(recording: Path) -> tuple[Path | str, ...]:
    """The recording, and the options for the rules and tasks that stand beside it."""
    folder = recording.parent
    return (recording, "--rules", folder / "rules.toml", "--tasks", folder / "tasks.toml")


def replay(recording: Path, *arguments: Argument, environment: Mapping[str, str] | None = None) -> Done:
    return hwbridge("replay", *with_files(recording), *arguments, environment=environment)


def record(path: Path, *events: tuple[float, str, str]) -> Path:
    """Writes a recording of devices that are added: when, where, and the name that each has."""
    lines = ['{"hwbridge-recording": 1}']
    for at, devpath, name in events:
        event = {"at": at, "source": "udev", "action": "add", "devpath": devpath, "ID_NAME": name}
        lines.append(json.dumps(event, ensure_ascii=False))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def sticks(tmp_path: Path) -> None:
    """Rules and tasks that tell of each stick plugged in."""
    (tmp_path / "rules.toml").write_text(RULES)
    (tmp_path / "tasks.toml").write_text(TASKS % tmp_path)


def test_a_recording_leads_to_these_lines(jack_recording: Path) -> None:
    done = replay(jack_recording)

    assert (done.code, done.out, done.err) == (0, TRANSCRIPT, "")


def test_json_is_an_object_a_line_with_all_there_is_to_know(jack_recording: Path) -> None:
    done = replay(jack_recording, "--json")

    raised, activated, completed = [json.loads(line) for line in done.out.splitlines()[:3]]
    assert done.out.startswith('{"at": 0.804, "what": "raised",')
    assert raised == {
        "at": 0.804,
        "what": "raised",
        "trigger": CONNECTED,
        "rule": "plugged",
        "key": "/dev/input/event5 SW_HEADPHONE_INSERT",
        "details": {"jack": "headphone", "name": "HDA Headphone"},
    }
    assert (activated["what"], activated["task"], activated["instance"]) == ("activated", "lamp-on", "1")
    assert (completed["what"], completed["state"]) == ("completed", "succeeded")


@pytest.mark.usefixtures("sticks")
@pytest.mark.parametrize("option", [(), ("--json",)], ids=["text", "json"])
def test_the_bytes_are_the_same_whatever_the_locale_the_time_zone_and_the_hash_seed(
    tmp_path: Path, option: tuple[str, ...]
) -> None:
    recording = record(tmp_path / "r.jsonl", *((n / 7, f"/{n}", f"Größe \u2028 {n}") for n in range(50)))
    worlds = (
        {"LANG": "C.UTF-8", "PYTHONHASHSEED": "1", "TZ": "UTC"},
        {"LC_ALL": "C", "PYTHONHASHSEED": "2", "TZ": "Asia/Kathmandu"},
        {"PYTHONIOENCODING": "ascii", "PYTHONHASHSEED": "3", "COLUMNS": "20"},
        {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "POSIX"},
    )

    outs = [replay(recording, *option, environment=world).out for world in worlds]

    assert outs[0].count("\n") == 150
    assert len(set(outs)) == 1


@pytest.mark.usefixtures("sticks")
def test_times_have_at_most_six_digits(tmp_path: Path) -> None:
    recording = record(tmp_path / "r.jsonl", (1 / 3, "/1", "a"), (2e9 / 3, "/2", "b"))

    times = [json.loads(line, parse_float=str)["at"] for line in replay(recording, "--json").out.splitlines()]

    assert set(times) == {"0.333333", "666666666.666667"}


@pytest.mark.usefixtures("sticks")
def test_handlers_are_not_started_and_every_run_succeeds(tmp_path: Path) -> None:
    recording = record(tmp_path / "r.jsonl", (0, "/1", "a"))

    done = replay(recording)

    assert done.out == (
        f"0.000000 raised {GUID} stick für {{}}\n0.000000 activated lämp 1\n0.000000 completed lämp 1 succeeded\n"
    )
    assert not (tmp_path / "ran").exists()


@pytest.mark.usefixtures("sticks")
def test_several_recordings_are_merged_by_time_and_at_one_time_in_the_order_given(tmp_path: Path) -> None:
    one = record(tmp_path / "1.jsonl", (0.5, "/1", ""), (1, "/2", ""), (3, "/3", ""))
    two = record(tmp_path / "2.jsonl", (0, "/a", ""), (1, "/b", ""), (2, "/c", ""))

    def keys(*files: Path) -> list[str]:
        lines = hwbridge("replay", *files[:-1], *with_files(files[-1]), "--json").out.splitlines()
        return [record["key"] for record in map(json.loads, lines) if record["what"] == "raised"]

    assert keys(one, two) == ["/a", "/1", "/2", "/b", "/c", "/3"]
    assert keys(two, one) == ["/a", "/1", "/b", "/2", "/c", "/3"]


@pytest.mark.parametrize(("until", "lines"), [("0s", 0), ("803999us", 0), ("804ms", 3), ("2s", 3), ("1.5h", 6)])
def test_until_is_the_end_of_time(jack_recording: Path, until: str, lines: int) -> None:
    assert replay(jack_recording, "--until", until).out == "".join(TRANSCRIPT.splitlines(keepends=True)[:lines])


def test_expect_is_silent_where_the_bytes_are_those_expected(jack_recording: Path, tmp_path: Path) -> None:
    (tmp_path / "expected").write_text(TRANSCRIPT)

    done = replay(jack_recording, "--expect", tmp_path / "expected")

    assert (done.code, done.out, done.err) == (0, "", "")


@pytest.mark.parametrize(
    ("expected", "diff"),
    [
        (
            TRANSCRIPT.replace("lamp-off 2 succ", "lamp-off 2 fail"),
            "@@ -3,4 +3,4 @@\n 0.804000 completed lamp-on 1 succeeded\n",
        ),
        ("", "@@ -0,0 +1,6 @@\n+0.804000 raised"),
        (
            TRANSCRIPT[:-1],
            "-2.213000 completed lamp-off 2 succeeded\n\\ No newline at end of file\n+2.213000 completed",
        ),
        (TRANSCRIPT.replace("\n", "\r\n"), "-0.804000 activated lamp-on 1\\r\n"),
        (TRANSCRIPT + "\x1b[31mred\n", "-\\x1b[31mred\n"),
        (TRANSCRIPT + "more\x0b\x85\u2028\n", "-more\\x0b\\x85\\u2028\n"),
    ],
    ids=["a line", "empty", "no line feed", "carriage returns", "colours", "other line ends"],
)
def test_expect_shows_what_differs_as_a_unified_diff(
    jack_recording: Path, tmp_path: Path, expected: str, diff: str
) -> None:
    (tmp_path / "expected").write_bytes(expected.encode())

    done = replay(jack_recording, "--expect", tmp_path / "expected")

    assert (done.code, done.err) == (1, "")
    assert done.out.startswith(f"--- {tmp_path}/expected\n+++ replayed\n@@ ")
    assert diff in done.out
    assert "\x1b" not in done.out


def test_expect_compares_bytes_that_are_no_text(jack_recording: Path, tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff"
    Path(os.fsdecode(name)).write_bytes(TRANSCRIPT.encode() + b"\xfe")

    done = replay(jack_recording, "--expect", name)

    assert done.code == 1
    assert done.out.startswith(rf"--- {tmp_path}/\udcff")
    assert "-\\xfe\n\\ No newline at end of file\n" in done.out


def test_an_expected_file_that_cannot_be_read_is_named(jack_recording: Path, tmp_path: Path) -> None:
    assert replay(jack_recording, "--expect", tmp_path).error.endswith(f"{tmp_path}:1: cannot be read: Is a directory")
    done = replay(jack_recording, "--expect", tmp_path / "none")
    assert done.code == 1
    assert done.error == f"hwbridge: {tmp_path}/none:1: cannot be read: No such file or directory"


def test_without_rules_nothing_happens(jack_recording: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()

    done = hwbridge("replay", jack_recording, "--rules", tmp_path / "none", "--tasks", tmp_path / "none")

    assert (done.code, done.out, done.err) == (0, "", "")


def test_a_recording_can_come_through_a_pipe(jack_recording: Path, tmp_path: Path) -> None:
    command = f"{shlex.quote(sys.executable)} -m bridge replay --rules rules.toml --tasks tasks.toml /dev/stdin"
    done = subprocess.run(
        ["/bin/sh", "-c", f"cat {jack_recording.name} | {command}"],
        cwd=tmp_path,
        env=environment_of(None),
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, TRANSCRIPT, b"")


@pytest.mark.usefixtures("sticks")
def test_whoever_reads_one_line_only_gets_it_and_no_complaint(tmp_path: Path) -> None:
    recording = record(tmp_path / "r.jsonl", *((n, f"/{n}", "") for n in range(5000)))
    command = [sys.executable, "-m", "bridge", "replay", *with_files(recording)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment_of(None)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline().decode()
        process.stdout.close()
        errors = process.stderr.read()

    assert re.fullmatch(r"0\.000000 raised .*\n", first)
    assert (process.returncode, errors) == (0, b"")


@pytest.mark.parametrize("verb", [("replay", "jack.jsonl"), ("check",), ("--help",)], ids=" ".join)
def test_a_full_disk_is_one_line(jack_recording: Path, verb: tuple[str, ...]) -> None:
    files = () if verb == ("--help",) else ("--rules", "rules.toml", "--tasks", "tasks.toml")
    full = os.open("/dev/full", os.O_WRONLY)
    done = hwbridge(*verb, *files, cwd=jack_recording.parent, stdout=full)
    os.close(full)

    assert (done.code, done.error) == (1, "hwbridge: cannot print: No space left on device")


@pytest.mark.parametrize(
    "arguments",
    [(), ("",), ("x", "--until", "10"), ("x", "--until", "s\n\x1b"), ("x", "--expect"), ("x", "-x")],
    ids=ascii,
)
def test_wrong_usage_is_one_line(arguments: tuple[str, ...]) -> None:
    done = hwbridge("replay", *arguments)

    assert done.code == 2
    assert done.error.endswith(" --help")
    assert "\x1b" not in done.error

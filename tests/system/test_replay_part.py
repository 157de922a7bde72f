"""`hwbridge replay --from --to --until`: a part of a recording, at its own times, with the state that was there."""

import json
from pathlib import Path

import pytest
from daemon import GUID, Argument, Done, hwbridge
from jack import RULES

STICKS = f"""
[[rule]]
name = "stick"
source = "udev"
match = {{ action = "add" }}
raise = "{GUID}"
start_state = "always"
edge = true
"""


def replay(folder: Path, *arguments: Argument) -> Done:
    return hwbridge("replay", folder / "jack.jsonl", *arguments, "--rules", folder / "rules.toml")


def raised_at(done: Done) -> list[str]:
    assert (done.code, done.err) == (0, "")
    return [line.split()[0] for line in done.out.splitlines() if " raised " in line]


def record(path: Path, *events: tuple[float, str, str]) -> Path:
    """Writes a recording of devices: when, what happened, and to which."""
    lines = ['{"hwbridge-recording": 1}']
    for at, action, devpath in events:
        lines.append(json.dumps({"at": at, "source": "udev", "action": action, "devpath": devpath}))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def folder(jack_recording: Path) -> Path:
    """A jack that is plugged at 0.804 and pulled at 2.213."""
    return jack_recording.parent


@pytest.mark.parametrize(
    ("options", "times"),
    [
        ("--from 0s", ["0.804000", "2.213000"]),
        ("--to 1h", ["0.804000", "2.213000"]),
        ("--from 804ms --to 804ms", ["0.804000"]),
        ("--from 804001us", ["2.213000"]),
        ("--from 2.213s --until 2.213s", ["2.213000"]),
        ("--to 2212999us", ["0.804000"]),
        ("--from 1s --to 2s", []),
        ("--from 1d", []),
    ],
)
def test_a_part_has_its_first_and_last_instant_and_the_recordings_times(
    folder: Path, options: str, times: list[str]
) -> None:
    assert raised_at(replay(folder, *options.split())) == times


def test_what_was_there_before_is_found_at_the_beginning(folder: Path) -> None:
    (folder / "rules.toml").write_text(STICKS)
    events = [(1, "add", "/1"), (2, "add", "/2"), (3, "add", "/3"), (4, "remove", "/2"), (4, "change", "/3")]
    record(folder / "jack.jsonl", *events, (7, "change", "/1"), (8, "add", "/1"), (9, "add", "/2"))

    raised = [json.loads(line) for line in replay(folder, "--from", "5s", "--json").out.splitlines()]

    assert [(each["at"], each["key"]) for each in raised] == [(5, "/1"), (5, "/3"), (8, "/1"), (9, "/2")]


def test_a_rule_that_was_true_before_is_not_raised_again(folder: Path) -> None:
    (folder / "rules.toml").write_text(STICKS.replace("always", "ignore"))
    record(folder / "jack.jsonl", (1, "add", "/1"), (6, "add", "/1"), (7, "add", "/2"))

    assert raised_at(replay(folder, "--from", "5s")) == ["7.000000"]


def test_behind_the_end_of_a_part_filters_run_out(folder: Path) -> None:
    (folder / "rules.toml").write_text(RULES.replace("edge = true", 'hold_for = "1s"'))

    assert raised_at(replay(folder, "--to", "2.213s")) == ["1.804000", "3.213000"]
    assert raised_at(replay(folder, "--to", "2.213s", "--until", "3.2s")) == ["1.804000"]
    assert raised_at(replay(folder, "--to", "1s")) == ["1.804000"]


def test_several_recordings_have_their_time_in_common(folder: Path) -> None:
    (folder / "rules.toml").write_text(STICKS)
    one = record(folder / "jack.jsonl", (1, "add", "/1"), (6, "add", "/2"), (9, "add", "/3"))
    record(folder / "other.jsonl", (2, "remove", "/1"), (6, "add", "/4"), (8, "add", "/5"))

    done = hwbridge("replay", folder / "other.jsonl", one, "--rules", folder / "rules.toml", "--from", "5s", "--json")

    assert [json.loads(line)["key"] for line in done.out.splitlines()] == ["/4", "/2", "/5", "/3"]


@pytest.mark.parametrize("end", ["--to", "--until"])
def test_a_part_does_not_end_before_it_begins(folder: Path, end: str) -> None:
    done = replay(folder, "--from", "1500ms", end, "1s")

    assert (done.code, done.error) == (2, f"hwbridge: --from 1500ms is later than {end} 1s")


@pytest.mark.parametrize("option", ["--from", "--to", "--until"])
@pytest.mark.parametrize("text", ["", "10", "-1s", "1.5us", "soon", "1s 2s", "\x1b[2J"], ids=ascii)
def test_what_is_no_duration_is_wrong_usage(folder: Path, option: str, text: str) -> None:
    done = replay(folder, f"{option}={text}")

    assert done.code == 2
    assert f"argument {option}: " in done.error
    assert "\x1b" not in done.error

"""`hwbridge replay` with tasks: triggers of time, where time begins, and what is said of tasks beside the lines."""

from pathlib import Path

import pytest

from bridge.cli import main

GUID = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
RULES = f"""\
[[rule]]
name = "key"
source = "evdev"
match = {{ type = "EV_KEY", value = 1 }}
raise = "{GUID}"
key = ""
details = {{}}
"""


def event(at: float) -> str:
    return f'{{"at": {at}, "source": "evdev", "device": "/dev/input/event1", "code": "KEY_A", "value": 1}}\n'


@pytest.fixture
def replay(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> "Replaying":
    return Replaying(tmp_path, capfd)


class Replaying:
    """A folder with rules and tasks, in which recordings are replayed."""

    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self._folder = folder
        self._capfd = capfd
        (folder / "rules.toml").write_text(RULES)

    def __call__(self, times: list[float], task: str, *options: str) -> tuple[list[str], list[str]]:
        """What is printed, and what is remarked on standard error."""
        (self._folder / "tasks.toml").write_text(f'[[task]]\nname = "t"\n{task}')
        recording = self._folder / "keys.jsonl"
        recording.write_text('{"hwbridge-recording": 1}\n' + "".join(map(event, times)))
        files = ("--rules", str(self._folder / "rules.toml"), "--tasks", str(self._folder / "tasks.toml"))
        assert main(["replay", str(recording), *files, *options]) == 0
        captured = self._capfd.readouterr()
        return captured.out.replace(GUID, "it").splitlines(), captured.err.splitlines()


EVERY_SECOND = 'triggers = [{ time = "1s" }]\nrun = { exec = ["true"] }\n'
FAILING = f'triggers = [{{ custom = "{GUID}" }}]\nrun = {{ exec = ["false"] }}\n'


def raises_of_time(lines: list[str]) -> list[str]:
    return [line.split()[0] for line in lines if line.endswith("raised TimeTrigger t")]


def test_periods_count_from_the_first_event_where_times_count_from_1970(replay: Replaying) -> None:
    lines, _ = replay([1_700_000_000.5, 1_700_000_003.0], EVERY_SECOND)

    assert raises_of_time(lines) == ["1700000001.500000", "1700000002.500000"]


def test_of_a_part_periods_count_from_its_beginning(replay: Replaying) -> None:
    lines, _ = replay([1.0, 2.75, 5.0], EVERY_SECOND, "--from", "2500ms")

    assert raises_of_time(lines) == ["3.500000", "4.500000"]


def test_what_is_due_by_until_happens_behind_the_last_event(replay: Replaying) -> None:
    lines, _ = replay([0.0], EVERY_SECOND, "--until", "3s")

    assert raises_of_time(lines) == ["1.000000", "2.000000", "3.000000"]


def test_a_quarantine_is_told_and_why_is_remarked(replay: Replaying) -> None:
    lines, remarks = replay([float(at) for at in range(11)], FAILING, "--run")

    assert lines[-4:] == [
        "9.000000 completed t 10 failed",
        "9.000000 quarantined t",
        "10.000000 raised it key",
        "10.000000 latched t",
    ]
    assert remarks[-2:] == [
        "hwbridge: t 10 failed: exit 1",
        "hwbridge: t is quarantined: 10 activations in a row have failed",
    ]


def test_what_fails_is_run_again_with_time_that_is_given(replay: Replaying) -> None:
    lines, _ = replay([0.0], FAILING + 'retry = { attempts = 2, backoff = "2s" }\n', "--run", "--until", "5s")

    assert [line for line in lines if "activated" in line] == ["0.000000 activated t 1", "2.000000 activated t 2"]

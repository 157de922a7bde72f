"""Tier 4: every folder of hw_fixtures leads to what it is expected to lead to, under its own rules or those shipped."""

import json
from pathlib import Path

import pytest

from bridge.cli import main

ROOT = Path(__file__).parents[2]
FIXTURES = sorted(path for path in (ROOT / "hw_fixtures").iterdir() if path.is_dir())
WITH_TASKS = [folder for folder in FIXTURES if (folder / "tasks").exists()]


def rules_of(folder: Path) -> str:
    own = folder / "rules.toml"
    return str(own if own.exists() else ROOT / "rules")


@pytest.mark.parametrize("folder", FIXTURES, ids=lambda folder: folder.name)
def test_a_recorded_device_raises_what_is_expected(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording, expected, no_tasks = str(folder / "recording.jsonl"), str(folder / "recording.expected"), str(tmp_path)

    code = main(["replay", recording, "--rules", rules_of(folder), "--tasks", no_tasks, "--expect", expected])

    assert (code, capsys.readouterr().out) == (0, "")


@pytest.mark.parametrize("folder", WITH_TASKS, ids=lambda folder: folder.name)
def test_with_its_tasks_it_leads_to_what_is_expected(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording, expected, tasks = (str(folder / name) for name in ("recording.jsonl", "tasks.expected", "tasks"))

    code = main(["replay", recording, "--rules", rules_of(folder), "--tasks", tasks, "--expect", expected])

    assert (code, capsys.readouterr().out) == (0, "")


def test_what_was_scanned_offline_is_one_run_with_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    folder = ROOT / "hw_fixtures" / "wait-for-internet"
    files = [str(folder / "recording.jsonl"), "--rules", rules_of(folder), "--tasks", str(folder / "tasks")]

    main(["replay", *files, "--json"])
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert [each["merged"] for each in objects if each["what"] == "activated"] == [3, 1]
    assert [each["merged"] for each in objects if each["what"] == "latched"] == [1, 2, 3, 1]


def test_a_device_watcher_is_told_of_what_comes_together_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    folder = ROOT / "hw_fixtures" / "tty-watcher"
    files = [str(folder / "recording.jsonl"), "--rules", rules_of(folder), "--tasks", str(folder / "tasks")]

    main(["replay", *files, "--json"])
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert [[(told["kind"], told["devnode"]) for told in each["batch"]] for each in objects if "batch" in each] == [
        [("Add", "/dev/ttyUSB0")],
        [("Add", "/dev/ttyUSB1"), ("Add", "/dev/ttyUSB2")],
        [("Update", "/dev/ttyUSB1")],
        [("Remove", "/dev/ttyUSB2"), ("Remove", "/dev/ttyUSB1")],
    ]


@pytest.mark.parametrize("folder", FIXTURES, ids=lambda folder: folder.name)
def test_a_fixture_says_what_it_is(folder: Path) -> None:
    assert (folder / "README.md").read_text().startswith(f"# {folder.name}\n")

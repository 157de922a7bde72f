"""Tier 4: every folder of hw_fixtures leads to what it is expected to lead to, under its own rules or those shipped."""

from pathlib import Path

import pytest

from bridge.cli import main

ROOT = Path(__file__).parents[2]
FIXTURES = sorted(path for path in (ROOT / "hw_fixtures").iterdir() if path.is_dir())


@pytest.mark.parametrize("folder", FIXTURES, ids=lambda folder: folder.name)
def test_a_recorded_device_raises_what_is_expected(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording, expected = str(folder / "recording.jsonl"), str(folder / "recording.expected")
    own = folder / "rules.toml"
    rules, no_tasks = str(own if own.exists() else ROOT / "rules"), str(tmp_path)

    code = main(["replay", recording, "--rules", rules, "--tasks", no_tasks, "--expect", expected])

    assert (code, capsys.readouterr().out) == (0, "")


@pytest.mark.parametrize("folder", FIXTURES, ids=lambda folder: folder.name)
def test_a_fixture_says_what_it_is(folder: Path) -> None:
    assert (folder / "README.md").read_text().startswith(f"# {folder.name}\n")

"""A stranger's project tests its rules, tasks and handlers with our plugin, and learns from what fails."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.cli import main
from tests.plugin.strangers import Desk, Run

BRIDGE = Path(__file__).parents[2] / "bridge"
MISTAKES = {
    "test_no_recording": "RecordingError: failing/../recordings/jak.jsonl:1: is not there; a relative path starts at "
    "the folder of the test; did you mean jack.jsonl?",
    "test_no_rules": "DeclarationError: failing/../rule:1: is not there; a relative path starts at the folder of the "
    "test; did you mean rules?",
    "test_wrong_rules": 'DeclarationError: <rules>:2: [rule "door"] source: missing',
    "test_wrong_recording": "RecordingError: failing/test_mistakes.py:1: is not JSON, ",
    "test_unknown_task": "InvalidValueError: no task has the name 'lampe'; there are index, lamp, shutdown; did you "
    "mean lamp?",
    "test_no_task": "InvalidValueError: no task has the name 'lamp'; declare it by replay(tasks=...)",
    "test_unknown_condition": "on-mains; did you mean on-mains?",
    "test_no_duration": "InvalidDurationError: -1 is not a duration: a number and one of us, ms, s, m, h, d",
    "test_unknown_field": "InvalidValueError: emit('evdev'): 'valeu' is no field of evdev; did you mean value?",
    "test_unknown_code": "InvalidValueError: emit('evdev'): Linux has no input event code 'KEY_AA'; did you mean",
    "test_unknown_source": "InvalidValueError: emit('evdef'): source is 'evdef', not one of udev, evdev, ",
    "test_no_open_run": "InvalidValueError: no run of the task 'lamp' is open",
    "test_no_reason": "InvalidValueError: 'Abortion' is no reason to cancel; there are Abort, Terminating, ",
}
"""For each test in failing/test_mistakes.py what pytest shows of it."""
REASONS = {
    "test_nothing_is_raised_by_the_wrong_value": "  headphones-in: never: closest at 0.000000: value is 0, wanted 1",
    "test_nothing_is_raised_while_a_condition_is_unknown": "condition 'on-mains' is not known yet",
    "test_a_key_was_not_held_long_enough": "  power-held: never: closest at 2.999000: was true for 2.999s, wanted",
    "test_after_a_restart_too": "otherwise closest at 0.000000: was found, and raised in this boot already",
    "test_rules_were_never_declared": "  none is declared: hwbridge.replay(rules=...) declares some",
    "test_rules_were_given_anew_while_a_timer_ran": "  any-disk: never: no event of udev came",
    "test_a_task_waits_for_a_condition": "  send: jack.connected was raised; 1 raise waits: condition "
    "'InternetAvailable' is not known yet",
    "test_much_has_happened": "  ... 14960 lines before",
    "test_the_expected_file_is_another_one": "-0.104000 raised {9118718B-FF80-4AFE-BAF1-D88A4525F3AB} headphones-out",
}
"""For each test in failing/test_failing.py what pytest shows of why it failed."""


def names_of_tests(folder: Path) -> set[str]:
    return {name for file in folder.glob("test_*.py") for name in re.findall(r"def (test_\w+)", file.read_text())}


def test_its_tests_pass(desk: Desk) -> None:
    run = desk.run_pytest()

    assert run.outcomes == dict.fromkeys(names_of_tests(desk.folder / "tests"), "PASSED"), run.printed
    assert run.code == 0


@pytest.mark.parametrize("name", ["jack", "mains"])
def test_what_it_expects_is_what_the_command_line_prints(
    desk: Desk, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [
        str(desk.folder / "recordings" / f"{name}.jsonl"),
        "--expect",
        str(desk.folder / "tests" / f"{name}.expected"),
    ]

    code = main(["replay", *files, "--rules", str(desk.folder / "rules"), "--tasks", str(desk.folder / "tasks")])

    assert (code, capsys.readouterr().out) == (0, "")


def test_expected_files_are_written_when_asked_for_and_it_is_told(desk: Desk) -> None:
    expected = desk.folder / "tests" / "jack.expected"
    content = expected.read_bytes()
    expected.unlink()

    missing = desk.run_pytest("tests/test_rules.py")
    assert "tests/jack.expected is not there; pytest --update-expected writes it" in missing.printed
    assert missing.code == 1
    assert not expected.exists()

    written = desk.run_pytest("tests/test_rules.py", "--update-expected")
    assert re.findall(r"^hwbridge: wrote (.*)$", written.printed, re.MULTILINE) == ["tests/jack.expected"]
    assert (written.code, expected.read_bytes()) == (0, content)

    assert "hwbridge: wrote" not in desk.run_pytest("tests/test_rules.py", "--update-expected").printed


def test_what_is_wrong_fails_and_nothing_else_does(failing: Run) -> None:
    others = {"test_a_failure_is_expected": "XFAIL", "test_a_passing_one": "PASSED"}

    assert failing.outcomes == dict.fromkeys([*REASONS, *MISTAKES], "FAILED") | others, failing.printed


def test_what_fails_says_what_was_raised_and_why_the_rest_was_not(failing: Run) -> None:
    reports = {test: failing.report(test) for test in REASONS}

    assert {test for test, reason in REASONS.items() if reason not in reports[test]} == set(), failing.printed
    assert [test for test, report in reports.items() if report.count("- hwbridge -") != 1] == []
    assert failing.printed.count("- hwbridge -") == len(REASONS)
    assert max(len(report.splitlines()) for report in reports.values()) < 100


def test_a_transcript_stands_in_the_report(failing: Run) -> None:
    report = failing.report("test_after_a_restart_too")

    assert (
        """\
what happened until 0.000000:
  0.000000 raised {9118718B-FF80-4AFE-BAF1-D88A4525F3AB} headphones-in
  0.000000 activated lamp 1
  0.000000 completed lamp 1 succeeded
rules:
  power-held: never: """
        in report
    )
    assert (
        """\
tasks that did not run:
  index: disk.added was not raised
  shutdown: power.held was not raised
"""
        in report
    )


def test_a_mistake_is_shown_by_what_is_wrong_and_the_line_of_the_test(failing: Run) -> None:
    reports = {test: failing.report(test) for test in MISTAKES}

    assert {test for test, message in MISTAKES.items() if message not in reports[test]} == set(), failing.printed
    assert [test for test, report in reports.items() if "bridge/" in report or "- hwbridge -" in report] == []
    assert max(len(report.splitlines()) for report in reports.values()) < 25


def test_every_error_of_all_files_is_shown(failing: Run) -> None:
    report = failing.report("test_wrong_rules")

    assert [line.partition(" ")[2].strip() for line in report.splitlines() if line.startswith("E ")] == [
        'bridge.errors.DeclarationError: <rules>:2: [rule "door"] source: missing',
        '<rules>:4: [rule "door"] sauce: unknown key; did you mean source?',
        "<rules>:6: [rule \"door\"] raise: 'door.opened' is not a name in [triggers] or a GUID",
    ]


def test_the_plugin_loads_nothing_before_a_test_asks_for_the_fixture() -> None:
    program = "import bridge.testing.plugin, sys; print(*sorted(each for each in sys.modules if 'bridge' in each))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()

    assert loaded == ["bridge", "bridge.testing", "bridge.testing.plugin"]


def test_nothing_but_the_plugin_imports_pytest() -> None:
    importing = {
        str(path.relative_to(BRIDGE))
        for path in BRIDGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Import) and "pytest" in {each.name.split(".")[0] for each in node.names})
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "pytest")
    }

    assert importing == {"testing/plugin.py"}


def test_our_own_run_is_without_the_plugin(request: pytest.FixtureRequest) -> None:
    assert not request.config.pluginmanager.has_plugin("hwbridge")

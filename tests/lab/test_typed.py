"""Input devices that are grabbed, and scanners that type: each test reads what its scenario saw in the guest."""

from collections.abc import Mapping
from typing import Any

import pytest

Result = Mapping[str, Any]


@pytest.mark.lab("keyboard_grabbed")
def test_a_keyboard_is_taken_when_no_key_is_down_so_that_no_key_stays_down_for_others(result: Result) -> None:
    seen = result["seen"]

    assert seen["while the key is held"] == ["B+", "A+", "A-"]
    assert seen["when it is let go"] == ["B-"]


@pytest.mark.lab("keyboard_grabbed")
def test_others_get_nothing_of_a_keyboard_that_is_grabbed_and_rules_do(result: Result) -> None:
    assert result["seen"]["while it is grabbed"] == []
    assert result["seen"]["runs"] == 2


@pytest.mark.lab("keyboard_grabbed")
def test_a_daemon_that_is_killed_gives_the_keyboard_back(result: Result) -> None:
    assert result["exit_status"] == -9
    assert result["seen"]["after the daemon's death"] == ["A+", "A-"]


@pytest.mark.lab("keyboard_that_another_has")
def test_a_keyboard_that_another_program_has_is_named_and_taken_when_it_is_given_back(result: Result) -> None:
    (refused,) = result["seen"]["refused at first"]

    assert result["seen"]["node"] in refused
    assert "another program has it" in refused
    assert result["seen"]["refused at last"] == []
    assert result["seen"]["while it is grabbed"] == []
    assert result["log"].count(refused) == 1


@pytest.mark.lab("keys_lost_in_a_line")
def test_a_line_from_which_the_kernel_lost_keys_is_not_told_and_the_next_one_is(result: Result) -> None:
    assert result["seen"] == {"lines": ["first", "next"], "lost": 1}


@pytest.mark.lab("keys_lost_in_a_line")
def test_what_is_typed_for_a_port_is_not_in_the_log(result: Result) -> None:
    assert not any(word in result["log"].lower() for word in ("first\n", "begun", "tail", "xxx"))
    assert result["log"].count("SYN_DROPPED") == 1


@pytest.mark.lab("scanner_recorded")
def test_a_scanner_that_is_a_keyboard_comes_types_lines_and_goes(result: Result) -> None:
    assert [next(iter(run["details"].items())) for run in result["seen"]["runs"]] == [
        ("device", result["seen"]["node"]),
        ("number", "4006381333931"),
        ("lot", "Lot-7/B"),
        ("device", result["seen"]["node"]),
    ]


@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(name, marks=pytest.mark.lab(name))
        for name in ("keyboard_that_another_has", "keys_lost_in_a_line", "scanner_recorded")
    ],
)
def test_the_daemon_ends_cleanly_and_without_a_traceback(scenario: str, result: Result) -> None:
    assert result["scenario"] == scenario
    assert result["exit_status"] == 0, result["log"]
    assert "Traceback" not in result["log"]

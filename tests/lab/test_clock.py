"""A clock that is set, and sleep: each test reads what its scenario saw in the guest (tests/lab/inside/clock.py)."""

from collections.abc import Mapping
from typing import Any

import pytest

Result = Mapping[str, Any]
SECOND = 1_000_000
HOUR = 3600


def details_of(result: Result, task: str) -> list[Mapping[str, str]]:
    return [run["details"] for run in result["seen"]["runs"] if run["task"] == task]


@pytest.mark.lab("clock_set")
def test_a_clock_that_is_set_tells_by_how_much(result: Result) -> None:
    an_hour, half_a_year = (int(details["value"]) for details in details_of(result, "stepped"))

    assert abs(an_hour - HOUR * SECOND) < SECOND
    assert half_a_year > 180 * 24 * HOUR * SECOND


@pytest.mark.lab("clock_set")
def test_another_offset_in_force_is_a_change_of_the_zone_and_a_clock_that_is_set_is_none(result: Result) -> None:
    assert details_of(result, "zone") == [
        {"zone": "Europe/Berlin", "offset": str(2 * HOUR)},
        {"zone": "Asia/Tokyo", "offset": str(9 * HOUR)},
    ]


@pytest.mark.lab("clock_set")
def test_the_daemon_whose_clock_was_set_ends_cleanly(result: Result) -> None:
    assert result["exit_status"] == 0, result["log"]
    assert "Traceback" not in result["log"]


@pytest.mark.lab("machine_sleeps")
def test_a_daemon_with_nothing_to_do_notices_sleep_and_looks_at_everything(result: Result) -> None:
    resume = result["seen"]["resume"]

    assert resume["name"] == "Resume"
    assert abs(resume["value"] - result["seen"]["slept"]) < SECOND
    assert resume["value"] > SECOND
    assert "resumed after" in result["log"]


@pytest.mark.lab("machine_sleeps")
def test_after_sleep_a_device_is_heard_as_before(result: Result) -> None:
    jack = result["seen"]["jack"]

    assert (jack["code"], jack["value"], jack["origin"]) == ("SW_HEADPHONE_INSERT", 0, "live")
    assert "Traceback" not in result["log"]

"""Presence on a real kernel, by what is typed on a keyboard: each test reads what its scenario saw in the guest."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.lab.inside.session import TAPS


@pytest.mark.lab("somebody_types")
def test_who_types_is_there_and_who_stops_is_away(result: Mapping[str, Any]) -> None:
    seen = result["seen"]

    assert seen["raised before"] == 0
    assert seen["runs"] == ["UserPresent", "UserAway"]
    assert seen["raised"] == 2


@pytest.mark.lab("somebody_types")
def test_who_goes_on_typing_does_not_keep_the_daemon_awake(result: Mapping[str, Any]) -> None:
    assert result["seen"]["woken"] < TAPS / 4


@pytest.mark.lab("somebody_types")
def test_keyboards_are_counted_and_none_is_refused(result: Mapping[str, Any]) -> None:
    (devices,) = result["seen"]["monitor"]["devices"]

    assert devices.endswith(" keyboards and pointers")
    assert result["seen"]["monitor"]["refused"] == []


@pytest.mark.lab("somebody_types")
def test_the_daemon_ends_cleanly_and_logs_nothing_of_what_is_typed(result: Mapping[str, Any]) -> None:
    assert result["exit_status"] == 0, result["log"]
    assert "Traceback" not in result["log"]
    assert "KEY_" not in result["log"]

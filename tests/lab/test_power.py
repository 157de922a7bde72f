"""Power on a real kernel: each test reads what its scenario saw in the guest."""

from collections.abc import Mapping
from typing import Any

import pytest


@pytest.mark.lab("mouse_with_a_battery")
def test_the_battery_of_a_mouse_is_a_supply_of_the_kernels_and_none_of_ours(result: Mapping[str, Any]) -> None:
    seen = result["seen"]

    assert list(seen["scopes"].values()) == ["Device"]
    assert seen["shown"] == {
        "source": "system.power",
        "devices": ["background work costs 0"],
        "refused": [],
        "lost": 0,
    }
    assert seen["runs"] == ["gone"]


@pytest.mark.lab("mouse_with_a_battery")
def test_the_daemon_ends_cleanly_and_says_nothing_of_it(result: Mapping[str, Any]) -> None:
    assert result["exit_status"] == 0, result["log"]
    assert "Traceback" not in result["log"]
    assert "power" not in result["log"]

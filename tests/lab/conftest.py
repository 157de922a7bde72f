"""Tier 3: one guest for the whole test session, in which every scenario runs that a collected test asks for."""

import json
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from tests.lab.guest import LabMissingError, find_lab, run_in_guest

collect_ignore = ["inside"]  # the guest's programs
GUEST_SECONDS = 270
"""For all scenarios, the boot included; a guest that needs more hangs."""

Result = Mapping[str, Any]


@pytest.fixture(scope="session")
def results(request: pytest.FixtureRequest) -> Mapping[str, Result]:
    """What each scenario told, by its name."""
    try:
        find_lab()
    except LabMissingError as error:
        pytest.skip(str(error))
    markers = [item.get_closest_marker("lab") for item in request.session.items]
    scenarios = list(dict.fromkeys(marker.args[0] for marker in markers if marker is not None))
    guest = run_in_guest([sys.executable, "-m", "tests.lab.inside", *scenarios], timeout_seconds=GUEST_SECONDS)
    assert guest.returncode == 0, guest.console
    told = [json.loads(line) for line in guest.stdout.splitlines()]
    return {result["scenario"]: result for result in told}


@pytest.fixture
def result(request: pytest.FixtureRequest, results: Mapping[str, Result]) -> Result:
    """What the scenario told that the test's marker names; the test fails here if the scenario did."""
    told = results[request.node.get_closest_marker("lab").args[0]]
    if told["failure"] is not None:
        pytest.fail(f"{told['failure']}\nthe daemon's log:\n{told['log'] or '(empty)'}", pytrace=False)
    return told

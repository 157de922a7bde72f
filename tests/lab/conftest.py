"""Tier 3: one guest for the whole test session, in which every scenario runs that a collected test asks for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.lab.guest import BOOT_SECONDS, GuestError, LabMissingError, find_lab, run_in_guest, scenarios_command
from tests.lab.inside.clock import LAST

collect_ignore = ["inside"]  # the guest's programs
GUEST_SECONDS = 2100
"""For all scenarios, the boot included; a guest that needs more hangs."""
TEST_SECONDS = BOOT_SECONDS + GUEST_SECONDS + 60
"""For each test: the first one waits for a boot that hangs, for all scenarios, and for what is done about them here."""

Result = Mapping[str, Any]
SECONDS = pytest.StashKey[Mapping[str, int]]()
"""How long each scenario took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What each scenario told, by its name, and how the guest ended: why there may be no more."""

    results: Mapping[str, Result]
    end: str


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gives the tests of the lab their time."""
    for item in items:
        if item.get_closest_marker("lab") is not None:
            item.add_marker(pytest.mark.timeout(TEST_SECONDS))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says how long each scenario took, with `-v`."""
    if config.get_verbosity() > 0:
        for scenario, seconds in config.stash.get(SECONDS, {}).items():
            terminalreporter.write_line(f"{seconds:4} s  {scenario}")


@pytest.fixture(scope="session")
def told(request: pytest.FixtureRequest) -> Told:
    """Boots the guest and runs the scenarios that the session's tests name in their markers."""
    try:
        find_lab()
    except LabMissingError as error:
        pytest.skip(str(error))
    markers = [item.get_closest_marker("lab") for item in request.session.items]
    scenarios = list(dict.fromkeys(marker.args[0] for marker in markers if marker is not None))
    scenarios.sort(key=lambda name: name == LAST)
    try:
        guest = run_in_guest(scenarios_command(scenarios), timeout_seconds=GUEST_SECONDS)
        stdout, end = guest.stdout, f"the guest's program ended with {guest.returncode}:\n{guest.console}"
    except GuestError as error:
        stdout, end = error.stdout, str(error)
    results = [json.loads(line) for line in stdout.splitlines()]
    request.config.stash[SECONDS] = {result["scenario"]: result["seconds"] for result in results}
    return Told(results={result["scenario"]: result for result in results}, end=end)


@pytest.fixture
def result(request: pytest.FixtureRequest, told: Told) -> Result:
    """What the scenario told that the test's marker names; the test fails here if the scenario did."""
    scenario = request.node.get_closest_marker("lab").args[0]
    if scenario not in told.results:
        pytest.fail(f"no word of {scenario}: {told.end}", pytrace=False)
    result = told.results[scenario]
    if result["failure"] is not None:
        pytest.fail(f"{result['failure']}\nthe daemon's log:\n{result['log'] or '(empty)'}", pytrace=False)
    return result

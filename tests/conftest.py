"""What all tests share: how Hypothesis runs, and the rule that CI skips nothing that is not on the named list."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No test depends on how fast the machine is, or on how long by chance the first examples are. In CI the profile that
# this one is made from fixes the seed.
CHANCE = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("hwbridge", settings(), deadline=None, suppress_health_check=CHANCE)
settings.load_profile("hwbridge")

os.umask(0o022)  # what others may write, no daemon believes

ALLOWED_SKIPS = Path(__file__).parents[1] / ".ci" / "allowed-skips"


def allowed_skips() -> set[str]:
    """The tests that CI may skip: a line each, `path::test  # reason`."""
    lines = (line.partition("#")[0].strip() for line in ALLOWED_SKIPS.read_text().splitlines())
    return {line for line in lines if line}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    unexpected = _unexpected_skips(terminalreporter)
    for report in unexpected:
        terminalreporter.write_line(f"skipped in CI, and not in {ALLOWED_SKIPS.name}: {report.nodeid}", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and session.exitstatus == pytest.ExitCode.OK and _unexpected_skips(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _unexpected_skips(reporter: pytest.TerminalReporter) -> list[pytest.TestReport]:
    if os.environ.get("CI") != "true":
        return []
    allowed = allowed_skips()
    return [report for report in reporter.stats.get("skipped", []) if report.nodeid.partition("[")[0] not in allowed]

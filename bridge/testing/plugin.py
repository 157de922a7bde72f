"""The pytest plugin: the fixture `hwbridge`, `--update-expected`, and a section of why in the report of a failed test.

Nothing of hwbridge is loaded before a test asks for the fixture, so that a test run which never does loses no time.
It works with pytest 7.2 and later; annotations are texts, since older ones do not have every name.
"""

import pytest

TYPE_CHECKING = False  # typing's own would be loaded for nothing
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from bridge.testing.bench import Bench
    from bridge.testing.expected import Expectations

_BENCH: "pytest.StashKey[Bench]" = pytest.StashKey()
_EXPECTATIONS: "pytest.StashKey[Expectations]" = pytest.StashKey()


def pytest_addoption(parser: "pytest.Parser") -> None:
    """Adds `--update-expected`."""
    parser.getgroup("hwbridge").addoption(
        "--update-expected",
        action="store_true",
        help="write what was replayed to the files that hwbridge.expect names, instead of comparing",
    )


@pytest.fixture
def hwbridge(request: "pytest.FixtureRequest") -> "Bench":
    """A bench with hwbridge and no hardware: replay, emit, let time go by, look at what was raised and what ran."""
    from bridge.testing.bench import Bench
    from bridge.testing.expected import Expectations

    config = request.config
    expectations = config.stash.setdefault(_EXPECTATIONS, Expectations(config.getoption("--update-expected")))
    bench = Bench(request.path.parent, expectations)
    request.node.stash[_BENCH] = bench
    return bench


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: "pytest.Item", call: "pytest.CallInfo[None]") -> "Generator[None, Any, None]":
    """Adds to the report of a failure what was raised, what was not, and why."""
    outcome = yield
    report = outcome.get_result()
    bench = item.stash.get(_BENCH, None)
    if bench is None or call.excinfo is None or not report.failed or report.when == "teardown":
        return
    from bridge.errors import BridgeError

    if not isinstance(call.excinfo.value, BridgeError):  # that is a mistake of the test, and says so itself
        report.sections.append(("hwbridge", bench.explanation()))


def pytest_terminal_summary(terminalreporter: "pytest.TerminalReporter", config: "pytest.Config") -> None:
    """Says which expected files were written."""
    expectations = config.stash.get(_EXPECTATIONS, None)
    for file in expectations.written if expectations is not None else ():
        terminalreporter.write_line(f"hwbridge: wrote {file}")

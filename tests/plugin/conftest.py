"""What the tests of the pytest plugin share: copies of a stranger's project, and the run of its tests that fail."""

from pathlib import Path

import pytest

from tests.plugin.strangers import PROJECT, Desk, Run, copied

collect_ignore = [str(PROJECT)]  # its tests are run by ours, with its own pytest.ini


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A copy of one's own."""
    return copied(tmp_path)


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The run of the tests that fail."""
    return copied(tmp_path_factory.mktemp("failing")).run_pytest("failing")

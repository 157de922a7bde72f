"""Fixtures of the system tests: folders and daemons of their own."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jack
import pytest
from daemon import Daemon


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    """A daemon that is not started yet."""
    return Daemon(tmp_path)


@pytest.fixture
def jack_recording(tmp_path: Path) -> Path:
    """A recording of a jack; rules.toml and tasks.toml that go with it stand beside it."""
    return jack.write(tmp_path)


@pytest.fixture
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that other users may look into, as they may not into pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)

"""A control group of its own for a test, in which it can make others. It moves nothing there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bridge.errors import DeviceError
from bridge.hosts.cgroups import folder_for_runs


@contextmanager
def empty_folder() -> Iterator[Path]:
    """The folder of a control group; asserts that none is left in it. Skips the test where there can be none."""
    try:
        ours = folder_for_runs()
    except DeviceError as error:
        pytest.skip(f"needs a control group of version 2 that we may make others in: {error}")
    folder = ours / f"test-{os.getpid()}"
    folder.mkdir()
    try:
        yield folder
        assert [entry for entry in folder.iterdir() if entry.is_dir()] == []
    finally:
        for left in folder.glob("*/"):
            left.rmdir()
        folder.rmdir()

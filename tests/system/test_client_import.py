"""`import bridge` costs next to nothing, and every public name is there when it is asked for."""

import subprocess
import sys

import pytest

import bridge

HEAVY = {
    "argparse", "asyncio", "ctypes", "dataclasses", "enum", "evdev", "inspect", "json", "logging", "msgspec", "pathlib",
    "psutil", "pyudev", "re", "rich", "select", "serial", "socket", "sqlite3", "struct", "subprocess", "threading",
    "tomllib", "typing", "bridge.client", "bridge.errors", "bridge.model",
}  # fmt: skip
SENDING = {"asyncio", "evdev", "psutil", "pyudev", "rich", "serial", "sqlite3", "subprocess", "bridge.service"}
"""What no application needs that registers a task and is told of it."""


def loaded_by(program: str) -> set[str]:
    """The modules that a program has loaded, and an interpreter that runs no program has not."""
    asked = f"{program}\nimport sys; print(*sys.modules)"
    loaded, empty = (
        subprocess.run([sys.executable, "-c", each], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        for each in (asked, "import sys; print(*sys.modules)")
    )
    return set(loaded) - set(empty)


def test_importing_bridge_loads_nothing_of_it_and_nothing_heavy() -> None:
    assert loaded_by("import bridge") & HEAVY == set()


def test_all_public_names_together_load_no_daemon_and_no_device_library() -> None:
    assert loaded_by("from bridge import *") & SENDING == set()


@pytest.mark.parametrize("name", bridge.__all__)
def test_a_public_name_is_there_and_says_what_it_is(name: str) -> None:
    assert getattr(bridge, name).__doc__
    assert name in dir(bridge)


def test_a_name_that_there_is_not_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'TaskServers'; it has BackgroundTaskBuilder, "):
        bridge.TaskServers  # noqa: B018 - it is asked for, and that is all

"""Which scenes there are, and how a contract becomes a test for each: in this process, or in a child within a command.

A scene's file is imported only when it is played or listed, since a child plays one; nothing is opened for that.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import cast

import pytest
from namespace import run_child

from scenes.scene import Scene
from scenes.stage import Stage, play_here

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
NO_SCENES = {"__init__", "__main__", "playing", "scene", "stage"}
Check = Callable[[Stage], None]


def scene_of(name: str) -> type[Scene]:
    """The scene in the file of this name: its `SCENE`."""
    return cast(type[Scene], import_module(f"scenes.{name}").SCENE)


def scenes() -> Mapping[str, type[Scene]]:
    """All scenes, by the names of their files."""
    names = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in NO_SCENES)
    return {name: scene_of(name) for name in names}


def contract(part: str) -> Callable[[Check], Callable[[str], None]]:
    """Makes of what has to hold a test of a scene by its name; scenes that are `without` this part are not asked."""

    def make_test(check: Check) -> Callable[[str], None]:
        def test(name: str) -> None:
            scene = scene_of(name)
            if reason := scene.why_not():
                pytest.skip(reason)
            if scene.within:
                _play_within(scene, name, check.__name__)
            else:
                with tempfile.TemporaryDirectory() as folder:  # pytest's own is too long a path for a socket
                    play_here(scene, check, Path(folder))

        test.__name__ = check.__name__
        test.__module__ = check.__module__
        test.part = part  # type: ignore[attr-defined]  # for `names_for`
        test.check = check  # type: ignore[attr-defined]  # the child finds it here
        return test

    return make_test


def names_for(test: Callable[..., None]) -> list[str] | None:
    """The scenes that a contract's test is made for; None where the test is none."""
    part = getattr(test, "part", None)
    return None if part is None else [name for name, scene in scenes().items() if part not in scene.without]


def _play_within(scene: type[Scene], name: str, contract: str) -> None:
    command = [*scene.within, sys.executable, "-W", "error", "-m", "scenes", name, contract]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (HERE.parent, ROOT)))}
    run_child(command, environment)

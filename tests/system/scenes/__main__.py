"""Plays one contract on one scene, as a child within what that scene needs: `python -m scenes NAME CONTRACT`."""

import sys
import tempfile
from importlib import import_module
from pathlib import Path

from scenes.playing import scene_of
from scenes.stage import play_here


def main(name: str, contract: str) -> None:
    check = getattr(import_module("test_monitor_contract"), contract).check
    with tempfile.TemporaryDirectory() as folder:
        play_here(scene_of(name), check, Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])

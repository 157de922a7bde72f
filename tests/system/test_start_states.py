"""What rules with `start_state` "boot" and "if-changed" know after a restart, in real files."""

import os
from pathlib import Path

import pytest

from bridge.errors import StoreError
from bridge.mapping.mapper import LevelTurned, Memory, RaisedThisBoot
from bridge.store.start_states import StartStates

JACK = ("/dev/input/event3", "SW_HEADPHONE_INSERT")


def remembered(directory: Path, boot_id: str) -> Memory:
    states = StartStates(directory, boot_id)
    try:
        return states.memory()
    finally:
        states.close()


def remember(directory: Path, boot_id: str, *changes: LevelTurned | RaisedThisBoot) -> None:
    states = StartStates(directory, boot_id)
    for change in changes:
        states.remember(change)
    states.close()


def test_a_level_that_turned_true_is_known_after_a_restart_and_a_reboot(tmp_path: Path) -> None:
    remember(tmp_path / "state", "boot 1", LevelTurned("jack", JACK, True))

    assert remembered(tmp_path / "state", "boot 2").true == {("jack", JACK)}


def test_a_level_that_turned_false_is_forgotten(tmp_path: Path) -> None:
    remember(tmp_path, "boot 1", LevelTurned("jack", JACK, True), LevelTurned("jack", JACK, False))

    assert remembered(tmp_path, "boot 1").true == set()


def test_what_was_raised_in_this_boot_is_known_until_the_next(tmp_path: Path) -> None:
    remember(tmp_path, "boot 1", RaisedThisBoot("jack", "left"))

    assert remembered(tmp_path, "boot 1").raised_this_boot == {("jack", "left")}
    assert remembered(tmp_path, "boot 2").raised_this_boot == set()
    assert remembered(tmp_path, "boot 1").raised_this_boot == set()


def test_a_change_is_there_for_another_process_before_the_store_is_closed(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        StartStates(tmp_path, "boot 1").remember(LevelTurned("jack", JACK, True))
        os.write(writer, b"done")
        os._exit(0)  # as if it were killed: nothing is closed, nothing is flushed
    os.read(reader, 4)
    os.waitpid(child, 0)
    os.close(reader)
    os.close(writer)

    assert remembered(tmp_path, "boot 1").true == {("jack", JACK)}


def test_a_second_daemon_is_refused_the_same_directory(tmp_path: Path) -> None:
    first = StartStates(tmp_path, "boot 1")
    try:
        with pytest.raises(StoreError, match=rf"^{tmp_path}: another daemon uses this state directory$"):
            StartStates(tmp_path, "boot 1")
    finally:
        first.close()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "start-states.db").write_bytes(b"no database at all " * 100)

    with pytest.raises(StoreError, match=rf"^{tmp_path}/start-states.db: file is not a database$"):
        StartStates(tmp_path, "boot 1")


def test_a_file_in_the_directorys_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").touch()

    with pytest.raises(StoreError, match=rf"^{tmp_path}/state: the state directory cannot be used: File exists$"):
        StartStates(tmp_path / "state", "boot 1")

"""The daemon finds its store damaged: it sets the file aside, names it and starts, or it refuses with one line."""

import os
import random
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from daemon import NOBODY, Daemon, User, hwbridge, needs_root

OWED = 5


def owing(daemon: Daemon, number: signal.Signals = signal.SIGTERM) -> Path:
    """The store of a daemon that got this signal while one of five raises ran."""
    daemon.task("lamp", "say on $HWBRIDGE_DETAIL_N; read line < go", concurrency="queue")
    with daemon:
        for place in range(OWED):
            assert daemon.raise_trigger(details={"n": str(place)}) == "Raised"
        daemon.wait_for_words("on 0")
        daemon.stop(number)
    (daemon.folder / "said").unlink()
    return daemon.folder / "state/store.db"


def flip(path: Path, seed: int, times: int = 40) -> None:
    chosen, content = random.Random(seed), bytearray(path.read_bytes())
    for _ in range(times):
        content[chosen.randrange(len(content))] ^= 1 << chosen.randrange(8)
    path.write_bytes(content)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 + 100)


def replace_by_text(path: Path) -> None:
    path.write_text("Dear diary, this is no database.\n" * 1000)


def zero_the_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(100))


def set_aside(daemon: Daemon) -> list[str]:
    return sorted(path.name for path in (daemon.folder / "state").glob("store.db.damaged-?"))


def assert_it_works(daemon: Daemon) -> None:
    """What it still knows of before it does, and then what is raised now."""

    def is_done() -> bool:
        daemon.release()
        return bool(daemon.status()["store"]["owed"] == 0)

    daemon.wait_until(is_done, "what is owed is done")
    assert daemon.raise_trigger(details={"n": "new"}) == "Raised"
    daemon.wait_for_words("on new")
    daemon.wait_until(is_done, "what is new is done")


@pytest.mark.parametrize("damage", [cut, replace_by_text, zero_the_header])
def test_a_file_that_is_no_whole_database_is_set_aside_and_named_and_the_daemon_starts(
    daemon: Daemon, damage: Callable[[Path], None]
) -> None:
    path = owing(daemon)
    damage(path)

    with daemon:
        assert_it_works(daemon)

    assert set_aside(daemon) == ["store.db.damaged-1"]
    assert f"hwbridge: {path}: damaged (" in daemon.log()
    assert "; it is kept as store.db.damaged-1, and a new one has what could be read" in daemon.log()
    with daemon:
        daemon.wait_until_idle()
        assert "damaged" not in daemon.log()


@pytest.mark.parametrize("name", ["store.db", "store.db-wal"])
@pytest.mark.parametrize("seed", range(5))
def test_flipped_bytes_cost_at_most_what_they_hit(daemon: Daemon, seed: int, name: str) -> None:
    path = owing(daemon, signal.SIGKILL if name == "store.db-wal" else signal.SIGTERM)
    flip(path.with_name(name), seed)

    with daemon:
        assert_it_works(daemon)

    runs = daemon.said()
    assert sorted(set(runs)) == sorted(runs)
    assert set(runs) <= {*(f"on {number}" for number in range(OWED)), "on new"}
    assert bool(set_aside(daemon)) is ("damaged" in daemon.log())
    if name == "store.db" and not set_aside(daemon):
        assert len(runs) == OWED + 1


def test_a_file_that_somebody_takes_away_while_the_daemon_runs_costs_nothing_that_is_owed(daemon: Daemon) -> None:
    daemon.task("lamp", "say on $HWBRIDGE_DETAIL_N; read line < go", concurrency="queue")
    with daemon:
        for number in range(OWED):
            assert daemon.raise_trigger(details={"n": str(number)}) == "Raised"
        daemon.wait_for_words("on 0")
        path = daemon.folder / "state/store.db"
        path.rename(path.with_name("moved away"))

        for number in (OWED, OWED + 1):  # the second is written after all that is owed was written anew
            assert daemon.raise_trigger(details={"n": str(number)}) == "Raised"
        assert path.exists()
        daemon.kill()
    with daemon:
        for number in range(1, OWED + 2):
            daemon.release()
            daemon.wait_for_words(f"on {number}")
        daemon.release()
        daemon.wait_until_idle()


# --- what the daemon does not start with ---


def refusal(daemon: Daemon, user: User | None = None) -> str:
    """Why it does not start: one line."""
    done = hwbridge("run", *daemon.options, user=user)
    assert done.code == 1
    assert not daemon.socket.exists()
    return done.error


def test_a_store_of_a_newer_version_is_refused_and_left_alone(daemon: Daemon) -> None:
    path = owing(daemon)
    with closing(sqlite3.connect(path)) as connection:  # the version stands there twice
        for name in ("user_version", "application_id"):
            (version,) = connection.execute(f"pragma {name}").fetchone()
            connection.execute(f"pragma {name} = {version + 1}")
    before = path.read_bytes()

    assert str(path) in refusal(daemon)
    assert "newer" in refusal(daemon)
    assert path.read_bytes() == before
    assert set_aside(daemon) == []


def test_a_directory_in_the_stores_place_is_named(daemon: Daemon) -> None:
    (daemon.folder / "state/store.db").mkdir(parents=True)

    assert f"{daemon.folder}/state/store.db" in refusal(daemon)


@needs_root
def test_a_store_that_its_user_may_not_read_is_named(public: Path) -> None:
    daemon = Daemon(public)
    path = owing(daemon)
    for owned in (public, public / "state"):
        os.chown(owned, NOBODY, NOBODY)
    daemon.socket.with_name("socket.lock").unlink()

    assert refusal(daemon, User()).startswith(f"hwbridge: {path}: ")


@needs_root
def test_a_state_directory_that_cannot_be_written_to_is_named_with_what_to_do(public: Path) -> None:
    daemon = Daemon(public)
    (public / "state").mkdir(mode=0o755)
    os.chown(public, NOBODY, NOBODY)

    error = refusal(daemon, User())

    assert error.startswith(f"hwbridge: {public}/state: the state directory cannot be written to")
    assert 'durability = "memory"' in error


def test_a_state_directory_that_another_daemon_uses_is_refused(daemon: Daemon) -> None:
    with daemon:
        error = hwbridge("run", *daemon.options, "--socket", daemon.folder / "other")

        assert error.code == 1
        assert error.error == f"hwbridge: {daemon.folder}/state: another daemon uses this state directory"
        assert not (daemon.folder / "other").exists()
        assert daemon.raise_trigger() == "NoSubscribers"

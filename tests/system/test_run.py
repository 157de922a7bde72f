"""`hwbridge run` from its start to its end: signals, places, sockets that are in the way."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from daemon import GUID, Daemon, environment_of, hwbridge

STAY = "sleep 1000 & wait"
"""A handler's script that goes on until a signal ends it, and does what it trapped."""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_ends_the_daemon_and_cancels_what_runs_as_terminating(daemon: Daemon, number: signal.Signals) -> None:
    daemon.task("lamp", f"trap 'say canceled; exit' TERM; say on; {STAY}")

    with daemon:
        daemon.raise_trigger()
        daemon.wait_for_words("on")
        daemon.stop(number)

    assert daemon.said() == ["on", "canceled"]
    assert "canceled lamp " in daemon.log()
    assert " Terminating\n" in daemon.log()


def test_a_handler_that_ignores_term_is_killed_after_its_grace_with_all_that_it_started(daemon: Daemon) -> None:
    daemon.task("deaf", f"trap '' TERM; setsid sleep 1000 & say on; {STAY}; {STAY}", cancel_grace="200ms")

    with daemon:
        daemon.raise_trigger()
        daemon.wait_for_words("on")
        daemon.stop(signal.SIGTERM)

    assert "killed deaf " in daemon.log()


def test_what_waits_for_its_turn_is_not_started_by_the_stop(daemon: Daemon) -> None:
    daemon.task("lamp", f"say on; {STAY}", concurrency="queue")

    with daemon:
        for _ in range(3):
            daemon.raise_trigger()
        daemon.wait_for_words("on")
        assert daemon.status()["waiting"] == 2

    assert daemon.said() == ["on"]


def test_a_daemon_that_is_stopping_does_not_reload(daemon: Daemon) -> None:
    daemon.task("deaf", f"trap '' TERM; say on; {STAY}; {STAY}", cancel_grace="500ms")

    with daemon:
        daemon.raise_trigger()
        daemon.wait_for_words("on")
        daemon.process.send_signal(signal.SIGTERM)
        daemon.wait_for_log("hwbridge: canceled deaf")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.process.wait(60)

    assert "reloaded" not in daemon.log()


def test_a_daemon_needs_no_rules_and_no_tasks(daemon: Daemon) -> None:
    with daemon:
        assert daemon.raise_trigger() == "NoSubscribers"

    assert "hwbridge: ready: 0 rules, 0 tasks, socket " in daemon.log()


def test_runs_and_reloads_leave_no_descriptor_behind(daemon: Daemon) -> None:
    daemon.task("lamp", "say on")
    with daemon:
        folder = Path(f"/proc/{daemon.process.pid}/fd")
        daemon.status()
        before = {os.readlink(path) for path in folder.iterdir()}
        for times in range(1, 6):
            daemon.raise_trigger()
            daemon.wait_until(lambda: len(daemon.said()) == times, "the task has run")  # noqa: B023  # called at once
            daemon.reload()
        daemon.wait_until_idle()

        daemon.wait_until(lambda: len(list(folder.iterdir())) <= len(before), "as many descriptors as before")


def test_a_daemon_whose_log_nobody_reads_any_more_goes_on(daemon: Daemon) -> None:
    daemon.task("lamp", "say on")
    command = [sys.executable, "-m", "bridge", "run", "--verbose", *daemon.options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, cwd=daemon.folder, env=environment_of(None)) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if b"ready" in line:
                break
        process.stderr.close()

        answers = [daemon.raise_trigger() for _ in range(5)]
        process.terminate()

    assert answers == ["Raised"] * 5
    assert process.returncode == 0


def test_handlers_find_the_socket_whatever_folder_they_run_in(daemon: Daemon) -> None:
    daemon.task("lamp", 'say "$HWBRIDGE_SOCKET"')
    daemon.options = ("--rules", "rules", "--tasks", "tasks", "--socket", "socket")

    with daemon:
        daemon.raise_trigger()
        daemon.wait_for_words(str(daemon.socket))


# --- where things are ---


def places(folder: Path) -> dict[str, str]:
    (folder / "runtime").mkdir()
    return {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder / "runtime")}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def named(*guids: str) -> str:
    return "[triggers]\n" + "".join(f'"name{place}" = "{guid}"\n' for place, guid in enumerate(guids))


def test_a_users_daemon_finds_its_files_by_home_and_its_socket_by_the_runtime_directory(daemon: Daemon) -> None:
    environment = places(daemon.folder)
    write(daemon.folder / ".config/hwbridge/rules/a.toml", named(GUID))
    daemon.task("lamp", 'say "on $HWBRIDGE_SOCKET"')
    (daemon.folder / ".local/share/hwbridge").mkdir(parents=True)
    (daemon.folder / "tasks").rename(daemon.folder / ".local/share/hwbridge/tasks")
    user = Daemon.__new__(Daemon)  # TODO
    del user


def test_the_environment_names_the_socket_for_daemon_and_commands(daemon: Daemon) -> None:
    environment = {"HWBRIDGE_SOCKET": str(daemon.socket)}

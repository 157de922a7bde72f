"""`hwbridge run` from its start to its end: signals, places, sockets that are in the way."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from daemon import GUID, NOBODY, Argument, Daemon, User, environment_of, hwbridge, needs_root, task

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
        descriptors = Path(f"/proc/{daemon.process.pid}/fd")
        daemon.raise_trigger()  # from the first one on it has a store
        daemon.wait_for_words("on")
        daemon.wait_until_idle()
        before = len(list(descriptors.iterdir()))
        for times in range(2, 7):
            daemon.raise_trigger()
            daemon.wait_for_words(*["on"] * times)
            daemon.reload()
        daemon.wait_until_idle()

        daemon.wait_until(lambda: len(list(descriptors.iterdir())) <= before, "as many descriptors as before")


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
    places = {"rules": "rules", "tasks": "tasks", "socket": "socket", "state": "state", "config": "hwbridge.toml"}
    daemon.options = tuple(f"--{option}={place}" for option, place in places.items())

    with daemon:
        daemon.raise_trigger()
        daemon.wait_for_words(str(daemon.socket))


def test_paths_need_not_be_text(daemon: Daemon, jack_recording: Path) -> None:
    folder = os.fsencode(daemon.folder)
    for name in ("rules.toml", "tasks.toml", "jack.jsonl"):
        (daemon.folder / name).rename(os.fsdecode(folder + b"/\xff" + name.encode()))
    Path(os.fsdecode(folder + b"/\xff")).write_text('[udev]\ngroup = "kernel"\n')
    rules, tasks, recording = (folder + b"/\xff" + name for name in (b"rules.toml", b"tasks.toml", b"jack.jsonl"))
    daemon.options = ("--rules", rules, "--tasks", tasks, "--play", recording, "--config", folder + b"/\xff")
    daemon.options = (*daemon.options, "--state", folder + b"/state \xff", "--socket", daemon.socket)
    text = Path(os.fsdecode(rules)).read_text()
    Path(os.fsdecode(rules)).write_text(text.replace("edge = true", 'start_state = "boot"'))

    with daemon:
        daemon.wait_for_log("activated lamp-on ")

    assert Path(os.fsdecode(folder + b"/state \xff")).is_dir()


# --- where things are ---


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a rules file that names the trigger, and a task; the daemon of its user has no options."""
    (tmp_path / "runtime").mkdir()
    write(tmp_path / ".config/hwbridge/rules/a.toml", f'[triggers]\ndoor = "{GUID}"\n')
    write(tmp_path / ".local/share/hwbridge/tasks/a.toml", task("lamp", "say on", folder=tmp_path, triggers=("door",)))
    return tmp_path


def of_the_user(home: Path) -> Daemon:
    """The daemon that a user has who gives no place of anything (root says `--user`)."""
    daemon = Daemon(home, environment={"HOME": str(home), "XDG_RUNTIME_DIR": str(home / "runtime")})
    daemon.options = ("--user",)
    daemon.socket = home / "runtime/hwbridge/hwbridge.sock"
    return daemon


def test_a_users_daemon_finds_its_files_at_home_and_commands_find_the_daemon(home: Path) -> None:
    daemon = of_the_user(home)

    with daemon:
        done = hwbridge("raise", "door", environment=daemon.environment)
        daemon.wait_for_words("on")

    assert (done.code, done.out) == (0, "Raised 1\n")


def test_the_xdg_variables_come_before_home_and_a_relative_one_is_ignored(home: Path) -> None:
    (home / ".config").rename(home / "config")
    daemon = of_the_user(home)
    daemon.environment |= {"XDG_CONFIG_HOME": str(home / "config"), "XDG_DATA_HOME": "share"}

    with daemon:
        pass

    assert "ready: 0 rules, 1 task," in daemon.log()


def test_a_file_in_the_configuration_masks_the_shipped_one_of_its_name(home: Path) -> None:
    (home / ".config/hwbridge/tasks").mkdir()
    (home / ".config/hwbridge/tasks/a.toml").symlink_to("/dev/null")
    daemon = of_the_user(home)

    with daemon:
        pass

    assert "ready: 0 rules, 0 tasks," in daemon.log()


def test_a_runtime_directory_that_is_missing_is_named(home: Path) -> None:
    (home / "runtime").rmdir()

    done = hwbridge("run", "--user", environment=of_the_user(home).environment)

    assert done.code == 1
    assert f"{home}/runtime/hwbridge: cannot make the socket's directory: No such file or directory" in done.error


def test_hwbridge_socket_names_the_socket_for_daemon_and_commands(daemon: Daemon) -> None:
    at = daemon.options.index("--socket")
    daemon.options = (*daemon.options[:at], *daemon.options[at + 2 :])
    daemon.environment |= {"HWBRIDGE_SOCKET": str(daemon.socket)}

    with daemon:
        done = hwbridge("status", "--json", environment=daemon.environment)

    assert json.loads(done.out)["pid"] == daemon.process.pid


def test_whose_daemon_is_meant_comes_before_hwbridge_socket_for_daemon_and_commands(home: Path) -> None:
    daemon = of_the_user(home)
    daemon.environment |= {"HWBRIDGE_SOCKET": str(home / "other")}

    with daemon:
        done = hwbridge("status", "--json", "--user", environment=daemon.environment)

    assert json.loads(done.out)["pid"] == daemon.process.pid


# --- what is in the way of the socket ---


def test_the_socket_of_a_killed_daemon_is_replaced(daemon: Daemon) -> None:
    with daemon:
        daemon.kill()
    assert daemon.socket.is_socket()

    with daemon:
        assert daemon.raise_trigger() == "NoSubscribers"


def test_a_second_daemon_is_refused_and_the_first_one_goes_on(daemon: Daemon) -> None:
    with daemon:
        done = hwbridge("run", *daemon.options)

        assert done.code == 1
        assert done.error == f"hwbridge: {daemon.socket}: taken: a program answers there"
        assert daemon.raise_trigger() == "NoSubscribers"


def run_at(daemon: Daemon, socket: Argument, user: User | None = None) -> str:
    """Why the daemon does not start with this socket."""
    done = hwbridge("run", *daemon.options, "--socket", socket, user=user)
    assert done.code == 1
    return done.error


def test_what_is_in_the_way_of_the_socket_is_named_and_left_alone(daemon: Daemon) -> None:
    (daemon.folder / "file").write_text("mine")
    (daemon.folder / "link").symlink_to("elsewhere")

    for name in ("file", "link", "rules"):
        path = daemon.folder / name
        assert run_at(daemon, path) == f"hwbridge: {path}: in the way of the socket, and no socket itself"
    assert (daemon.folder / "file").read_text() == "mine"
    assert not (daemon.folder / "elsewhere").exists()


def test_a_socket_path_that_cannot_be_is_named(daemon: Daemon) -> None:
    long = daemon.folder / ("a" * 108)

    assert "a socket's path has at most 107 bytes, this one has " in run_at(daemon, long)
    assert run_at(daemon, daemon.folder / "no/s").endswith(f"the directory {daemon.folder}/no does not exist")
    assert run_at(daemon, daemon.folder / "go/s").endswith("Not a directory")
    assert "a socket's path is UTF-8" in run_at(daemon, os.fsencode(daemon.folder) + b"/\xff")
    assert r"\x1b[31m/s: the directory" in run_at(daemon, daemon.folder / "\x1b[31m/s")


@needs_root
def test_a_directory_of_somebody_else_is_no_place_for_a_socket(public: Path) -> None:
    daemon = Daemon(public)

    assert run_at(daemon, daemon.socket, User()).endswith(
        f"cannot make the lock {daemon.socket}.lock: Permission denied"
    )


@needs_root
def test_the_socket_of_somebody_else_is_not_replaced(public: Path) -> None:
    daemon = Daemon(public)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(daemon.socket))
    os.chown(daemon.socket, NOBODY, NOBODY)

    assert run_at(daemon, daemon.socket).endswith(f"a socket of uid {NOBODY} is in the way")
    assert daemon.socket.is_socket()


def test_the_daemon_is_loaded_without_openssl() -> None:
    code = "import bridge.cli.run, sys; print(sorted({'ssl', '_ssl', '_hashlib'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"

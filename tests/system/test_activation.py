"""A socket that somebody else made and handed over: what is one, and a daemon that is started by its first caller."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from daemon import DEADLINE_SECONDS, GUID, Argument, Done, environment_of, hwbridge, task
from process_waiting import wait_until
from service_manager import Notified, start_with_sockets


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where daemons find no rules and one task, that says where it finds the socket."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "tasks").mkdir()
    (tmp_path / "hwbridge.toml").touch()
    (tmp_path / "tasks" / "t.toml").write_text(task("tells", "say $HWBRIDGE_SOCKET; ls /proc/self/fd", folder=tmp_path))
    return tmp_path


def options(folder: Path) -> list[Argument]:
    places = ["--rules", folder / "rules", "--tasks", folder / "tasks", "--state", folder / "state"]
    return ["run", *places, "--config", folder / "hwbridge.toml"]


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        made.bind(str(path))
        made.listen()
        yield made


@contextmanager
def killed_at_the_end(process: "subprocess.Popen[bytes]") -> "Iterator[subprocess.Popen[bytes]]":
    with process:
        try:
            yield process
        finally:
            process.kill()  # without effect where it has ended


@contextmanager
def started(
    folder: Path,
    handed: Sequence[socket.socket],
    *arguments: Argument,
    environment: Mapping[str, str] | None = None,
) -> "Iterator[subprocess.Popen[bytes]]":
    with killed_at_the_end(start_with_sockets(handed, [*options(folder), *arguments], environment or {})) as daemon:
        yield daemon


def end(daemon: "subprocess.Popen[bytes]") -> Done:
    """Ends a daemon with TERM, if it has not ended by itself; how it did, and what it logged."""
    daemon.send_signal(signal.SIGTERM)
    _, err = daemon.communicate(timeout=DEADLINE_SECONDS)
    return Done(code=daemon.returncode, out="", err=err.decode())


def refusal(folder: Path, handed: Sequence[socket.socket], *arguments: Argument, **environment: str) -> str:
    with started(folder, handed, *arguments, environment=environment) as daemon:
        _, err = daemon.communicate(timeout=DEADLINE_SECONDS)
    assert daemon.returncode == 1
    return Done(code=1, out="", err=err.decode()).error


def test_a_call_that_came_first_is_answered_by_the_daemon_that_is_started_for_it(folder: Path) -> None:
    path = folder / "api"
    with listening(path) as handed, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(DEADLINE_SECONDS)
        caller.connect(str(path))
        caller.sendall(b'{"method":"org.varlink.service.GetInfo"}\0')
        with started(folder, [handed]) as daemon:
            answer = caller.recv(64 * 1024)
            ended = end(daemon)

    assert b'"product":"hwbridge"' in answer.replace(b" ", b"")
    assert ended.code == 0
    assert f"0 rules, 1 task, socket {path}\n" in ended.err


def test_the_socket_outlives_the_daemon_and_the_next_one_gets_it(folder: Path) -> None:
    path = folder / "api"
    with listening(path) as handed:
        for _ in range(2):
            with started(folder, [handed]) as daemon:
                assert hwbridge("status", "--socket", path).code == 0
                assert end(daemon).code == 0
            assert stat.S_ISSOCK(path.stat().st_mode)

    assert [each.name for each in folder.iterdir() if "lock" in each.name] == []


def test_handlers_find_the_daemon_by_the_socket_and_inherit_it_not(folder: Path) -> None:
    path = folder / "api"
    with listening(path) as handed, started(folder, [handed]) as daemon:
        assert hwbridge("raise", GUID, "--socket", path, "--wait").code == 0
        end(daemon)

    assert (folder / "said").read_text() == f"{path}\n"


def test_a_given_path_may_be_that_of_the_socket(folder: Path) -> None:
    (folder / "link").symlink_to(folder)
    with listening(folder / "api") as handed:
        given = ("--socket", folder / "link" / "api")
        with started(folder, [handed], *given) as daemon:
            assert hwbridge("status", "--socket", folder / "api").code == 0

            assert end(daemon).code == 0


@pytest.mark.parametrize("how", ["option", "environment"])
def test_another_path_than_that_of_the_socket_is_refused(how: str, folder: Path) -> None:
    path, other = folder / "api", folder / "other"
    arguments = ["--socket", other] if how == "option" else []
    environment = {"HWBRIDGE_SOCKET": str(other)} if how == "environment" else {}
    with listening(path) as handed:
        said = refusal(folder, [handed], *arguments, **environment)

    assert said == f"hwbridge: {other}: given, but the service manager hands over the socket {path}"
    assert not other.exists()


def test_more_than_one_socket_is_refused(folder: Path) -> None:
    with listening(folder / "api") as one, listening(folder / "more") as two:
        said = refusal(folder, [one, two], LISTEN_FDNAMES="api:more")

    assert said == "hwbridge: LISTEN_FDS=2 (api:more): one socket is meant, that of the API"


def _datagrams(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.bind(str(path))
    return made


def _deaf(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.bind(str(path))
    return made


def _abstract(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.bind(f"\0{path}")
    made.listen()
    return made


def _nameless(path: Path) -> socket.socket:
    made, other = socket.socketpair()
    other.close()
    return made


def _internet(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.bind(("127.0.0.1", 0))
    made.listen()
    return made


_HANDED = "the socket that was handed over (descriptor 3)"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_datagrams, f"{_HANDED} is AF_UNIX, SOCK_DGRAM: AF_UNIX, SOCK_STREAM is meant (ListenStream= with a path)"),
        (_internet, f"{_HANDED} is AF_INET, SOCK_STREAM: AF_UNIX, SOCK_STREAM is meant (ListenStream= with a path)"),
        (_abstract, f"{_HANDED} has no path: handlers find it by one, in HWBRIDGE_SOCKET"),
        (_nameless, f"{_HANDED} has no path: handlers find it by one, in HWBRIDGE_SOCKET"),
        (_deaf, f"PATH: {_HANDED} does not listen: Accept=no is meant"),
    ],
)
def test_a_socket_of_another_kind_is_refused(make: object, said: str, folder: Path) -> None:
    assert callable(make)
    path = folder / "api"
    with ExitStack() as stack:
        handed = stack.enter_context(make(path))

        assert refusal(folder, [handed]) == f"hwbridge: {said.replace('PATH', str(path))}"


def test_a_descriptor_that_is_no_socket_is_refused(folder: Path) -> None:
    script = 'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@" 3</dev/null'
    started = ["sh", "-c", script, "sh", sys.executable, "-m", "bridge", *options(folder)]
    done = subprocess.run(started, capture_output=True, text=True, env=environment_of({}), timeout=60, check=False)

    assert done.returncode == 1
    assert done.stderr == "hwbridge: LISTEN_FDS=1, but descriptor 3 is no socket: Socket operation on non-socket\n"


def test_what_was_handed_to_another_process_is_not_ours(folder: Path) -> None:
    environment = {"LISTEN_PID": "1", "LISTEN_FDS": "1", "NOTIFY_SOCKET": str(folder / "n")}
    with Notified(environment["NOTIFY_SOCKET"]) as notified:
        program = [sys.executable, "-m", "bridge", *options(folder), "--socket", folder / "own"]
        process = subprocess.Popen(program, stderr=subprocess.PIPE, env=environment_of(environment))
        with killed_at_the_end(process) as daemon:
            notified.wait_for("READY")
            assert hwbridge("status", "--socket", folder / "own").code == 0

            assert end(daemon).code == 0
    assert not (folder / "own").exists()


def test_of_two_daemons_with_one_state_the_second_is_refused_whatever_their_sockets(folder: Path) -> None:
    with (
        listening(folder / "api") as handed,
        listening(folder / "more") as more,
        started(folder, [handed]) as first,
    ):
        assert hwbridge("status", "--socket", folder / "api").code == 0
        said = refusal(folder, [more])
        assert end(first).code == 0

    assert str(folder / "state") in said


def test_systemds_own_tool_starts_a_daemon_with_its_first_caller(folder: Path) -> None:
    activate = shutil.which("systemd-socket-activate")
    if activate is None:
        pytest.skip("systemd-socket-activate is not installed: apt-get install systemd")
    path = folder / "api"
    program = [activate, f"--listen={path}", f"--setenv=PATH={os.environ['PATH']}", "--setenv=LANG=C.UTF-8"]
    process = subprocess.Popen([*program, sys.executable, "-m", "bridge", *options(folder)], stderr=subprocess.PIPE)
    with killed_at_the_end(process) as daemon:
        wait_until(path.exists, daemon)
        assert hwbridge("status", "--socket", path).code == 0

        assert end(daemon).code == 0
    assert path.exists()

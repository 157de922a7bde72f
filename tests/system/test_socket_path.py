"""The API's socket: what may be in the way of it, and that two daemons never share a path."""

import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.errors import SocketError
from bridge.service.socket_path import MOST_PATH_BYTES, ListeningSocket, make_socket_directory, open_socket


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hwbridge.sock"


@pytest.fixture
def umask() -> Iterator[None]:
    """A umask that would shut everybody else out."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def leave_dead_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))


def connect(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(str(path))


def refusal(path: Path) -> str:
    with pytest.raises(SocketError) as caught:
        open_socket(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.usefixtures("umask")
def test_anybody_may_connect_to_the_socket_whatever_the_umask(path: Path) -> None:
    listening = open_socket(path)
    connect(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    umask = os.umask(0o077)
    listening.close()

    assert mode == 0o666
    assert umask == 0o077


def test_a_clean_stop_removes_the_socket_and_the_path_is_free_again(path: Path) -> None:
    open_socket(path).close()
    assert not path.exists()

    open_socket(path).close()


def test_a_path_may_have_107_bytes_and_not_one_more(tmp_path: Path) -> None:
    room = MOST_PATH_BYTES - len(os.fsencode(tmp_path)) - 1
    longest, too_long = tmp_path / ("s" * room), tmp_path / ("s" * (room + 1))
    listening = open_socket(longest)
    connect(longest)
    listening.close()

    assert refusal(too_long) == f"{too_long}: a socket's path has at most 107 bytes, this one has 108"


def test_the_bytes_of_a_path_count_not_its_letters(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 60)

    assert "a socket's path has at most 107 bytes" in refusal(path)


def test_a_path_that_a_daemon_holds_is_taken(path: Path) -> None:
    listening = open_socket(path)

    assert refusal(path) == f"{path}: taken: a program answers there"
    connect(path)
    listening.close()


def test_a_path_whose_daemon_is_too_busy_to_accept_is_taken(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as busy:
        busy.bind(str(path))
        busy.listen(0)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as first:
            first.connect(str(path))

            assert refusal(path) == f"{path}: taken: a program answers there"


def test_a_lock_that_another_daemon_holds_is_named(path: Path) -> None:
    listening = open_socket(path)
    path.unlink()

    assert refusal(path) == f"{path}: taken: another daemon holds the lock {path}.lock"
    listening.close()


def test_the_socket_of_a_daemon_that_died_is_replaced(path: Path) -> None:
    program = "import os, sys; from pathlib import Path; from bridge.service.socket_path import open_socket\n"
    program += "listening = open_socket(Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", program, str(path)], check=False, timeout=60)
    assert stat.S_ISSOCK(path.lstat().st_mode)

    listening = open_socket(path)
    connect(path)
    listening.close()


def test_a_file_in_the_way_is_refused_and_left_alone(path: Path) -> None:
    path.write_text("precious")

    assert refusal(path) == f"{path}: in the way of the socket, and no socket itself"
    assert path.read_text() == "precious"
    assert list(path.parent.iterdir()) == [path]


def test_a_directory_or_a_symbolic_link_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    leave_dead_socket(tmp_path / "dead")
    (tmp_path / "link").symlink_to(tmp_path / "dead")

    assert refusal(tmp_path / "directory").endswith("no socket itself")
    assert refusal(tmp_path / "link").endswith("no socket itself")


def test_a_socket_of_another_kind_is_refused(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(path))

        assert refusal(path) == f"{path}: in the way of the socket: Protocol wrong type for socket"


def test_the_socket_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave_dead_socket(path)
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)

    assert refusal(path) == f"{path}: a socket of uid {owner} is in the way"
    assert path.is_socket()


def test_the_lock_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = os.geteuid()
    Path(f"{path}.lock").touch()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)

    assert refusal(path) == f"{path}: the lock {path}.lock belongs to uid {owner}"


def test_a_symbolic_link_in_place_of_the_lock_is_not_followed(path: Path, tmp_path: Path) -> None:
    Path(f"{path}.lock").symlink_to(tmp_path / "elsewhere")

    assert "cannot make the lock" in refusal(path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_directory_that_is_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "hwbridge.sock"

    assert refusal(path) == f"{path}: the directory {path.parent} does not exist"


def test_a_path_through_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert refusal(tmp_path / "file" / "s") == f"{tmp_path}/file/s: Not a directory"


def test_a_daemon_that_stops_leaves_a_socket_that_is_not_its_own(path: Path) -> None:
    listening = open_socket(path)
    path.unlink()
    path.touch()
    listening.close()

    assert path.exists()


def test_of_many_daemons_that_start_at_once_one_gets_the_path(path: Path) -> None:
    leave_dead_socket(path)
    start = threading.Barrier(8)
    opened: list[ListeningSocket] = []
    refused: list[str] = []

    def daemon() -> None:
        start.wait(60)
        try:
            opened.append(open_socket(path))
        except SocketError as error:
            refused.append(str(error))

    daemons = [threading.Thread(target=daemon) for _ in range(8)]
    for thread in daemons:
        thread.start()
    for thread in daemons:
        thread.join(60)
    connect(path)
    for listening in opened:
        listening.close()

    assert len(opened) == 1
    assert len(refused) == 7
    assert all("taken: " in message for message in refused)


@pytest.mark.usefixtures("umask")
def test_the_default_directory_is_made_for_everybody_to_pass(tmp_path: Path) -> None:
    make_socket_directory(tmp_path / "hwbridge")
    make_socket_directory(tmp_path / "hwbridge")

    assert stat.S_IMODE((tmp_path / "hwbridge").stat().st_mode) == 0o755


def test_a_directory_of_ours_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "hwbridge").mkdir(mode=0o700)
    make_socket_directory(tmp_path / "hwbridge")

    assert stat.S_IMODE((tmp_path / "hwbridge").stat().st_mode) == 0o700


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SocketError, match=r"missing/hwbridge: cannot make the socket's directory: No such file"):
        make_socket_directory(tmp_path / "missing" / "hwbridge")
    with pytest.raises(SocketError, match="no directory"):
        make_socket_directory(tmp_path / "file")

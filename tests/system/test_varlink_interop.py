"""Our own small client against our server and the packaged interface, and against what is no daemon."""

import os
import socket
import threading
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from varlink_serving import DEADLINE_SECONDS, Serving

from bridge.client.connection import MOST_CALL_BYTES, Connection
from bridge.errors import CallFailedError, NoDaemonError, ProtocolError
from bridge.service.callers import Caller
from bridge.service.varlink_server import Parameters, ServedMethod
from bridge.varlink.interface import read_interface
from bridge.varlink.parameters import find_mismatches
from bridge.varlink.service import method_names

INTERFACE = read_interface(files("bridge.varlink").joinpath("org.hwbridge.varlink").read_text(encoding="utf-8"))
GUID = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
STATUS = {
    "version": "0.0.0",
    "pid": 1,
    "started_at": 1_700_000_000_000_000,
    "rules": 2,
    "tasks": 1,
    "events": 3,
    "raised": 1,
    "running": 0,
    "waiting": 0,
    "store": {"durability": "full", "accepts": False, "refusal": "no room", "owed": 0},
    "quarantined": [{"name": "lamp", "why": "it failed"}],
    "monitors": [{"source": "udev", "devices": [], "refused": ["/dev/input/event0: Permission denied"], "lost": 0}],
    "reload_errors": [],
}


def wait_until_asleep(thread: threading.Thread) -> None:
    """Returns when the kernel has put this thread to sleep, or it has ended."""
    status = Path(f"/proc/self/task/{thread.native_id}/stat")
    while thread.is_alive() and status.read_text().rpartition(")")[2].split()[0] != "S":
        os.sched_yield()


def raise_trigger(caller: Caller, parameters: Parameters) -> Parameters:
    if parameters["trigger"] != GUID:
        raise CallFailedError("org.hwbridge.UnknownTrigger", {"trigger": parameters["trigger"]})
    return {"outcome": "Raised", "subscribers": len(parameters.get("details") or {})}


METHODS: dict[str, ServedMethod] = {
    **{method: lambda _, __: {} for method in method_names(INTERFACE)},
    "org.hwbridge.Raise": raise_trigger,
    "org.hwbridge.Status": lambda _, __: {"status": STATUS},
}


@pytest.fixture
def path(tmp_path: Path) -> Iterator[str]:
    with Serving(tmp_path / "hwbridge.sock", INTERFACE, METHODS) as serving:
        yield str(serving.path)
        assert serving.accidents == []


def test_the_answers_of_these_tests_are_as_the_interface_declares() -> None:
    answers = {
        "Status": {"status": STATUS},
        "Raise": {"outcome": "Raised", "subscribers": 1},
    }

    for method, answer in answers.items():
        assert list(find_mismatches(INTERFACE, INTERFACE.methods[method].answers, answer)) == []


def test_our_own_client_calls_us(path: str) -> None:
    with Connection(path, timeout_seconds=DEADLINE_SECONDS) as connection:
        assert connection.call("org.hwbridge.Status", {}) == {"status": STATUS}
        assert connection.call("org.hwbridge.Raise", {"trigger": GUID, "details": {"ü": "ö\0"}})["subscribers"] == 1
        with pytest.raises(CallFailedError) as caught:
            connection.call("org.hwbridge.Raise", {"trigger": "nobody"})
        assert connection.call("org.hwbridge.Status", {}) == {"status": STATUS}

    assert caught.value.error == "org.hwbridge.UnknownTrigger"
    assert caught.value.parameters == {"trigger": "nobody"}


def test_our_own_client_sends_nothing_that_the_daemon_would_hang_up_over(path: str) -> None:
    with Connection(path, timeout_seconds=DEADLINE_SECONDS) as connection:
        with pytest.raises(ProtocolError, match="must be UTF-8 text"):
            connection.call("org.hwbridge.Raise", {"trigger": os.fsdecode(b"\xff")})
        with pytest.raises(ProtocolError, match="a call has at most 262144 bytes"):
            connection.call("org.hwbridge.Raise", {"trigger": "x" * MOST_CALL_BYTES})

        assert connection.call("org.hwbridge.Status", {}) == {"status": STATUS}


def test_where_no_daemon_is_the_client_says_so(tmp_path: Path) -> None:
    dead = tmp_path / "dead"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as bound:
        bound.bind(str(dead))

    for path, reason in (
        (str(tmp_path / "missing"), "No such file or directory"),
        (str(dead), "Connection refused"),
        ("x" * 200, "AF_UNIX path too long"),
    ):
        with pytest.raises(NoDaemonError) as caught:
            Connection(path, timeout_seconds=DEADLINE_SECONDS)
        assert str(caught.value) == f"{path}: no daemon answers: {reason}"


def test_a_daemon_that_never_answers_is_given_up(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()
        with (
            Connection(str(tmp_path / "s"), timeout_seconds=0.01) as connection,
            pytest.raises(NoDaemonError, match=r"no answer to org\.hwbridge\.Status: timed out"),
        ):
            connection.call("org.hwbridge.Status", {})


def test_a_daemon_that_never_accepts_is_given_up(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as busy:
        busy.bind(str(tmp_path / "s"))
        busy.listen(0)
        with (
            Connection(str(tmp_path / "s"), timeout_seconds=DEADLINE_SECONDS),
            pytest.raises(NoDaemonError, match=r"did not accept the connection in 0\.01 s"),
        ):
            Connection(str(tmp_path / "s"), timeout_seconds=0.01)


def test_a_daemon_that_is_busy_is_waited_for(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as busy:
        busy.bind(str(tmp_path / "s"))
        busy.settimeout(DEADLINE_SECONDS)
        busy.listen(0)
        first = Connection(str(tmp_path / "s"), timeout_seconds=DEADLINE_SECONDS)
        connected: list[Connection] = []
        waiting = threading.Thread(
            target=lambda: connected.append(Connection(str(tmp_path / "s"), timeout_seconds=DEADLINE_SECONDS))
        )
        waiting.start()
        wait_until_asleep(waiting)  # in connect(2): it does nothing else that takes long
        for _ in range(2):
            busy.accept()[0].close()
        waiting.join(DEADLINE_SECONDS)
        first.close()
        connected[0].close()


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (b"", NoDaemonError, "closed the connection before it answered"),
        (b'{"parameters":', NoDaemonError, "closed the connection before it answered"),
        (b"HTTP/1.1 400 Bad Request\0", ProtocolError, "does not speak varlink"),
        (b"[1]\0", ProtocolError, "does not speak varlink"),
        (b'{"parameters":5}\0', ProtocolError, "does not speak varlink"),
        (b"[" * 100_000 + b"\0", ProtocolError, "does not speak varlink"),
        (b"{}\0{}\0", ProtocolError, "does not speak varlink"),
        (b"\xff\0", ProtocolError, "does not speak varlink"),
    ],
)
def test_an_answer_that_is_none_is_told_apart(
    tmp_path: Path, answer: bytes, kind: type[Exception], reason: str
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()

        def serve() -> None:
            accepted, _ = server.accept()
            with accepted:
                accepted.recv(4096)
                accepted.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with (
            Connection(str(tmp_path / "s"), timeout_seconds=DEADLINE_SECONDS) as connection,
            pytest.raises(kind, match=reason),
        ):
            connection.call("org.hwbridge.Status", {})
        thread.join(DEADLINE_SECONDS)

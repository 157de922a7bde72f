"""Foreign varlink clients, and our own small one, against our server and the packaged interface."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, TypedDict

import asyncvarlink
import pytest
import varlink
from asyncvarlink.serviceinterface import VarlinkServiceInterface
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
TASK = {"name": "lamp", "triggers": [{"application": True}], "run": {"exec": ["/bin/true"]}}
REASONS = [{"key": "run", "message": "missing"}]
VIEW = {
    "name": "lamp",
    "task_id": GUID,
    "group": None,
    "owner": 0,
    "user": None,
    "from_file": False,
    "state": "idle",
    "triggers": [{"trigger": GUID, "recurrence": "always", "period": 1, "next_at": 2, "spent": False}],
    "conditions": [{"name": "docked", "wanted": False, "state": "unknown"}],
    "running": [],
    "waiting": [],
    "failures": 0,
    "quarantined": None,
    "definition": TASK,
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


def register(caller: Caller, parameters: Parameters) -> Parameters:
    if "run" not in parameters["task"]:
        raise CallFailedError("org.hwbridge.InvalidTask", {"reasons": REASONS})
    return {"task_id": GUID, "replaced": parameters["task"] == TASK}


METHODS: dict[str, ServedMethod] = {
    **{method: lambda _, __: {} for method in method_names(INTERFACE)},
    "org.hwbridge.Raise": raise_trigger,
    "org.hwbridge.Register": register,
    "org.hwbridge.AllTasks": lambda _, __: {"tasks": [VIEW], "more": False},
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
        "Register": {"task_id": GUID, "replaced": True},
        "AllTasks": {"tasks": [VIEW], "more": False},
    }

    for method, answer in answers.items():
        assert list(find_mismatches(INTERFACE, INTERFACE.methods[method].answers, answer)) == []


def test_varlink_of_pypi_calls_us_by_our_own_description(path: str) -> None:
    with varlink.Client.new_with_address(f"unix:{path}") as client:
        assert client.get_interface("org.hwbridge").get_description() == INTERFACE.description
        with client.open("org.hwbridge") as hwbridge:
            assert hwbridge.Status() == {"status": STATUS}
            assert hwbridge.Raise(GUID, {"jack": "headphone"}, "k") == {"outcome": "Raised", "subscribers": 1}
            assert hwbridge.Raise(GUID) == {"outcome": "Raised", "subscribers": 0}
            assert hwbridge.Register(TASK) == {"task_id": GUID, "replaced": True}
            (view,) = hwbridge.AllTasks()["tasks"]
            assert view == {name: value for name, value in VIEW.items() if value is not None}  # it leaves those out
            with pytest.raises(varlink.VarlinkError) as unknown:
                hwbridge.Raise("nobody")
            with pytest.raises(varlink.VarlinkError) as invalid:
                hwbridge.Register({"name": "lamp"})

    assert unknown.value.error() == "org.hwbridge.UnknownTrigger"
    assert unknown.value.parameters() == {"trigger": "nobody"}
    assert invalid.value.error() == "org.hwbridge.InvalidTask"
    assert invalid.value.parameters() == {"reasons": REASONS}


def test_the_command_line_of_varlink_of_pypi_shows_and_calls_us(path: str) -> None:
    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "varlink.cli", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=DEADLINE_SECONDS).stdout

    called = run("call", f"unix:{path}/org.hwbridge.Raise", json.dumps({"trigger": GUID}))

    assert "org.hwbridge" in run("info", f"unix:{path}")
    assert "method Raise(" in run("help", f"unix:{path}/org.hwbridge")
    assert json.loads(called) == {"outcome": "Raised", "subscribers": 0}


class RaiseAnswer(TypedDict):
    outcome: str
    subscribers: int


class RegisterAnswer(TypedDict):
    task_id: str
    replaced: bool


class HwBridge(asyncvarlink.VarlinkInterface, name="org.hwbridge"):
    @asyncvarlink.varlinkmethod
    def Raise(self, *, trigger: str, details: dict[str, str] | None = None, key: str | None = None) -> RaiseAnswer: ...

    @asyncvarlink.varlinkmethod(allow_foreign=True)
    def Register(self, *, task: Any) -> RegisterAnswer: ...


def test_asyncvarlink_calls_us(path: str) -> None:
    async def talk() -> tuple[Any, Any, Any, str]:
        transport, client = await asyncvarlink.connect_unix_varlink(asyncvarlink.VarlinkClientProtocol, path)
        try:
            info = await client.make_proxy(VarlinkServiceInterface).GetInfo()
            hwbridge = client.make_proxy(HwBridge)
            raised = await hwbridge.Raise(trigger=GUID, details={"jack": "headphone"})
            registered = await hwbridge.Register(task=TASK)
            try:
                await hwbridge.Raise(trigger="nobody")
            except asyncvarlink.VarlinkErrorReply as error:
                return info, raised, registered, error.name
            return info, raised, registered, "no error"
        finally:
            transport.close()

    info, raised, registered, error = asyncio.run(talk())

    assert info["interfaces"] == ["org.varlink.service", "org.hwbridge"]
    assert raised == {"outcome": "Raised", "subscribers": 1}
    assert registered == {"task_id": GUID, "replaced": True}
    assert error == "org.hwbridge.UnknownTrigger"


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

"""Calls made from the interface file itself, and bytes that are none, against a real daemon.

Every answer is one that the interface declares, no connection is lost over a legal message, and nothing that one user
calls changes anything of another's.
"""

import json
import os
import select
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from api_values import INTS, MadeCall, anything, made_calls, mostly
from daemon import GUID, NOBODY, Daemon, User, needs_root
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_users import among_made_users, user
from varlink_serving import Peer

from bridge.varlink.framing import MOST_MESSAGE_BYTES
from bridge.varlink.interface import read_interface
from bridge.varlink.parameters import find_mismatches
from bridge.varlink.service import SERVICE_INTERFACE

INTERFACE = read_interface(files("bridge.varlink").joinpath("org.hwbridge.varlink").read_text(encoding="utf-8"))
STREAMED = {"Watch", "RegisterClass"}
MAY_WAIT = {"Wait", "Raise", *STREAMED}
"""What may be answered much later, or never: then the caller hangs up."""
PATIENCE_MILLISECONDS = 50
DOOR = "{00000000-0000-4000-8000-000000000001}"
RULES = f"""
[triggers]
"audio-jack.connected" = "{GUID}"
"door.opened" = {{ guid = "{DOOR}", allow = ["user:allowed"] }}
[[rule]]
name = "jack"
source = "evdev"
match = {{ code = "SW_HEADPHONE_INSERT", value = 1 }}
raise = "audio-jack.connected"
[[condition]]
name = "docked"
source = "udev"
match = {{ subsystem = "platform", DOCKED = 1 }}
"""
TASK = {"name": "made up", "triggers": [{"custom": GUID}], "run": {"exec": ["/bin/true"]}}
NAMES = ["of a file", "latched", "on request", "made up"]
KNOWN = {
    "trigger": ["door.opened", "audio-jack.connected", GUID, DOOR, DOOR.lower(), "TimeZoneChange", "{}"],
    "name": NAMES,
    "task": NAMES,
    "after": ["", *NAMES],
    "group": ["a group"],
    "key": ["", "a key"],
    "clsid": [GUID, DOOR, "{00000000-0000-0000-0000-000000000000}"],
    "instance_id": ["0-1", "1"],
    "names of details": ["dev", "jack", "name", "A" * 100],
    "details": ["headphone", "y" * 9000],
}
TASK_KEYS: dict[str, list[Any]] = {
    "name": ["made up", "of a file", "on request", "another's", "", "x" * 300, "\n", 5],
    "triggers": [
        [],
        [{"application": True}],
        [{"time": "15m"}],
        [{"custom": "nothing"}],
        [{"system": "SystemIdle"}],
        {},
    ],
    "conditions": [["docked"], [{"not": "docked"}], ["nothing"], [{"not": 5}], "docked"],
    "run": [{"exec": []}, {"exec": ["true"]}, {"python": "m:C"}, {"python": "m"}, {"clsid": GUID}, {"unit": "x"}, {}],
    "user": ["root", "nobody", "nobody at all", 0, 4294967295, -1],
    "group": ["a group", "", 7],
    "concurrency": ["queue", "batch", "ignore", "restart", "parallel", "often", ["queue"]],
    "run_limit": ["1s", "infinity", "0s", "forever", -1],
    "retry": [{"attempts": 3, "backoff": "1s"}, {"attempts": 0}, {"attempts": 10**30}, []],
    "max_running": [*INTS],
    "queue_limit": [*INTS],
    "expires": ["boot", "never", "1s", "", 1.5],
    "cancel_on": [[{"custom": DOOR}], [{}], GUID],
    "cancel_grace": ["1ms", "10000000000d"],
}
TEXTS = st.sampled_from(NAMES) | st.text(max_size=12)
CHANGES = st.one_of(*(st.tuples(st.just(key), st.sampled_from(values)) for key, values in TASK_KEYS.items()))
WRONG_CHANGES = st.tuples(st.sampled_from(sorted(TASK_KEYS)) | TEXTS, anything(TEXTS))
TASKS = st.lists(mostly(CHANGES, WRONG_CHANGES), max_size=2).map(lambda changes: TASK | dict(changes))
CALLS = made_calls(INTERFACE, KNOWN, TASKS)
FLAGS = st.sampled_from([{}, {}, {}, {"more": True}, {"oneway": True}, {"more": False, "oneway": False}])
BOUNDED = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
FRAMES = [
    json.dumps({"method": "org.hwbridge.Raise", "parameters": {"trigger": GUID, "details": {"dev": "ü\\"}}}).encode(),
    json.dumps({"method": "org.hwbridge.Register", "parameters": {"task": TASK}}).encode(),
    json.dumps({"method": "org.hwbridge.Watch", "parameters": {"since": 0}, "more": True}).encode(),
    b'{"method":"org.varlink.service.GetInfo","parameters":{}}',
]


class Client:
    """A connection of a user, made anew when it was given up."""

    def __init__(self, socket: Path, rights: User) -> None:
        self._socket = socket
        self._rights = rights
        self._peer = self._connected()

    def _connected(self) -> Peer:
        """What counts is who connects."""
        groups = os.getgroups()
        as_root = os.geteuid() == 0
        if as_root:
            os.setgroups(self._rights.groups)
            os.setegid(self._rights.gid)
            os.seteuid(self._rights.uid)
        try:
            return Peer(self._socket)
        finally:
            if as_root:
                os.seteuid(0)
                os.setegid(0)
                os.setgroups(groups)

    def ask(self, made: MadeCall, flags: dict[str, bool]) -> Any:
        """The first answer, or None if there is none yet or none is wanted. A connection that is lost is a failure."""
        call = {"method": f"org.hwbridge.{made.method}", "parameters": made.parameters, **flags}
        self._peer.send(call)
        if flags.get("oneway"):
            if made.method not in MAY_WAIT:
                self.look()
            else:
                self.come_again()
            return None
        if made.method in MAY_WAIT and not select.select([self._peer.socket], [], [], PATIENCE_MILLISECONDS / 1000)[0]:
            self.come_again()
            return None
        answer = self._peer.receive()
        assert answer is not None, f"the daemon hung up over {call}"
        if answer.get("continues"):
            self.come_again()
        return answer

    def look(self) -> None:
        """Asks for the status, behind everything that was called before."""
        answer = self._peer.ask({"method": "org.hwbridge.Status"})
        assert answer is not None
        assert "status" in answer["parameters"]

    def come_again(self) -> None:
        """Hangs up, and connects anew."""
        self.close()
        self._peer = self._connected()

    def close(self) -> None:
        self._peer.socket.close()


def check_answer(made: MadeCall, answer: dict[str, Any]) -> None:
    """The answer is one that this call may have by the interface."""
    method = INTERFACE.methods[made.method]
    mismatches = [str(each) for each in find_mismatches(INTERFACE, method.takes, made.parameters)]
    error = answer.get("error")
    if error is None:
        assert mismatches == [], answer
        wrong = list(find_mismatches(INTERFACE, method.answers, answer["parameters"]))
        assert wrong == [], (answer, [str(each) for each in wrong])
        return
    name, _, member = error.rpartition(".")
    assert name in (INTERFACE.name, SERVICE_INTERFACE.name), answer
    interface = INTERFACE if name == INTERFACE.name else SERVICE_INTERFACE
    wrong = list(find_mismatches(interface, interface.errors[member], answer.get("parameters") or {}))
    assert wrong == [], (answer, [str(each) for each in wrong])
    if mismatches:
        assert member in ("InvalidParameter", "ExpectedMore"), (answer, mismatches)
    assert member not in ("MethodNotFound", "InterfaceNotFound", "MethodNotImplemented"), answer


def check_calls(client: Client, calls: list[tuple[MadeCall, dict[str, bool]]]) -> None:
    """Makes the calls, one after the other, and looks at what is answered."""
    for made, flags in calls:
        if made.method in STREAMED:
            flags = {"more": True} | flags
        answer = client.ask(made, flags)
        if answer is not None:
            check_answer(made, answer)
    client.look()


@contextmanager
def fuzzed(folder: Path) -> Iterator[Daemon]:
    """A daemon with tasks of a file and of root."""
    folder.chmod(0o755)
    daemon = Daemon(folder)
    daemon.rules(RULES)
    daemon.task("of a file", "true", triggers=(DOOR,))
    with daemon:
        for task in (
            TASK | {"name": "latched", "conditions": ["docked"]},
            TASK | {"name": "on request", "triggers": [{"application": True}]},
        ):
            daemon.call("Register", task=task)
        yield daemon


def roots(daemon: Daemon) -> dict[str, Any]:
    """What root has, as far as only root may change it."""
    fixed = ("task_id", "owner", "user", "from_file", "failures", "quarantined", "definition", "triggers", "running")
    tasks = daemon.call("AllTasks")["tasks"]
    return {task["name"]: {key: task.get(key) for key in fixed} for task in tasks if task["owner"] == 0}


@pytest.fixture
def fuzz(tmp_path: Path) -> Iterator[Daemon]:
    with fuzzed(tmp_path) as daemon:
        yield daemon


def test_every_call_of_a_privileged_user_is_answered_as_the_interface_says(fuzz: Daemon) -> None:
    client = Client(fuzz.socket, User(uid=os.geteuid(), gid=os.getegid(), groups=tuple(os.getgroups())))

    @given(st.lists(st.tuples(CALLS, FLAGS), min_size=1, max_size=4))
    @BOUNDED
    def check(calls: list[tuple[MadeCall, dict[str, bool]]]) -> None:
        check_calls(client, calls)

    check()
    client.close()
    assert fuzz.status()["pid"] == fuzz.process.pid


@needs_root
def test_nothing_that_nobody_calls_changes_what_is_roots(public: Path) -> None:
    with fuzzed(public) as daemon:
        client = Client(daemon.socket, User(uid=NOBODY, gid=NOBODY))
        before = roots(daemon)

        @given(st.lists(st.tuples(CALLS, FLAGS), min_size=1, max_size=4))
        @BOUNDED
        def check(calls: list[tuple[MadeCall, dict[str, bool]]]) -> None:
            check_calls(client, calls)

        check()
        client.close()
        assert roots(daemon) == before
        assert daemon.call("AllTasks", after="")["tasks"] == daemon.call("AllTasks")["tasks"]


@among_made_users
def test_nothing_that_a_member_calls_changes_what_is_roots() -> None:
    with tempfile.TemporaryDirectory() as folder, fuzzed(Path(folder)) as daemon:
        clients = [Client(daemon.socket, user(name)) for name in ("supplementary", "primary", "allowed")]
        before = roots(daemon)

        @given(st.lists(st.tuples(CALLS, FLAGS), min_size=1, max_size=4), st.sampled_from(clients))
        @BOUNDED
        def check(calls: list[tuple[MadeCall, dict[str, bool]]], client: Client) -> None:
            check_calls(client, calls)

        check()
        for client in clients:
            client.close()
        assert roots(daemon) == before
        owners = {task["owner"] for task in daemon.call("AllTasks")["tasks"]}
        assert owners <= {0, user("supplementary").uid, user("primary").uid}


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """Calls in which bytes are changed, cut out or put twice; or just any bytes."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=300))
    data = bytearray(b"\0".join(draw(st.lists(st.sampled_from(FRAMES), min_size=1, max_size=3))) + b"\0")
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        match draw(st.sampled_from(["set", "cut", "twice", "put"])):
            case "set" if data:
                data[at] = draw(st.integers(0, 255))
            case "cut":
                del data[at : at + draw(st.integers(1, 30))]
            case "twice":
                data[at:at] = data[at : at + draw(st.integers(1, 60))]
            case "put":
                data[at:at] = draw(
                    st.sampled_from([b"\0", b'"', b"{", b"[" * 50, b"\\", b"\xff", b"\\ud800", b"9" * 400])
                )
    return bytes(data)


def test_any_bytes_harm_nobody_but_who_sends_them(fuzz: Daemon) -> None:
    with Peer(fuzz.socket) as other:

        @given(spoiled(), st.integers(0, 3))
        @BOUNDED
        def check(data: bytes, pieces: int) -> None:
            with Peer(fuzz.socket) as peer:
                try:
                    for start in range(0, len(data), max(1, len(data) // (pieces + 1))):
                        peer.socket.sendall(data[start : start + max(1, len(data) // (pieces + 1))])
                except (BrokenPipeError, ConnectionResetError):
                    pass
            assert "status" in other.ask({"method": "org.hwbridge.Status"})["parameters"]

        check()
    assert len(fuzz.log()) < MOST_MESSAGE_BYTES  # nobody fills it
    assert fuzz.process.poll() is None


def test_the_calls_that_are_made_reach_every_method_and_many_do_what_they_say(fuzz: Daemon) -> None:
    client = Client(fuzz.socket, User(uid=os.geteuid(), gid=os.getegid(), groups=tuple(os.getgroups())))
    reached: set[str] = set()

    @given(CALLS)
    @BOUNDED
    def check(made: MadeCall) -> None:
        answer = client.ask(made, {"more": True} if made.method in STREAMED else {})
        if answer is None or "error" not in answer:
            reached.add(made.method)

    check()
    client.close()

    assert reached >= {
        "Raise",
        "Register",
        "Validate",
        "AllTasks",
        "Status",
        "Watch",
        "Wait",
        "RegisterClass",
        "History",
    }

"""The server against peers of every kind: what each is answered, and that the others are served meanwhile."""

import array
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from varlink_serving import DEADLINE_SECONDS, UNLIMITED, Peer, Serving

from bridge.errors import CallFailedError
from bridge.service.callers import Caller, ConnectionCount, ConnectionLimits
from bridge.service.varlink_server import Parameters, VarlinkServer
from bridge.varlink.framing import MOST_MESSAGE_BYTES
from bridge.varlink.interface import read_interface
from bridge.varlink.service import ServiceDescription

INTERFACE = read_interface("""\
interface org.example.test
method Echo(text: string) -> (text: string)
method Big(bytes: int) -> (text: string)
method WhoAmI() -> (uid: int, gid: int, pid: int, groups: []int)
method Fail(reason: string) -> ()
method Crash() -> ()
method Hold() -> ()
error Failed (reason: string)
""")
HELLO = {"method": "org.example.test.Echo", "parameters": {"text": "hello"}}
HELLO_BACK = {"parameters": {"text": "hello"}}


class Methods:
    """What the interface does; `calls` counts them, `held` and `release` stop the loop and let it go on."""

    def __init__(self) -> None:
        self.calls = 0
        self.held = threading.Event()
        self.release = threading.Event()

    def echo(self, caller: Caller, parameters: Parameters) -> Parameters:
        self.calls += 1
        return {"text": parameters["text"]}

    def big(self, caller: Caller, parameters: Parameters) -> Parameters:
        self.calls += 1
        return {"text": "x" * parameters["bytes"]}

    def who_am_i(self, caller: Caller, parameters: Parameters) -> Parameters:
        return {"uid": caller.uid, "gid": caller.gid, "pid": caller.pid, "groups": sorted(caller.groups)}

    def fail(self, caller: Caller, parameters: Parameters) -> Parameters:
        raise CallFailedError("org.example.test.Failed", parameters)

    def crash(self, caller: Caller, parameters: Parameters) -> Parameters:
        raise ZeroDivisionError("a bug")

    def hold(self, caller: Caller, parameters: Parameters) -> Parameters:
        self.held.set()
        self.release.wait(DEADLINE_SECONDS)
        return {}

    def by_name(self) -> dict[str, Any]:
        return {
            "org.example.test.Echo": self.echo,
            "org.example.test.Big": self.big,
            "org.example.test.WhoAmI": self.who_am_i,
            "org.example.test.Fail": self.fail,
            "org.example.test.Crash": self.crash,
            "org.example.test.Hold": self.hold,
        }


@pytest.fixture
def methods() -> Methods:
    return Methods()


@pytest.fixture
def serving(tmp_path: Path, methods: Methods) -> Iterator[Serving]:
    with Serving(tmp_path / "s", INTERFACE, methods.by_name()) as serving:
        yield serving


@pytest.fixture
def other(serving: Serving) -> Iterator[Peer]:
    """Another client, connected before anything bad happens."""
    with Peer(serving.path) as other:
        assert other.ask(HELLO) == HELLO_BACK
        yield other


def send_until_blocked(peer: Peer, data: bytes, other: Peer) -> int:
    """How many bytes the server takes from a peer before it stops reading; `other` shows that it lives meanwhile."""
    peer.socket.setblocking(False)
    sent, refused = 0, 0
    while refused < 20 and sent < len(data):
        try:
            sent += peer.socket.send(data[sent : sent + 65536])
            refused = 0
        except BlockingIOError:
            refused += 1
            # The loop reads whatever it watches before this is answered: 20 times in a row, nothing was read.
            assert other.ask(HELLO) == HELLO_BACK
    peer.socket.settimeout(DEADLINE_SECONDS)
    return sent


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b'{"method":',
        b'{"method":"\xff\xfe"}',
        b"[" * 100_000,
        b'{"a":' * 40_000,
        b"[1]",
        b"{}",
        b'{"method":5}',
        b'{"method":"org.example.test.Echo","parameters":[]}',
        b'{"method":"org.example.test.Echo","parameters":{"text":NaN}}',
        b'{"method":"org.example.test.Echo","parameters":{"text":' + b"9" * 5000 + b"}}",
        b'{"method":"org.example.test.Echo","method":"org.example.test.Crash"}',
        b'{"method":"org.example.test.Echo","parameters":{"text":"a"},"root":true}',
        b"GET / HTTP/1.1\r\n\r\n",
        b"x" * (MOST_MESSAGE_BYTES + 1),
    ],
)
def test_garbage_closes_its_own_connection_and_no_other(serving: Serving, other: Peer, garbage: bytes) -> None:
    with Peer(serving.path) as peer:
        assert peer.ask(HELLO) == HELLO_BACK
        assert peer.ask(garbage) is None

    assert other.ask(HELLO) == HELLO_BACK
    assert serving.accidents == []


@pytest.mark.parametrize(
    ("call", "error", "parameters"),
    [
        ({"method": "foo"}, "MethodNotFound", {"method": "foo"}),
        ({"method": "org.example.test.Nope"}, "MethodNotFound", {"method": "org.example.test.Nope"}),
        ({"method": "org.example.test.__init__"}, "MethodNotFound", {"method": "org.example.test.__init__"}),
        ({"method": "org.example.none.Echo"}, "InterfaceNotFound", {"interface": "org.example.none"}),
        ({"method": "org.example.test.Echo"}, "InvalidParameter", {"parameter": "text"}),
        (HELLO | {"parameters": {"text": 5}}, "InvalidParameter", {"parameter": "text"}),
        (HELLO | {"parameters": {"text": "a", "z": 1}}, "InvalidParameter", {"parameter": "z"}),
        (HELLO | {"upgrade": True}, "InvalidParameter", {"parameter": "upgrade"}),
    ],
)
def test_a_wrong_call_is_answered_with_a_named_error_and_the_connection_stays(
    serving: Serving, call: dict[str, Any], error: str, parameters: dict[str, str]
) -> None:
    with Peer(serving.path) as peer:
        assert peer.ask(call) == {"error": f"org.varlink.service.{error}", "parameters": parameters}
        assert peer.ask(HELLO) == HELLO_BACK


def test_a_method_fails_with_an_error_of_its_interface(serving: Serving) -> None:
    with Peer(serving.path) as peer:
        answer = peer.ask({"method": "org.example.test.Fail", "parameters": {"reason": "no"}})

    assert answer == {"error": "org.example.test.Failed", "parameters": {"reason": "no"}}


def test_a_oneway_call_is_made_and_not_answered(serving: Serving, methods: Methods) -> None:
    with Peer(serving.path) as peer:
        peer.send(HELLO | {"oneway": True, "parameters": {"text": "unanswered"}})
        peer.send({"method": "org.example.test.Nope", "oneway": True})

        assert peer.ask(HELLO) == HELLO_BACK
        assert methods.calls == 2


def test_a_call_with_more_is_answered_once(serving: Serving) -> None:
    with Peer(serving.path) as peer:
        assert peer.ask(HELLO | {"more": True}) == HELLO_BACK
        assert peer.ask({"method": "org.varlink.service.GetInfo"})["parameters"]["product"] == "test"


def test_calls_sent_ahead_are_answered_in_their_order_even_after_the_peer_has_said_its_last(serving: Serving) -> None:
    calls = [{"method": "org.example.test.Echo", "parameters": {"text": str(number)}} for number in range(100)]
    with Peer(serving.path) as peer:
        for call in calls:
            peer.send(call)
        peer.socket.shutdown(socket.SHUT_WR)
        answers = [peer.receive() for _ in calls]

        assert answers == [{"parameters": call["parameters"]} for call in calls]
        assert peer.receive() is None


def test_a_call_may_come_byte_by_byte_while_others_are_served(serving: Serving, other: Peer) -> None:
    with Peer(serving.path) as peer:
        for byte in b'{"method":"org.example.test.Echo","parameters":{"text":"hello"}}':
            peer.socket.send(bytes([byte]))
            assert other.ask(HELLO) == HELLO_BACK
        peer.socket.send(b"\0")

        assert peer.receive() == HELLO_BACK


def test_the_longest_call_is_answered(serving: Serving) -> None:
    text = "y" * (MOST_MESSAGE_BYTES - len(b'{"method": "org.example.test.Echo", "parameters": {"text": ""}}'))
    with Peer(serving.path) as peer:
        assert peer.ask(HELLO | {"parameters": {"text": text}}) == {"parameters": {"text": text}}


def test_a_message_without_end_is_cut_off_and_others_are_served(serving: Serving, other: Peer) -> None:
    with Peer(serving.path) as peer:
        sent = 0
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            while sent < 64 * MOST_MESSAGE_BYTES:
                sent += peer.socket.send(b"x" * 65536)
                assert other.ask(HELLO) == HELLO_BACK

    assert sent <= 8 * MOST_MESSAGE_BYTES  # one message, and what the kernel holds


def test_answers_that_nobody_reads_stop_the_reading_of_calls_until_they_are_read(
    serving: Serving, methods: Methods, other: Peer
) -> None:
    call = b'{"method":"org.example.test.Big","parameters":{"bytes":10000}}\0'
    before = methods.calls
    with Peer(serving.path) as peer:
        sent = send_until_blocked(peer, call * 100_000, other)
        answered = methods.calls - before
        assert sent < 8 * MOST_MESSAGE_BYTES
        complete = sent // len(call)
        reader = threading.Thread(target=peer.socket.sendall, args=(call[sent % len(call) :],))
        reader.start()
        sizes = {len(peer.receive()["parameters"]["text"]) for _ in range(complete + (sent % len(call) > 0))}
        reader.join(DEADLINE_SECONDS)

    assert sizes == {10_000}
    assert answered < complete


def test_one_huge_answer_is_all_that_an_unread_connection_holds(
    serving: Serving, methods: Methods, other: Peer
) -> None:
    before = methods.calls
    with Peer(serving.path) as peer:
        for _ in range(50):
            peer.send({"method": "org.example.test.Big", "parameters": {"bytes": 4_000_000}})
        rounds = 20
        for _ in range(rounds):
            assert other.ask(HELLO) == HELLO_BACK

    assert methods.calls - before - rounds == 1


def test_a_peer_that_hangs_up_in_the_middle_leaves_its_place_to_another(tmp_path: Path, methods: Methods) -> None:
    limits = ConnectionLimits(in_all=1, for_privileged=0, of_one_user=1, privileged=frozenset())
    with Serving(tmp_path / "s", INTERFACE, methods.by_name(), limits) as serving:
        with Peer(serving.path) as peer:
            assert peer.ask(HELLO) == HELLO_BACK
            peer.socket.send(b'{"method":')
        for _ in range(1000):  # the server notices in some turn of its loop
            with Peer(serving.path) as peer:
                answer = peer.ask(HELLO)
            if answer is not None:
                break

    assert answer == HELLO_BACK


def test_one_connection_too_many_of_a_user_is_closed_and_the_others_stay(tmp_path: Path, methods: Methods) -> None:
    limits = ConnectionLimits(of_one_user=4, privileged=frozenset())
    with Serving(tmp_path / "s", INTERFACE, methods.by_name(), limits) as serving:
        peers = [Peer(serving.path) for _ in range(4)]
        assert [peer.ask(HELLO) for peer in peers] == [HELLO_BACK] * 4
        with Peer(serving.path) as fifth:
            assert fifth.ask(HELLO) is None
        assert [peer.ask(HELLO) for peer in peers] == [HELLO_BACK] * 4
        for peer in peers:
            peer.socket.close()

    assert serving.accidents == []


def test_the_last_connections_are_kept_for_privileged_users() -> None:
    count = ConnectionCount(ConnectionLimits(in_all=6, for_privileged=2, of_one_user=3, privileged=frozenset({0})))

    assert [count.admit(1000) for _ in range(4)] == [True, True, True, False]
    assert [count.admit(1001) for _ in range(2)] == [True, False]
    assert [count.admit(0) for _ in range(3)] == [True, True, False]
    count.leave(1000)
    assert not count.admit(1001)
    count.leave(0)
    count.leave(0)
    assert count.admit(1001)


def test_a_bug_in_a_method_ends_that_connection_and_is_told_to_the_loop(serving: Serving, other: Peer) -> None:
    crash = b'{"method":"org.example.test.Crash"}'
    hello = b'{"method":"org.example.test.Echo","parameters":{"text":"hello"}}'
    with Peer(serving.path) as peer:
        assert peer.ask(crash) is None
    with Peer(serving.path) as peer:  # here it happens in a later turn
        peer.send(b"\0".join([hello] * 20 + [crash]))
        while peer.receive() is not None:
            pass

    assert other.ask(HELLO) == HELLO_BACK
    assert [type(accident) for accident in serving.accidents] == [ZeroDivisionError, ZeroDivisionError]


def test_a_burst_of_connections_waits_while_the_loop_is_busy(serving: Serving, methods: Methods) -> None:
    backlog = min(256, int(Path("/proc/sys/net/core/somaxconn").read_text()))
    with Peer(serving.path) as busy:
        busy.send({"method": "org.example.test.Hold"})
        assert methods.held.wait(DEADLINE_SECONDS)
        waiting = []
        for _ in range(backlog):
            peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            peer.setblocking(False)
            peer.connect(str(serving.path))
            waiting.append(peer)
        methods.release.set()
        assert busy.receive() == {"parameters": {}}
        for peer in waiting:
            peer.close()
    with Peer(serving.path) as peer:
        assert peer.ask(HELLO) == HELLO_BACK


def test_descriptors_that_a_peer_sends_along_are_dropped(serving: Serving, other: Peer) -> None:
    read_end, write_end = os.pipe()
    with Peer(serving.path) as peer:
        assert peer.ask(HELLO) == HELLO_BACK
        before = len(os.listdir("/proc/self/fd"))
        call = b'{"method":"org.example.test.Echo","parameters":{"text":"hello"}}\0'
        peer.socket.sendmsg([call], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [read_end] * 200))])
        assert peer.receive() == HELLO_BACK
        assert len(os.listdir("/proc/self/fd")) == before
    os.close(read_end)
    os.close(write_end)


def test_a_caller_is_who_the_kernel_says(serving: Serving) -> None:
    with Peer(serving.path) as peer:
        answer = peer.ask({"method": "org.example.test.WhoAmI"})

    assert answer["parameters"] == {
        "uid": os.geteuid(),
        "gid": os.getegid(),
        "pid": os.getpid(),
        "groups": sorted(set(os.getgroups())),
    }


def test_a_server_that_closes_ends_its_connections_and_leaves_no_socket(tmp_path: Path, methods: Methods) -> None:
    with Serving(tmp_path / "s", INTERFACE, methods.by_name()) as serving, Peer(serving.path) as peer:
        assert peer.ask(HELLO) == HELLO_BACK
        serving.stop()

        assert peer.receive() is None
        assert not serving.path.exists()


def test_methods_and_interface_must_agree(methods: Methods) -> None:
    service = ServiceDescription(vendor="", product="", version="", url="", interfaces=(INTERFACE,))
    served = methods.by_name() | {"org.example.test.Shout": methods.echo}
    del served["org.example.test.Fail"]

    with pytest.raises(ValueError, match=r"org\.example\.test\.Fail, org\.example\.test\.Shout"):
        VarlinkServer(service, served, UNLIMITED)

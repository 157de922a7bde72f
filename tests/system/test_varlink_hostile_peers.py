"""Hostile and sloppy peers: each harms itself at most, and the others are served meanwhile."""

import array
import os
import resource
import socket
import threading
from pathlib import Path

import pytest
from varlink_serving import DEADLINE_SECONDS, HELLO, HELLO_BACK, Methods, Peer, Serving, serve

from bridge.service.callers import ConnectionCount, ConnectionLimits
from bridge.service.socket_path import BACKLOG
from bridge.varlink.framing import MOST_MESSAGE_BYTES


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


def test_a_call_may_come_byte_by_byte_while_others_are_served(serving: Serving, other: Peer) -> None:
    with Peer(serving.path) as peer:
        for byte in b'{"method":"org.example.test.Echo","parameters":{"text":"hello"}}':
            peer.socket.send(bytes([byte]))
            assert other.ask(HELLO) == HELLO_BACK
        peer.socket.send(b"\0")

        assert peer.receive() == HELLO_BACK


def test_a_message_without_end_is_cut_off_and_others_are_served(serving: Serving, other: Peer) -> None:
    sent, closed = 0, False
    with Peer(serving.path) as peer:
        while not closed and sent < 64 * MOST_MESSAGE_BYTES:
            try:
                sent += peer.socket.send(b"x" * 65536)
            except (BrokenPipeError, ConnectionResetError):
                closed = True
            assert other.ask(HELLO) == HELLO_BACK

    assert closed
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
    with serve(tmp_path / "s", methods, limits) as serving:
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
    with serve(tmp_path / "s", methods, limits) as serving:
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


def test_a_burst_of_connections_waits_while_the_loop_is_busy(serving: Serving, methods: Methods) -> None:
    backlog = min(BACKLOG, int(Path("/proc/sys/net/core/somaxconn").read_text()))
    with Peer(serving.path) as busy:
        busy.send({"method": "org.example.test.Hold"})
        methods.wait_until_held()
        waiting = []
        for _ in range(backlog):
            peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            peer.setblocking(False)
            peer.connect(str(serving.path))
            waiting.append(peer)
        methods.release.release()
        assert busy.receive() == {"parameters": {}}
        for peer in waiting:
            peer.close()
    with Peer(serving.path) as peer:
        assert peer.ask(HELLO) == HELLO_BACK


def test_a_peer_that_goes_without_its_answers_leaves_the_loop_nothing_to_do(
    serving: Serving, methods: Methods, other: Peer
) -> None:
    call = b'{"method":"org.example.test.Echo","parameters":{"text":"hello"}}\0'
    other.send({"method": "org.example.test.Hold"})
    methods.wait_until_held()
    with Peer(serving.path) as peer:
        peer.socket.sendall(call * 32)
    methods.release.release()
    assert other.receive() == {"parameters": {}}

    serving.wait_until_idle()
    assert other.ask(HELLO) == HELLO_BACK


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


def test_who_sends_many_calls_at_once_lets_others_pass_meanwhile(
    serving: Serving, methods: Methods, other: Peer
) -> None:
    hold = b'{"method":"org.example.test.Hold"}\0'
    greedy_call = b'{"method":"org.example.test.Echo","parameters":{"text":"greedy"}}\0'
    with Peer(serving.path) as greedy:
        greedy.socket.sendall(hold)
        methods.wait_until_held()
        greedy.socket.sendall(greedy_call * 15 + hold + greedy_call * 24)
        methods.release.release()
        methods.wait_until_held()  # in the last call of a turn, with 24 still to answer
        greedy.socket.sendall(greedy_call * 40)
        other.send({"method": "org.example.test.Echo", "parameters": {"text": "other"}})
        methods.texts.clear()
        methods.release.release()
        for _ in range(1 + 15 + 1 + 24 + 40):
            assert "parameters" in greedy.receive()
        assert other.receive() == {"parameters": {"text": "other"}}

    assert methods.texts[-1] != "other"


def test_where_descriptors_run_out_who_is_there_is_served_and_who_comes_is_served_later(
    serving: Serving, other: Peer
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    late = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    late.settimeout(DEADLINE_SECONDS)
    taken: list[int] = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 20, hard))
        while True:
            try:
                taken.append(os.open("/dev/null", os.O_RDONLY))
            except OSError:
                break
        late.connect(str(serving.path))
        for _ in range(20):
            assert other.ask(HELLO) == HELLO_BACK
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in taken:
            os.close(descriptor)
    with late:
        late.sendall(b'{"method":"org.example.test.Echo","parameters":{"text":"hello"}}\0')
        assert late.recv(100) == b'{"parameters":{"text":"hello"}}\0'
    assert serving.accidents == []

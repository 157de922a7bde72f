"""Calls that are answered more than once, or later: what comes behind them, and what becomes of them when it ends."""

import gc
import json
import os
import socket
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from varlink_serving import HELLO, HELLO_BACK, Methods, Peer, Serving, serve

from bridge.errors import CallFailedError
from bridge.service.callers import ConnectionLimits
from bridge.varlink.framing import MOST_MESSAGE_BYTES, MOST_PENDING_MESSAGES

TELL = {"method": "org.example.test.Tell", "more": True}
AWAIT = {"method": "org.example.test.Await"}
EXPECTED_MORE = {"error": "org.varlink.service.ExpectedMore", "parameters": {}}


def told(text: str) -> dict[str, object]:
    """An answer that is not the last."""
    return {"parameters": {"text": text}, "continues": True}


def said(text: str) -> dict[str, object]:
    """A call that says this."""
    return {"method": "org.example.test.Echo", "parameters": {"text": text}}


def oneway(text: str) -> dict[str, object]:
    """A call that says this, and wants no answer."""
    return said(text) | {"oneway": True}


def wait_for_text(serving: Serving, methods: Methods, text: str) -> None:
    """Returns once an Echo of this text was called; the test's own deadline ends the waiting."""
    while text not in methods.texts:
        serving.wait_until_idle()


def close(peer: Peer) -> None:
    peer.socket.close()


def shut_down(peer: Peer) -> None:
    peer.socket.shutdown(socket.SHUT_RDWR)


def say_the_last_and_close(peer: Peer) -> None:
    peer.socket.shutdown(socket.SHUT_WR)
    peer.socket.close()


def abort(peer: Peer) -> None:
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.socket.close()


def close_with_calls_ahead(peer: Peer) -> None:
    peer.socket.sendall((json.dumps(HELLO).encode() + b"\0") * MOST_PENDING_MESSAGES)
    peer.socket.close()


def close_with_half_a_call_ahead(peer: Peer) -> None:
    peer.socket.sendall(b'{"method":')
    peer.socket.close()


def close_with_the_longest_calls_ahead(peer: Peer) -> None:
    call = b'{"method":"org.example.test.Echo","parameters":{"text":"%s"}}\0' % (b"x" * (MOST_MESSAGE_BYTES // 2))
    peer.socket.setblocking(False)
    try:
        while True:
            peer.socket.send(call)
    except BlockingIOError:
        peer.socket.close()


WAYS_TO_HANG_UP = [
    close,
    shut_down,
    say_the_last_and_close,
    abort,
    close_with_calls_ahead,
    close_with_half_a_call_ahead,
    close_with_the_longest_calls_ahead,
]


def test_a_call_with_more_is_answered_as_often_as_there_is_something_to_tell(
    serving: Serving, methods: Methods
) -> None:
    with Peer(serving.path) as peer:
        peer.send(TELL)
        stream = methods.next_told()
        serving.do(lambda: stream.tell("one"))
        assert peer.receive() == told("one")
        serving.do(lambda: stream.tell("two"))
        serving.do(lambda: stream.tell_last("three"))

        assert [peer.receive(), peer.receive()] == [told("two"), {"parameters": {"text": "three"}}]
        assert peer.ask(HELLO) == HELLO_BACK


def test_what_is_called_behind_a_stream_is_answered_behind_it(serving: Serving, methods: Methods) -> None:
    with Peer(serving.path) as peer:
        for call in (TELL, said("behind"), TELL, said("last")):
            peer.send(call)
        first = methods.next_told()
        serving.do(lambda: first.tell("one"))
        assert peer.receive() == told("one")
        serving.wait_until_idle()
        assert methods.texts == []
        serving.do(lambda: first.tell_last("two"))
        second = methods.next_told()
        serving.do(lambda: second.tell_last("three"))
        answers = [peer.receive()["parameters"]["text"] for _ in range(4)]

    assert answers == ["two", "behind", "three", "last"]


def test_a_oneway_call_behind_a_stream_is_made_while_it_goes_on(serving: Serving, methods: Methods) -> None:
    with Peer(serving.path) as peer:
        peer.send(TELL)
        stream = methods.next_told()
        for number in range(100):
            peer.send(oneway(str(number)))
        wait_for_text(serving, methods, "99")
        serving.do(lambda: stream.tell("still there"))

        assert methods.texts == [str(number) for number in range(100)]
        assert peer.receive() == told("still there")


def test_oneway_calls_are_made_also_while_nobody_reads_the_stream(serving: Serving, methods: Methods) -> None:
    with Peer(serving.path) as peer:
        peer.send(TELL)
        stream = methods.next_told()
        serving.do(lambda: stream.tell("x" * 4_000_000))
        assert stream.outlet.is_blocked
        peer.send(oneway("told while blocked"))
        wait_for_text(serving, methods, "told while blocked")

        assert stream.outlet.is_blocked
        assert peer.receive() == told("x" * 4_000_000)


def test_a_stream_is_told_when_what_it_wrote_was_read(serving: Serving, methods: Methods) -> None:
    with Peer(serving.path) as peer:
        peer.send(TELL)
        stream = methods.next_told()
        assert not stream.outlet.is_blocked
        serving.do(lambda: stream.tell("x" * 4_000_000))
        assert stream.outlet.is_blocked
        assert peer.receive() == told("x" * 4_000_000)
        assert stream.next() == "unblocked"
        assert not stream.outlet.is_blocked
        serving.do(lambda: stream.tell("more"))

        assert peer.receive() == told("more")


def test_without_more_there_is_no_stream_and_the_error_says_so(serving: Serving, methods: Methods) -> None:
    with Peer(serving.path) as peer:
        assert peer.ask({"method": "org.example.test.Tell"}) == EXPECTED_MORE
        peer.send(TELL | {"oneway": True})
        assert peer.ask(HELLO) == HELLO_BACK

    assert methods.told.empty()


@pytest.mark.parametrize("hang_up", WAYS_TO_HANG_UP)
def test_a_stream_that_says_nothing_is_closed_when_its_caller_hangs_up(
    serving: Serving, methods: Methods, hang_up: Callable[[Peer], None]
) -> None:
    with Peer(serving.path) as peer:
        peer.send(TELL)
        stream = methods.next_told()
        hang_up(peer)

        assert stream.next() == "closed"
    serving.wait_until_idle()
    assert stream.happened.empty()
    assert serving.accidents == []


@pytest.mark.parametrize("hang_up", WAYS_TO_HANG_UP)
def test_a_stream_that_nobody_reads_is_closed_when_its_caller_hangs_up(
    serving: Serving, methods: Methods, hang_up: Callable[[Peer], None]
) -> None:
    with Peer(serving.path) as peer:
        peer.send(TELL)
        stream = methods.next_told()
        serving.do(lambda: stream.tell("x" * 4_000_000))
        hang_up(peer)

        assert stream.next() == "closed"
    assert serving.accidents == []


@pytest.mark.parametrize("hang_up", WAYS_TO_HANG_UP)
def test_what_is_waited_for_is_cancelled_when_the_caller_hangs_up(
    serving: Serving, methods: Methods, hang_up: Callable[[Peer], None]
) -> None:
    with Peer(serving.path) as peer:
        peer.send(AWAIT)
        awaited = methods.next_awaited()
        cancelled = []
        serving.do(lambda: awaited.add_done_callback(lambda done: cancelled.append(done.cancelled())))
        hang_up(peer)
        while not cancelled:
            serving.wait_until_idle()

    assert cancelled == [True]
    assert serving.accidents == []


def test_who_sends_no_more_is_told_on_until_it_hangs_up(serving: Serving, methods: Methods) -> None:
    with Peer(serving.path) as peer:
        peer.send(TELL)
        stream = methods.next_told()
        peer.socket.shutdown(socket.SHUT_WR)
        for number in range(10):
            serving.wait_until_idle()
            text = str(number)
            serving.do(lambda text=text: stream.tell(text))
            assert peer.receive() == told(text)
        peer.socket.close()

        assert stream.next() == "closed"


def test_who_sends_no_more_gets_all_answers_and_then_the_end(serving: Serving, methods: Methods) -> None:
    with Peer(serving.path) as peer:
        for call in (TELL, said("behind")):
            peer.send(call)
        peer.socket.shutdown(socket.SHUT_WR)
        stream = methods.next_told()
        serving.do(lambda: stream.tell_last("x" * 4_000_000))

        assert peer.receive()["parameters"]["text"] == "x" * 4_000_000
        assert peer.receive() == {"parameters": {"text": "behind"}}
        assert peer.receive() is None


@pytest.mark.parametrize("first", [TELL, AWAIT, AWAIT | {"oneway": True}])
def test_oneway_calls_that_came_before_the_hang_up_are_made(
    serving: Serving, methods: Methods, other: Peer, first: dict[str, object]
) -> None:
    other.send({"method": "org.example.test.Hold"})
    methods.wait_until_held()
    with Peer(serving.path) as peer:
        peer.send(first)
        for number in range(40):
            peer.send(oneway(str(number)))
    methods.release.release()
    if first.get("oneway"):  # this one is waited for although its caller is gone: it wanted no answer
        awaited = methods.next_awaited()
        serving.do(lambda: awaited.set_result({}))
    wait_for_text(serving, methods, "39")

    assert methods.texts == ["hello", *map(str, range(40))]


def test_an_outlet_whose_stream_has_ended_leads_nowhere(serving: Serving, methods: Methods) -> None:
    with Peer(serving.path) as peer:
        peer.send(TELL)
        first = methods.next_told()
        serving.do(lambda: first.tell_last("last"))
        peer.send(TELL)
        second = methods.next_told()
        serving.do(lambda: first.tell("too late"))
        serving.do(lambda: first.tell_last("too late"))
        serving.do(lambda: second.tell("in time"))

        assert [peer.receive(), peer.receive()] == [{"parameters": {"text": "last"}}, told("in time")]
        peer.socket.close()
        assert second.next() == "closed"
    assert first.happened.empty()


def test_a_stream_may_end_the_connection(serving: Serving, methods: Methods) -> None:
    with Peer(serving.path) as peer:
        peer.send(TELL)
        stream = methods.next_told()
        serving.do(lambda: stream.outlet.abort())

        assert peer.receive() is None
        assert stream.next() == "closed"


def test_a_server_that_closes_ends_streams_and_what_is_waited_for(tmp_path: Path, methods: Methods) -> None:
    with serve(tmp_path / "s", methods) as serving, Peer(serving.path) as watching, Peer(serving.path) as waiting:
        watching.send(TELL)
        stream = methods.next_told()
        waiting.send(AWAIT)
        awaited = methods.next_awaited()
        serving.stop()

        assert stream.next() == "closed"
        assert awaited.cancelled()
        assert [watching.receive(), waiting.receive()] == [None, None]
    assert serving.accidents == []


def test_no_descriptor_is_left_of_streams_whose_callers_hung_up(serving: Serving, methods: Methods) -> None:
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    for number in range(100):
        peers = [Peer(serving.path) for _ in range(5)]
        for peer in peers:
            peer.send(TELL)
        streams = [methods.next_told() for _ in peers]
        for peer in peers:
            WAYS_TO_HANG_UP[number % len(WAYS_TO_HANG_UP)](peer)
            peer.socket.close()
        assert [stream.next() for stream in streams] == ["closed"] * 5
    serving.wait_until_idle()

    assert len(os.listdir("/proc/self/fd")) == before


def test_a_named_error_may_come_later(serving: Serving, methods: Methods) -> None:
    with Peer(serving.path) as peer:
        peer.send(AWAIT)
        awaited = methods.next_awaited()
        failure = CallFailedError("org.example.test.Failed", {"reason": "late"})
        serving.do(lambda: awaited.set_exception(failure))

        assert peer.receive() == {"error": "org.example.test.Failed", "parameters": {"reason": "late"}}
        assert peer.ask(HELLO) == HELLO_BACK


def test_a_late_error_of_a_oneway_call_is_told_to_nobody(serving: Serving, methods: Methods) -> None:
    with Peer(serving.path) as peer:
        peer.send(AWAIT | {"oneway": True})
        late = CallFailedError("org.example.test.Failed", {"reason": "late"})
        serving.do(partial(methods.next_awaited().set_exception, late))
        assert peer.ask(HELLO) == HELLO_BACK
    gc.collect()  # a future whose exception nobody has seen tells the loop when it goes
    serving.wait_until_idle()

    assert serving.accidents == []


def test_a_bug_that_comes_later_ends_that_connection_and_is_told_to_the_loop(
    serving: Serving, methods: Methods, other: Peer
) -> None:
    with Peer(serving.path) as peer:
        peer.send(AWAIT)
        awaited = methods.next_awaited()
        serving.do(lambda: awaited.set_exception(ZeroDivisionError("a bug")))

        assert peer.receive() is None
    assert other.ask(HELLO) == HELLO_BACK
    assert [type(accident) for accident in serving.accidents] == [ZeroDivisionError]


def test_a_bug_in_a_stream_ends_that_connection_which_counts_no_more(tmp_path: Path, methods: Methods) -> None:
    limits = ConnectionLimits(of_one_user=1, privileged=frozenset())
    with serve(tmp_path / "s", methods, limits) as serving:
        with Peer(serving.path) as peer:
            peer.send(TELL)
            stream = methods.next_told()

            def fail() -> None:
                raise ZeroDivisionError("a bug")

            stream.closed = fail  # type: ignore[method-assign]  # a bug is what a test must make
        while not serving.accidents:
            serving.wait_until_idle()
        with Peer(serving.path) as peer:
            assert peer.ask(HELLO) == HELLO_BACK

    assert [type(accident) for accident in serving.accidents] == [ZeroDivisionError]

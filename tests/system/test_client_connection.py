"""The library's connection: calls that take their time, that are answered more than once, that are not answered."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from varlink_serving import DEADLINE_SECONDS, Methods, Serving

from bridge.client.connection import Connection
from bridge.errors import CallFailedError, NoDaemonError, ProtocolError

TELL, ECHO, AWAIT = "org.example.test.Tell", "org.example.test.Echo", "org.example.test.Await"


@pytest.fixture
def connection(serving: Serving) -> Iterator[Connection]:
    with Connection(str(serving.path), timeout_seconds=DEADLINE_SECONDS) as connection:
        yield connection


def test_the_answers_of_a_stream_come_as_they_are_told_and_end_with_the_last(
    connection: Connection, serving: Serving, methods: Methods
) -> None:
    answers = connection.stream(TELL, {})
    told = methods.next_told()

    serving.do(lambda: told.tell("a"))
    assert next(answers) == {"text": "a"}
    serving.do(lambda: (told.tell("b"), told.tell("c"), told.tell_last("d")))
    assert list(answers) == [{"text": "b"}, {"text": "c"}, {"text": "d"}]
    assert connection.call(ECHO, {"text": "after"}) == {"text": "after"}


def test_who_closes_a_stream_hangs_up(connection: Connection, methods: Methods) -> None:
    with connection.stream(TELL, {}) as answers:
        told = methods.next_told()

    assert told.next() == "closed"
    assert list(answers) == []


def test_a_refusal_of_a_stream_comes_with_the_first_answer(connection: Connection) -> None:
    answers = connection.stream("org.example.test.Fail", {"reason": "no"})

    with pytest.raises(CallFailedError, match="Failed: reason 'no'"):
        next(answers)
    assert list(answers) == []


def test_a_stream_that_tells_nothing_for_too_long_is_no_daemon(connection: Connection, methods: Methods) -> None:
    answers = connection.stream(TELL, {}, timeout_seconds=0.01)
    methods.next_told()

    with pytest.raises(NoDaemonError, match=r"no answer to org.example.test.Tell: timed out"):
        next(answers)


def test_another_thread_hangs_up_on_who_waits(connection: Connection, methods: Methods) -> None:
    errors: list[BaseException] = []

    def read() -> None:
        try:
            list(connection.stream(TELL, {}))
        except NoDaemonError as error:
            errors.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    told = methods.next_told()
    connection.hang_up()
    reader.join(DEADLINE_SECONDS)

    assert [str(error).partition(": ")[2] for error in errors] == [
        "the daemon closed the connection before it answered org.example.test.Tell"
    ]
    assert told.next() == "closed"
    connection.hang_up()  # nothing goes on any more


def test_what_is_told_behind_a_stream_is_heard_and_answered_by_nothing(
    connection: Connection, serving: Serving, methods: Methods
) -> None:
    answers = connection.stream(TELL, {})
    told = methods.next_told()

    connection.tell(ECHO, {"text": "heard"})
    connection.tell("org.example.test.Fail", {"reason": "unheard"})
    serving.do(lambda: told.tell_last("end"))

    assert list(answers) == [{"text": "end"}]
    assert connection.call(ECHO, {"text": "after"}) == {"text": "after"}
    assert methods.texts == ["heard", "after"]


def test_a_call_may_be_given_more_time_than_the_connection(serving: Serving, methods: Methods) -> None:
    with Connection(str(serving.path), timeout_seconds=0.01) as connection:
        answered: list[Any] = []
        caller = threading.Thread(target=lambda: answered.append(connection.call_within(None, AWAIT, {})))
        caller.start()
        future = methods.next_awaited()
        serving.do(lambda: future.set_result({"text": "at last"}))
        caller.join(DEADLINE_SECONDS)

        assert answered == [{"text": "at last"}]


def test_a_call_that_takes_longer_than_it_may_is_given_up(connection: Connection, methods: Methods) -> None:
    with pytest.raises(NoDaemonError, match=r"no answer to org.example.test.Await: timed out"):
        connection.call_within(0.01, AWAIT, {})


@pytest.mark.parametrize("value", [object(), float("nan"), b"bytes"], ids=["object", "nan", "bytes"])
def test_what_json_does_not_have_is_not_sent(connection: Connection, value: object) -> None:
    with pytest.raises(ProtocolError, match=f"{ECHO}: what is sent must be what JSON has"):
        connection.call(ECHO, {"text": value})
    assert connection.call(ECHO, {"text": "after"}) == {"text": "after"}

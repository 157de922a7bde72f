"""The limit of processor time: what is ended by it, and what it leaves behind."""

import re
import signal
import subprocess
import sys
import threading

import pytest

from bridge.errors import OutOfTimeError
from bridge.monitors.limited import within

ENDLESS = re.compile(rb"(a+)+b")
BAIT = b"a" * 60 + b"c"
TIMER = "import signal; print(signal.getitimer(signal.ITIMER_VIRTUAL), signal.getsignal(signal.SIGVTALRM))"


def search() -> object:
    return ENDLESS.search(BAIT)


@pytest.mark.parametrize(
    ("regex", "data"),
    [
        (rb"(a+)+b", BAIT),
        (rb"(a|a)*b", BAIT),
        (rb"a*a*a*a*a*b", b"a" * 4096),
        (rb"(?:.*.*)*z", b"y" * 4096),
        (rb"(?s).*?.*?.*?.*?=x", b"y" * 4096),
    ],
)
def test_a_search_that_would_never_end_is_ended(regex: bytes, data: bytes) -> None:
    with pytest.raises(OutOfTimeError):
        within(0.05, lambda: re.search(regex, data))


def test_what_is_done_in_time_gives_what_it_gives() -> None:
    found = within(10, lambda: ENDLESS.search(b"caab"))

    assert found is not None
    assert found[0] == b"aab"


def test_what_fails_in_time_fails_as_it_does() -> None:
    with pytest.raises(ZeroDivisionError):
        within(10, lambda: 1 // 0)


@pytest.mark.parametrize("is_in_time", [True, False])
def test_handler_and_timer_are_as_they_were_before(is_in_time: bool) -> None:
    def of_another(*_: object) -> None: ...

    before = signal.signal(signal.SIGVTALRM, of_another)
    signal.setitimer(signal.ITIMER_VIRTUAL, 1000)
    try:
        if is_in_time:
            within(10, lambda: None)
        else:
            with pytest.raises(OutOfTimeError):
                within(0.01, search)
        left, again = signal.getitimer(signal.ITIMER_VIRTUAL)
        handler = signal.getsignal(signal.SIGVTALRM)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)

    assert handler is of_another
    assert 900 < left <= 1001
    assert again == 0


def test_a_child_that_is_started_meanwhile_has_neither_timer_nor_handler() -> None:
    child = within(10, lambda: subprocess.run([sys.executable, "-c", TIMER], capture_output=True, check=True))

    assert child.stdout == b"(0.0, 0.0) 0\n"


def test_in_another_thread_there_is_no_limit() -> None:
    counted: list[int] = []
    thread = threading.Thread(target=lambda: counted.append(within(0.001, lambda: sum(range(2_000_000)))))
    thread.start()
    thread.join()

    assert counted == [1_999_999_000_000]

"""The limit of processor time: what is ended by it, and what it leaves behind."""

import re
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest

from bridge.errors import OutOfTimeError
from bridge.mapping.searching import Trial, find
from bridge.monitors.limited import within
from bridge.service.search_limit import limited_searches

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


def test_what_other_threads_compute_is_not_counted() -> None:
    def tick() -> tuple[float, float]:
        signal.raise_signal(signal.SIGVTALRM)  # the timer counts the processor time of all of them
        return signal.getitimer(signal.ITIMER_VIRTUAL)

    left, again = within(1000, tick)

    assert 0 < left <= 1001
    assert again == 0


class Ticking:
    """An expression that the timer ticks in, as often as the text says."""

    pattern = "a"
    search = list


def test_a_search_is_not_ended_by_ticks_for_what_other_threads_compute() -> None:
    expression: Any = Ticking()
    ticks: Any = map(signal.raise_signal, [signal.SIGVTALRM] * 5)
    with limited_searches():
        found = find(expression, ticks, Trial())

    assert found == [None] * 5


def test_a_search_of_a_rule_that_would_never_end_is_ended_and_the_timer_is_not_left_behind() -> None:
    trial = Trial()
    with limited_searches(), pytest.raises(OutOfTimeError):
        find(re.compile("(a+)+b"), "a" * 60 + "c", trial)

    assert trial.ended == 1
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)

"""The probe: what a server answers, or does not, says whether there is internet; nobody waits for it."""

import os
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from answering import ANSWERS, answering
from made_network import (
    ADDRESS,
    FAR,
    GATEWAY,
    NEAR,
    asking,
    connect,
    internet_monitor,
    ip,
    listening,
    network_monitor,
    plug_cable,
    values,
)
from namespace import in_namespace

from bridge.model.events import Origin
from bridge.monitors.network_settings import INTERVAL, probe_address
from bridge.monitors.probe import FIRST_PAUSE, REMEDY, TIME_OUT, Probe

DEADLINE_SECONDS = 30
INTERNET = asking("network", '{ kind = "internet" }')
_NO_FAMILY = 46
"""No kernel has one of this number."""
NOWHERE = "http://nowhere.invalid/"


class Hand:
    """A clock that goes on when it is told to."""

    now = 0

    def __call__(self) -> int:
        return self.now


@contextmanager
def probing(url: str, interval: int = INTERVAL) -> Iterator[tuple[Probe, Hand]]:
    clock = Hand()
    probe = Probe(probe_address(url), interval, clock)
    try:
        yield probe, clock
    finally:
        probe.close()


def answer_to(probe: Probe) -> str | None:
    """Sends what is due, and returns what is answered."""
    probe.read()
    assert select.select([probe], [], [], DEADLINE_SECONDS)[0], "no answer"
    probe.read()
    return probe.answer


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.mark.parametrize(
    ("answer", "means"),
    [
        ("ok", "full"),
        ("header", "full"),
        ("204", "full"),
        ("redirect", "portal"),
        ("login page", "portal"),
        ("511", "portal"),
        ("500", "limited"),
        ("404", "limited"),
        ("junk", "limited"),
        ("long", "limited"),
        ("nothing", "limited"),
    ],
)
def test_what_is_answered_says_how_far_one_gets(answer: str, means: str) -> None:
    with answering(ANSWERS[answer]) as server, probing(server.url) as (probe, _):
        probe.consider("a way")

        assert answer_to(probe) == means
        assert server.asked[0].startswith(b"GET /online HTTP/1.1\r\nHost: 127.0.0.1:")
        assert len(server.asked) == 1


def test_where_nobody_listens_it_is_limited() -> None:
    with probing(f"http://127.0.0.1:{free_port()}/") as (probe, _):
        probe.consider("a way")

        assert answer_to(probe) == "limited"


def test_who_does_not_answer_is_given_up_in_time() -> None:
    with answering(None) as server, probing(server.url) as (probe, clock):
        probe.consider("a way")
        probe.read()
        assert probe.deadline() == TIME_OUT
        clock.now = TIME_OUT - 1
        assert not probe.read()
        assert probe.is_awaited()
        clock.now = TIME_OUT
        assert probe.read()

        assert probe.answer == "limited"
        assert select.select([probe], [], [], DEADLINE_SECONDS)[0], "the thread does not end"
        probe.read()
        assert probe.deadline() == TIME_OUT + FIRST_PAUSE


def test_nothing_is_sent_without_a_way() -> None:
    with answering(ANSWERS["204"]) as server, probing(server.url) as (probe, clock):
        assert not probe.read()
        assert probe.deadline() is None
        probe.consider("a way")
        assert answer_to(probe) == "full"
        probe.consider(None)
        clock.now = INTERVAL * 10
        assert not probe.read()

        assert (probe.answer, probe.deadline(), probe.is_awaited(), len(server.asked)) == (None, None, False, 1)


def test_what_is_full_is_asked_again_after_the_interval() -> None:
    with answering(ANSWERS["204"]) as server, probing(server.url) as (probe, clock):
        probe.consider("a way")
        answer_to(probe)
        assert probe.deadline() == INTERVAL
        clock.now = INTERVAL - 1
        probe.read()
        assert len(server.asked) == 1
        clock.now = INTERVAL
        server.answer = ANSWERS["login page"]

        assert answer_to(probe) == "portal"
        assert len(server.asked) == 2


def test_what_is_not_is_asked_soon_and_then_ever_less_often() -> None:
    with answering(ANSWERS["500"]) as server, probing(server.url, interval=8 * FIRST_PAUSE) as (probe, clock):
        probe.consider("a way")
        pauses = []
        for _ in range(6):
            answer_to(probe)
            deadline = probe.deadline()
            assert deadline is not None
            pauses.append((deadline - clock.now) // FIRST_PAUSE)
            clock.now = deadline

        assert pauses == [1, 2, 4, 8, 8, 8]


def test_another_way_is_asked_over_at_once_and_the_former_answer_is_void() -> None:
    with answering(None) as server, probing(server.url) as (probe, _):
        probe.consider("a way")
        probe.read()
        server.answer = ANSWERS["204"]
        probe.consider("another")
        assert select.select([probe], [], [], DEADLINE_SECONDS)[0]
        assert not probe.read()

        assert probe.is_awaited()
        assert answer_to(probe) == "full"


def test_the_same_way_is_not_asked_over_again() -> None:
    with answering(ANSWERS["204"]) as server, probing(server.url) as (probe, _):
        probe.consider("a way")
        answer_to(probe)
        probe.consider("a way")
        probe.read()
        assert probe.deadline() == INTERVAL
        probe.again()
        answer_to(probe)

        assert len(server.asked) == 2


def test_a_probe_that_is_closed_leaves_no_thread_and_no_descriptor() -> None:
    with answering(None) as server:
        before = (threading.active_count(), len(os.listdir("/proc/self/fd")))
        with probing(server.url) as (probe, _):
            probe.consider("a way")
            probe.read()
            server.wait_until_asked()
        threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))

        assert (threads, descriptors) == (before[0], before[1] + 1)  # the server's end


def test_an_address_of_a_family_that_is_not_to_be_had_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(ANSWERS["204"]) as server, probing(server.url) as (probe, _):
        there = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", server.port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(_NO_FAMILY, *there[1:]), there])
        probe.consider("a way")

        assert answer_to(probe) == "full"


def test_where_no_family_is_to_be_had_there_is_no_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    with probing("http://127.0.0.1/") as (probe, _):
        nowhere = (_NO_FAMILY, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 80))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [nowhere])
        probe.consider("a way")

        assert answer_to(probe) is None
        assert probe.refused == f"probe http://127.0.0.1/: not permitted; {REMEDY}"
        assert (probe.is_awaited(), probe.deadline()) == (False, None)


@in_namespace
def test_a_connection_that_nobody_answers_is_given_up_in_the_middle() -> None:
    plug_cable()
    connect()
    before = threading.active_count()
    with probing(f"http://{GATEWAY}/") as (probe, _):
        probe.consider("a way")
        probe.read()

    assert threading.active_count() == before


@in_namespace
def test_a_host_without_an_address_is_no_answer() -> None:
    with probing(NOWHERE) as (probe, _):
        probe.consider("a way")

        assert answer_to(probe) == "limited"


@in_namespace
def test_the_internet_is_not_known_before_the_first_answer_and_then_as_it_says() -> None:
    plug_cable()
    connect()
    ip("link set lo up")
    with answering(None) as server, listening(network_monitor(probe=probe_address(server.url)), INTERNET) as it:
        assert it.told == []
        assert it.monitor.snapshot() == []
        it.until(lambda: bool(server.asked), "a request")
        server.answer = ANSWERS["ok"]
        ip(f"address add 198.51.100.7/24 dev {NEAR}")  # another way

        event = it.until_told(kind="internet", value=1, connectivity="full")
        assert event.origin is Origin.START

        server.answer = ANSWERS["redirect"]
        ip(f"link set {FAR} down")
        it.until_told(kind="internet", value=0)
        ip(f"link set {FAR} up")
        it.until_told(kind="internet", value=0, connectivity="portal")
        server.answer = ANSWERS["204"]
        it.resync()
        it.until_told(kind="internet", value=1)

        assert {each.origin for each in it.told[1:]} == {Origin.LIVE}
        assert it.monitor.report().devices[-1] == f"internet by probe {server.url}"


@in_namespace
def test_a_machine_without_a_way_is_known_to_have_no_internet_without_a_probe() -> None:
    plug_cable()
    ip("link set lo up", f"address add {ADDRESS}/24 dev {NEAR}")
    with answering(ANSWERS["204"]) as server:
        monitor = internet_monitor(probe=probe_address(server.url))
        with listening(monitor, asking("system", '{ name = "InternetAvailable" }')) as it:
            assert values(it.told) == [("InternetAvailable", 0)]
            assert monitor.deadline() is None
            ip(f"route add default via {GATEWAY}")
            it.until_told(name="InternetAvailable", value=1)

        assert len(server.asked) == 1

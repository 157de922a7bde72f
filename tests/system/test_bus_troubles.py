"""The system bus where things go wrong: answers that fail or do not come, an inbox that two empty, our mistakes."""

import logging
import os
from collections import deque
from contextlib import closing

import pytest
from made_bus import Listener, MadeBus, knows
from made_logind import SESSION, MadeLogind, path_of

from bridge.monitors import bus_talk
from bridge.monitors.bus import MOST_UNREAD, Bus, Inbox
from bridge.monitors.bus_words import (
    Answered,
    Appeared,
    Connected,
    Disconnected,
    Properties,
    Unknown,
    Vanished,
)
from bridge.monitors.session_logind import LOGIND, MANAGER, PATH

OF_MANAGER = Properties(LOGIND, PATH, MANAGER)
OF_SESSION = Properties(LOGIND, path_of("1"), SESSION)
OF_BUS = "org.freedesktop.DBus"


class Emptied(deque[object]):
    """What another thread has emptied when the last is about to be taken."""

    def popleft(self) -> object:
        if len(self) == 1:
            self.clear()
        return super().popleft()


@pytest.fixture
def heard(bus: Bus) -> Listener:
    """All that the connection tells, from that it is there."""
    heard = Listener(bus)
    heard.until_told(Connected())
    return heard


def unknown(told: list[object]) -> list[Unknown]:
    return [each for each in told if isinstance(each, Unknown)]


def test_properties_that_could_not_be_had_are_told_once_they_change(
    system_bus: MadeBus, logind: MadeLogind, bus: Bus, heard: Listener
) -> None:
    bus.want(OF_SESSION)
    heard.until(lambda told: bool(unknown(told)))

    logind.come("1", is_told=False)
    logind.turn("1", LockedHint=True)
    told = heard.until(lambda told: knows(told, "LockedHint", True))

    assert unknown(told)[0].error == f"{OF_BUS}.Error.UnknownMethod"
    assert told[-1].values["Class"] == "user"


def test_properties_that_nobody_answers_are_asked_for_until_somebody_does(
    system_bus: MadeBus, logind: MadeLogind, bus: Bus, heard: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    with system_bus.deaf(LOGIND):
        monkeypatch.setattr(bus_talk, "ANSWER_SECONDS", 1.0)
        bus.want(OF_MANAGER)
        told = heard.until(lambda told: bool(unknown(told)))

    assert unknown(told)[0] == Unknown(OF_MANAGER, "", "no answer in 25 s")
    heard.until(lambda told: knows(told, "IdleAction", "ignore"))


def test_a_bus_that_does_not_say_who_is_there_is_asked_until_it_does(
    system_bus: MadeBus, logind: MadeLogind, bus: Bus, heard: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    with system_bus.deaf(OF_BUS):
        monkeypatch.setattr(bus_talk, "ANSWER_SECONDS", 1.0)
        bus.want(OF_MANAGER)
        heard.until(lambda told: bool(unknown(told)))

    assert Vanished(LOGIND) not in heard.until_told(Appeared(LOGIND))


def test_two_threads_may_empty_an_inbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.monitors.bus.deque", Emptied)

    with closing(Inbox()) as inbox:
        inbox.put(Vanished("a"))
        inbox.put(Vanished("b"))

        assert inbox.take() == [Vanished("a")]


def test_an_answer_that_there_is_no_room_for_is_closed() -> None:
    reader, writer = os.pipe()

    with closing(Inbox()) as inbox:
        for _ in range(MOST_UNREAD):
            inbox.put(Vanished("a"))
        is_told = inbox.put(Answered(1, (), (writer,)))

    assert not is_told
    assert os.read(reader, 1) == b"", "nobody has the other end"
    os.close(reader)


def test_a_mistake_of_ours_is_told_as_the_end_of_the_bus_and_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def mistaken(self: bus_talk.Talk) -> None:
        raise IndexError("pop from an empty deque")

    monkeypatch.setattr(bus_talk.Talk, "run", mistaken)
    with caplog.at_level(logging.ERROR, "bridge.monitors.bus"), closing(Bus("unix:path=/nowhere/bus")) as bus:
        (told,) = Listener(bus).until(bool)

    why = "IndexError('pop from an empty deque'), a mistake in the code of hwbridge"
    assert told == Disconnected(f"unix:path=/nowhere/bus: {why}")
    assert caplog.messages == ["the system bus is heard no more: a mistake in the code of hwbridge"]

"""Who is served next, on a loop whose time stands still unless somebody is served."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from bridge.service.turns import MOST_SECONDS_IN_A_ROW, Clock, Turns

A_LONG_WHILE = 10.0
LONG = MOST_SECONDS_IN_A_ROW * 2


class Loop:
    """What turns need of a loop. `turn` does what was put off until its next turn."""

    def __init__(self) -> None:
        self.at = A_LONG_WHILE
        self._soon: list[Callable[[], object]] = []

    def time(self) -> float:
        return self.at

    def call_soon(self, action: Callable[..., object], *arguments: Callable[[], None]) -> None:
        self._soon.append(lambda: action(*arguments))

    def turn(self) -> None:
        soon, self._soon = self._soon, []
        for action in soon:
            action()

    def turns(self) -> None:
        """The next turn, in which the loop looks who has something to say, and the one behind it."""
        self.turn()
        self.turn()

    @property
    def is_idle(self) -> bool:
        return not self._soon


class Connection:
    """It has so many calls, each of which takes so long, and writes down when it is served."""

    def __init__(self, loop: Loop, served: list[str], name: str, *, calls: int = 1, seconds: float = 0.0) -> None:
        self._loop, self._served, self._name, self._calls, self._seconds = loop, served, name, calls, seconds

    def serve(self, now: Clock, until: float) -> bool:
        self._served.append(self._name)
        self._loop.at += self._seconds
        self._calls -= 1
        return self._calls > 0


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def turns(loop: Loop) -> Turns:
    return Turns(cast(asyncio.AbstractEventLoop, loop))


def test_where_nobody_waits_who_asks_is_served_at_once(loop: Loop, turns: Turns) -> None:
    served: list[str] = []
    for _ in range(3):
        turns.ask(1, Connection(loop, served, "a"))

    assert served == ["a"] * 3
    assert loop.is_idle


def test_who_has_much_to_ask_is_served_once_in_a_turn_of_the_loop(loop: Loop, turns: Turns) -> None:
    served: list[str] = []
    turns.ask(1, Connection(loop, served, "a", calls=3))
    assert served == ["a"]
    loop.turns()
    assert served == ["a", "a"]
    loop.turns()

    assert served == ["a"] * 3
    assert loop.is_idle


def test_users_take_turns_however_many_connections_one_has(loop: Loop, turns: Turns) -> None:
    served: list[str] = []
    for name in ("a", "b", "c"):
        turns.ask(1, Connection(loop, served, name, calls=2, seconds=LONG))
    turns.ask(2, Connection(loop, served, "other", calls=2, seconds=LONG))
    while not loop.is_idle:
        loop.turns()

    assert served == ["a", "other", "a", "other", "b", "c", "b", "c"]


def test_after_a_millisecond_the_loop_has_its_turn(loop: Loop, turns: Turns) -> None:
    served: list[str] = []
    turns.ask(1, Connection(loop, served, "long", seconds=LONG))
    turns.ask(2, Connection(loop, served, "next"))
    assert served == ["long"]
    loop.turns()

    assert served == ["long", "next"]


def test_the_millisecond_is_of_all_that_ask_in_one_turn_of_the_loop(loop: Loop, turns: Turns) -> None:
    served: list[str] = []
    for number in range(6):
        turns.ask(number, Connection(loop, served, str(number), seconds=MOST_SECONDS_IN_A_ROW * 0.3))
    assert served == ["0", "1", "2", "3"]
    loop.turns()

    assert served == ["0", "1", "2", "3", "4", "5"]


def test_who_has_used_less_than_those_that_wait_is_served_at_once(loop: Loop, turns: Turns) -> None:
    served: list[str] = []
    for name in ("a", "b", "c"):
        turns.ask(1, Connection(loop, served, name, calls=9, seconds=LONG))
    loop.turns()
    loop.turns()
    before = len(served)
    turns.ask(2, Connection(loop, served, "once", seconds=LONG))
    assert served[before:] == ["once"]
    turns.ask(2, Connection(loop, served, "twice", seconds=LONG))
    assert served[before:] == ["once"]
    loop.turns()
    loop.turns()

    assert "twice" in served[before:]


def test_after_a_pause_the_time_counts_anew(loop: Loop, turns: Turns) -> None:
    served: list[str] = []
    turns.ask(1, Connection(loop, served, "long", seconds=LONG))
    loop.at += A_LONG_WHILE
    turns.ask(1, Connection(loop, served, "next"))

    assert served == ["long", "next"]


def test_a_bug_in_one_costs_no_other_its_turn(loop: Loop, turns: Turns) -> None:
    class Bad:
        def serve(self, now: Clock, until: float) -> bool:
            raise ZeroDivisionError("a bug")

    served: list[str] = []
    turns.ask(1, Connection(loop, served, "long", seconds=LONG))
    turns.ask(1, Bad())
    turns.ask(1, Connection(loop, served, "next"))
    loop.turn()
    with pytest.raises(ZeroDivisionError):
        loop.turn()
    loop.turns()

    assert served == ["long", "next"]
    assert loop.is_idle


def test_who_asks_while_another_is_served_has_a_turn_later(loop: Loop, turns: Turns) -> None:
    served: list[str] = []

    class Asking:
        def serve(self, now: Clock, until: float) -> bool:
            turns.ask(1, Connection(loop, served, "asked for"))
            served.append("asking")
            return False

    turns.ask(1, Asking())
    assert served == ["asking"]
    loop.turns()

    assert served == ["asking", "asked for"]
    assert loop.is_idle

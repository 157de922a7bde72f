"""A search that is ended from outside: nothing is found, and after some such ends it is not tried again."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from bridge.errors import OutOfTimeError
from bridge.mapping.searching import MOST, begin_anew, find, times_ended


class Endless:
    """An expression whose search is ended whenever it is tried."""

    def __init__(self) -> None:
        self.tried = 0

    def search(self, text: str) -> None:
        self.tried += 1
        raise OutOfTimeError


@pytest.fixture
def endless() -> Iterator[Any]:
    yield Endless()
    begin_anew()


def test_what_was_ended_is_not_found_and_soon_not_searched_for_any_more(endless: Any) -> None:
    found = [find(endless, "text") for _ in range(MOST + 2)]

    assert found == [None] * (MOST + 2)
    assert endless.tried == times_ended(endless) == MOST


def test_others_are_searched_for_meanwhile(endless: Any) -> None:
    for _ in range(MOST):
        find(endless, "text")

    assert find(re.compile("ex"), "text") is not None


def test_who_begins_anew_searches_for_it_again(endless: Any) -> None:
    for _ in range(MOST):
        find(endless, "text")
    begin_anew()
    find(endless, "text")

    assert endless.tried == MOST + 1

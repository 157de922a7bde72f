"""A search that is ended from outside: nothing holds for what is not known, and after some such ends it is given up."""

from collections.abc import Iterator
from typing import Any

import pytest

from bridge.errors import OutOfTimeError
from bridge.mapping.mapper import Mapper
from bridge.mapping.match import AnyOf, Is, Not, Search, searches
from bridge.mapping.needs import TaskNeeds
from bridge.mapping.searching import MOST, begin_anew
from bridge.model.triggers import DeviceWatcherEventKind, DeviceWatcherTrigger
from tests.pure.said import table_of


class Endless:
    """An expression whose search is ended whenever it is tried."""

    pattern = "(a+)+$"

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
    search = Search(endless)
    found = [search("text") for _ in range(MOST + 2)]

    assert found == [False] * (MOST + 2)
    assert endless.tried == search.trial.ended == MOST
    assert search.groups("text") == {}


def test_who_is_told_of_a_test_sees_that_it_is_given_up(endless: Any) -> None:
    search = Search(endless)
    before = str(search)
    for _ in range(MOST):
        search("text")

    assert (before, str(search)) == ("{ regex = '(a+)+$' }", f"{before} (not searched for any more: it took too long)")


def test_another_test_of_the_same_expression_is_equal_to_it_and_searched_for_meanwhile() -> None:
    given_up, other = Search.parse("^a+$"), Search.parse("^a+$")
    given_up.trial.ended = MOST

    assert given_up == other
    assert hash(given_up) == hash(other)
    assert (given_up("aaa"), other("aaa")) == (False, True)


def test_who_begins_anew_searches_for_it_again(endless: Any) -> None:
    search = Search(endless)
    for _ in range(MOST):
        search("text")
    begin_anew()
    search("text")

    assert endless.tried == MOST + 1


@pytest.mark.parametrize("times", [1, MOST + 1])
def test_not_holds_no_more_than_the_test_in_it_for_what_was_not_searched_to_its_end(endless: Any, times: int) -> None:
    search = Search(endless)
    tests = (Not(search), Not(Not(search)), Not(AnyOf((Is("b"), search))), AnyOf((Is("b"), Not(search))))

    assert [[test("text") for test in tests] for _ in range(times)] == [[False] * 4] * times


def test_not_holds_for_an_absent_field_though_its_search_is_given_up(endless: Any) -> None:
    search = Search(endless)
    search.trial.ended = MOST

    assert (Not(search)(None), Not(AnyOf((search,)))(None), search(None)) == (True, True, False)


RULES = """
[[rule]]
name = "letters"
source = "serial"
match = { port = "scanner", line = [{ regex = "^a" }, { not = { regex = "^b" } }] }
raise = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"

[[rule]]
name = "others"
source = "serial"
match = { port = "scanner", line = { regex = "^a" } }
raise = "{7B6C1E40-52AF-4D1D-9A30-6C5DE7F08B21}"

[[condition]]
name = "docked"
source = "udev"
match = { devpath = { regex = "dock" } }
"""


def test_every_test_of_a_rule_a_condition_and_a_device_watcher_knows_for_the_log_whose_it_is() -> None:
    mapper = Mapper()
    mapper.replace(table_of(RULES))
    of_task = Search.parse("FT232")
    watcher = DeviceWatcherTrigger((("ID_MODEL", of_task),), frozenset(DeviceWatcherEventKind))
    mapper.serve(TaskNeeds(watchers=(("radio", watcher),)), 0)
    checks = [check for each in (*mapper.table.rules, *mapper.table.conditions) for check in each.match]

    assert [search.trial.whose for _, test in checks for search in searches(test)] == [
        "rule 'letters' (line)",
        "rule 'letters' (line)",
        "rule 'others' (line)",
        "condition 'docked' (devpath)",
    ]
    assert of_task.trial.whose == "task 'radio' (ID_MODEL)"

"""hwbridge, triggerhappy and acpid with the same events: who saw what, and that the README says so."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.lab.beside import BEGIN, END, README, SITUATIONS, table_of
from tests.lab.inside.beside import BOUNCES, HWBRIDGE

Result = Mapping[str, Any]

pytestmark = pytest.mark.lab("beside_others")


def test_the_readme_says_who_saw_what(result: Result) -> None:
    _, begin, rest = README.read_text().partition(BEGIN)
    table, end, _ = rest.partition(END)

    assert begin
    assert end
    assert table == table_of(result["seen"]), "python -m tests.lab.beside writes it anew"


def test_every_situation_is_in_the_table(result: Result) -> None:
    assert result["seen"]["noted"].keys() == SITUATIONS.keys()


def test_all_have_seen_what_none_can_miss(result: Result) -> None:
    assert all(words == ["out", "then", "in"] for words in result["seen"]["noted"]["taken out, put in"].values())


def test_our_handlers_are_told_how_it_is_once_and_whatever_happened(result: Result) -> None:
    ours = {situation: noted[HWBRIDGE] for situation, noted in result["seen"]["noted"].items()}

    assert ours == {
        "in before they start": ["in"],
        "taken out, put in": ["out", "then", "in"],
        "taken out while all are stalled": ["out"],
        "four times during a run": ["in", "then", "out"],
        "contacts bounce": ["in"],
        "a device that comes later": ["in"],
        "back as another node": ["in"],
        "taken out while none runs": ["out"],
    }


def test_without_a_filter_contacts_that_bounce_are_so_many_handlers(result: Result) -> None:
    others = [words for name, words in result["seen"]["noted"]["contacts bounce"].items() if name != HWBRIDGE]

    assert [len(words) for words in others] == [2 * BOUNCES + 1] * 2


def test_the_daemon_ends_cleanly_and_without_a_traceback(result: Result) -> None:
    assert result["exit_status"] == 0, result["log"]
    assert "Traceback" not in result["log"]

"""The unified diff: what patch(1) would make of it is the other text, however long both are."""

import difflib
import re
from collections.abc import Iterator, Sequence
from itertools import count, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.testing import difference
from bridge.testing.difference import edits, unified_diff

TEXTS = st.lists(st.sampled_from([f"{letter}\n" for letter in "abcdefgh"]), max_size=60)


def diff(wanted: Sequence[str], found: Sequence[str]) -> list[str]:
    return list(unified_diff(wanted, found, "wanted", "found"))


def patched(wanted: Sequence[str], lines: Sequence[str]) -> list[str]:
    """What patch(1) makes of `wanted`; every line that a hunk says is there must be there."""
    made: list[str] = []
    place = 0
    for line in lines[2:]:
        if header := re.fullmatch(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@\n", line):
            begin = int(header[1]) - (header[2] != "0")
            made += wanted[place:begin]
            place = begin
            assert len(made) == int(header[3]) - (header[4] != "0")
            continue
        if line[0] != "+":
            assert wanted[place] == line[1:]
            place += 1
        if line[0] != "-":
            made.append(line[1:])
    return [*made, *wanted[place:]]


@given(TEXTS, TEXTS)
def test_the_diff_makes_one_text_of_the_other(wanted: list[str], found: list[str]) -> None:
    assert patched(wanted, diff(wanted, found)) == found


@given(TEXTS)
def test_of_equal_texts_there_is_no_diff(text: list[str]) -> None:
    assert diff(text, text) == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("abc", "abd"),
        ("", "a"),
        ("a", ""),
        ("abcdefghij", "abcdeXfghij"),
        ("a1234567b", "x1234567y"),
        ("a123456b", "x123456y"),
    ],
)
def test_short_texts_have_the_diff_that_everybody_shows(wanted: str, found: str) -> None:
    lines, others = ([f"{letter}\n" for letter in text] for text in (wanted, found))

    assert diff(lines, others) == list(difflib.unified_diff(lines, others, "wanted", "found"))


@given(st.integers(1, 8), st.integers(2, 12), st.integers(1, 9), TEXTS, TEXTS)
def test_so_it_is_where_only_a_part_is_compared_at_once(
    few: int, factor: int, longest: int, wanted: list[str], found: list[str]
) -> None:
    with pytest.MonkeyPatch.context() as patching:
        patching.setattr(difference, "_FEW", few)
        patching.setattr(difference, "_MANY", few * factor)
        patching.setattr(difference, "_LONGEST_HUNK", longest)

        assert patched(wanted, diff(wanted, found)) == found


def test_one_line_that_differs_in_the_middle_of_many_is_shown_alone() -> None:
    wanted = [f"line {number}\n" for number in range(20_000)]
    found = [*wanted[:10_000], "another\n", *wanted[10_001:]]

    assert "".join(diff(wanted, found)[2:]) == (
        "@@ -9998,7 +9998,7 @@\n"
        " line 9997\n line 9998\n line 9999\n-line 10000\n+another\n line 10001\n line 10002\n line 10003\n"
    )


def test_thousands_of_lines_more_do_not_hide_that_the_rest_is_equal() -> None:
    wanted = [f"line {number}" for number in range(20_000)]
    found = [*wanted[:7], *(f"more {number}" for number in range(6_000)), *wanted[7:]]

    changed = [edit for edit in edits(wanted, found) if edit.kind != " "]
    assert [edit.line for edit in changed] == [f"more {number}" for number in range(6_000)]


def test_no_more_is_read_than_is_compared() -> None:
    read = count()

    def endless() -> Iterator[str]:
        return (f"line {number}" for number in read)

    shown = list(islice(unified_diff(iter(()), endless(), "wanted", "found"), 100))

    assert shown[:4] == ["--- wanted\n", "+++ found\n", "@@ -0,0 +1,10000 @@\n", "+line 0"]
    assert next(read) < 100_000

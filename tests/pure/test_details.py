"""Details: 64 names, 32 KiB, names that are identifiers; and what becomes of all fields of an event."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import InvalidDetailsError
from bridge.model.details import MOST_BYTES, MOST_NAMES, NAME, checked_details, details_of_fields

field_names = st.text("@ABZaz09_.:-/", min_size=1, max_size=12)
values = st.one_of(st.integers(), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))


def size(details: dict[str, str]) -> int:
    return sum(len(name) + len(value.encode()) for name, value in details.items())


@pytest.mark.parametrize("name", ["jack", "_", "ID_MODEL", "a1", "A"])
def test_a_name_is_letters_digits_and_underscores_and_begins_with_no_digit(name: str) -> None:
    assert checked_details({name: "x"}) == {name: "x"}


@pytest.mark.parametrize("name", ["", "1a", "a-b", "a.b", "a b", "stra\u00dfe", "a\n", "@a", "\u0661"])
def test_any_other_name_is_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidDetailsError) as caught:
        checked_details({name: "x"})

    assert caught.value.field == name
    assert str(caught.value) == f"detail {name!r}: a name is a letter or _ and then letters, digits and _"


def test_there_are_at_most_64_names() -> None:
    many = {f"n{number}": "" for number in range(64)}

    assert checked_details(many) == many
    with pytest.raises(InvalidDetailsError, match="'one_more': one more than the 64 allowed"):
        checked_details({**many, "one_more": ""})


def test_names_and_values_have_32_kib_together_counted_in_bytes() -> None:
    full = {"a": "\u00e9" * (16 * 1024 - 1), "b": ""}

    assert checked_details(full) == full
    with pytest.raises(InvalidDetailsError, match="'b': beyond the 32768 bytes"):
        checked_details({**full, "b": "x"})


@pytest.mark.parametrize(("value", "reason"), [("a\0b", "may not hold NUL"), ("\ud800", "half a surrogate pair")])
def test_text_that_no_program_can_be_given_is_refused(value: str, reason: str) -> None:
    with pytest.raises(InvalidDetailsError, match=f"detail 'x': .*{reason}"):
        checked_details({"x": value})


def test_checked_details_do_not_change_with_what_was_given() -> None:
    given_ = {"a": "1"}
    checked = checked_details(given_)
    given_["a"] = "2"

    assert checked == {"a": "1"}


def test_all_fields_become_details_under_names_that_are_allowed() -> None:
    fields = {"action": "add", "attr.power/control": "on", "@ID_PATH": "pci", "value": -1, "7SEG": "x", "@attr.a": ""}

    assert details_of_fields(fields) == {
        "action": "add",
        "attr_power_control": "on",
        "ID_PATH": "pci",
        "value": "-1",
        "_7SEG": "x",
        "attr_a": "",
    }


def test_of_two_fields_with_one_name_the_device_itself_comes_before_its_ancestor() -> None:
    assert details_of_fields({"ID_PATH": "own", "@ID_PATH": "inherited"}) == {"ID_PATH": "own"}


def test_fields_beyond_64_are_left_out_the_last_ones_first() -> None:
    fields = {f"F{number:02}": number for number in range(70)}

    assert list(details_of_fields(fields)) == [f"F{number:02}" for number in range(64)]


def test_fields_beyond_32_kib_are_left_out_the_last_ones_first() -> None:
    assert list(details_of_fields({"A": "x" * MOST_BYTES, "B": "y"})) == []
    assert list(details_of_fields({"A": "x" * (MOST_BYTES - 3), "B": "y", "C": "z"})) == ["A", "B"]


@given(st.dictionaries(field_names, values, max_size=80))
def test_details_of_any_fields_are_within_the_limits(fields: dict[str, str | int]) -> None:
    details = dict(details_of_fields(fields))

    assert checked_details(details) == details
    assert len(details) <= MOST_NAMES
    assert size(details) <= MOST_BYTES
    assert all(NAME.fullmatch(name) for name in details)

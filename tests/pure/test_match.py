"""The tests of `match`: what each holds for, and what is refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import InvalidValueError
from bridge.mapping.match import AnyOf, Equals, Glob, Is, Not, Present, Range, Search, is_glob, parse_test, searches

toml_integers = st.integers(-(2**63), 2**63 - 1)
EMPTY_TABLES = [{}, {"is": 5}, {"is": "a", "not": "b"}, {"regex": 5}, {"minimum": 1}, {"not": "a", "min": 1}]


@pytest.mark.parametrize(
    ("toml", "holds", "not_held"),
    [
        ("add", ["add"], ["Add", "added", "", None, 0]),
        ("5", ["5", 5], ["05", "+5", 6]),
        ("", [""], [None, " ", 0]),
        ("a*", ["a", "abc", "a\nb"], ["ba", "A", "", None]),
        ("a?c", ["abc", "a*c"], ["ac", "abbc", None]),
        ("[ab]c", ["ac", "bc"], ["cc", "[ab]c", None]),
        ("[!a]c", ["bc"], ["ac", "c"]),
        ("*", ["", "anything", 0], [None]),
        ("1*", ["1", "12", 12], [21]),
        ({"is": "a*"}, ["a*"], ["ab", None]),
        (5, [5, "5", "05", "+5"], [6, "5 ", "5.0", "five", "0x5", "", "\u0665", None]),
        (-1, [-1, "-1"], [1, "1", None]),
        (0, [0, "0", "-0", "00"], ["", None]),
        ({"min": 3}, [3, 4, "4", 10**20], [2, "2", "", "x", None]),
        ({"max": 3}, [3, -5, "2"], [4, "4", None]),
        ({"below": 3}, [2, "2"], [3, "3", None]),
        ({"min": -2, "max": 2}, [-2, 2, "0"], [-3, 3]),
        ({"min": 1, "max": 9, "below": 5}, [1, 4], [0, 5, 9]),
        (["a", "b*", 5], ["a", "bc", 5, "5"], ["c", 6, None]),
        ([["a"], ["b"]], ["a", "b"], ["c"]),
        ({"regex": "SN-(?P<serial>[0-9]+)"}, ["SN-12", "a SN-1 b"], ["sn-12", "", None]),
        ({"regex": "^1"}, [12, "12"], [21]),
        (True, ["x", 0, "0"], ["", None]),
        ({"not": "a"}, ["b", "", 0, None], ["a"]),
        ({"not": 5}, [6, "x", None], [5, "5", "05"]),
        ({"not": ["a", "b*"]}, ["c", None], ["a", "bc"]),
        ({"not": True}, ["", None], ["x", 0]),
        ({"not": {"not": "a"}}, ["a", None], ["b"]),
        (["a", {"not": "b*"}], ["a", "c", None], ["b", "bc"]),
    ],
)
def test_a_test_holds_for_these_values_and_for_no_others(
    toml: object, holds: list[str | int], not_held: list[str | int | None]
) -> None:
    test = parse_test(toml)

    assert [value for value in holds if not test(value)] == []
    assert [value for value in not_held if test(value)] == []


@pytest.mark.parametrize("toml", ["046D", {"is": "046D"}, "046[A-F]", ["046D"], {"not": {"not": "046D"}}])
def test_hexadecimal_ids_compare_without_case(toml: object) -> None:
    test = parse_test(toml, hexadecimal=True)

    assert test("046d")
    assert test("046D")
    assert not test("0460")


def test_without_hexadecimal_case_counts() -> None:
    assert not parse_test("046D")("046d")


@given(st.recursive(
    st.sampled_from(["a", "a*", 5, True, {"is": "x"}, {"regex": "x"}, {"min": 1}]),
    lambda inner: st.lists(inner, min_size=1, max_size=3),
))  # fmt: skip
def test_no_test_without_a_not_holds_for_an_absent_field(toml: object) -> None:
    assert not parse_test(toml)(None)
    assert parse_test({"not": toml})(None)


@given(toml_integers, toml_integers)
def test_an_integer_compares_with_decimal_text_as_with_the_number(wanted: int, found: int) -> None:
    test = parse_test(wanted)

    assert test(found) is (wanted == found)
    assert test(str(found)) is (wanted == found)


exact_values = st.lists(
    st.one_of(st.sampled_from(["5", "05", "a", "A", "-0"]), st.integers(-6, 6)), min_size=1, max_size=3
)
asked = st.one_of(st.sampled_from(["5", "05", "+5", "a", "A", "0", "-0", ""]), st.integers(-6, 6))


@given(exact_values, asked, st.booleans())
def test_the_listed_exact_values_say_the_same_as_the_test(
    toml: list[str | int], value: str | int, hexadecimal: bool
) -> None:
    test = parse_test(toml, hexadecimal=hexadecimal)
    listed = test.exact()
    looked_up = value.lower() if hexadecimal and isinstance(value, str) else value

    assert listed is not None
    assert test(value) is any((Equals(each) if isinstance(each, int) else Is(each))(looked_up) for each in listed)


@pytest.mark.parametrize("toml", ["a*", {"regex": "a"}, True, {"not": "a"}, {"min": 1, "max": 1}, ["a", "b*"]])
def test_what_stands_for_more_than_a_list_of_values_lists_none(toml: object) -> None:
    assert parse_test(toml).exact() is None


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        (False, "false is no test; for 'absent or empty' write { not = true }"),
        (1.5, "1.5 is no test: a text, an integer, a list, true, or a table of is, regex, not, min, max, below"),
        ([], "an empty list matches nothing"),
        (["a", False], "false is no test"),
        ({"not": []}, "an empty list matches nothing"),
        ({"regex": "("}, "regex '(' cannot be read: missing ), unterminated subpattern"),
        ({"regex": "a{99999999999}"}, "cannot be read"),
        ({"not": {"regex": "(?P<a>b)"}}, "a regex inside `not` cannot give fields: its groups are never found"),
        ({"min": 5, "max": 4}, "nothing lies in { min = 5, max = 4 }"),
        ({"min": 5, "below": 5}, "nothing lies in { min = 5, below = 5 }"),
        ({"min": "5"}, 'min is string "5", not an integer'),
        ({"below": True}, "below is boolean true, not an integer"),
        ({"max": 1.5}, "max is float 1.5, not an integer"),
        *((table, "is no test: one of { is = text }, { regex = text }, { not = test }") for table in EMPTY_TABLES),
    ],
)
def test_what_is_no_test_is_refused_and_says_what_was_meant(toml: object, message: str) -> None:
    with pytest.raises(InvalidValueError, match=re.escape(message)):
        parse_test(toml)


def test_named_groups_that_took_part_are_found() -> None:
    (search,) = searches(parse_test(["x", {"regex": "(?P<a>[0-9]+)(?P<b>k)?"}]))

    assert search.groups("12k") == {"a": "12", "b": "k"}
    assert search.groups("12") == {"a": "12"}
    assert search.groups("none") == {}
    assert search.groups(None) == {}


def test_searches_are_found_at_any_depth() -> None:
    inner = Search.parse("a")

    assert searches(AnyOf((Present(), AnyOf((inner,)), Not(inner), Glob("*"), Range(minimum=1)))) == (inner, inner)


@pytest.mark.parametrize(("text", "is_one"), [("a", False), ("a*", True), ("a?", True), ("a[b", True), ("a]", False)])
def test_a_text_with_a_star_a_question_mark_or_a_bracket_is_a_glob(text: str, is_one: bool) -> None:
    assert is_glob(text) is is_one


def test_a_test_is_shown_as_it_was_written() -> None:
    toml = ["a", {"not": 5}, {"min": 1, "below": 3}, True, {"regex": "x"}]

    assert str(parse_test(toml)) == "['a', { not = 5 }, { min = 1, below = 3 }, true, { regex = 'x' }]"

"""Durations as people write them, whole microseconds inside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import InvalidDurationError
from bridge.model.durations import MICROSECONDS, format_at, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("1us", 1),
        ("20ms", 20_000),
        ("2s", 2_000_000),
        ("15m", 900_000_000),
        ("1h", 3_600_000_000),
        ("1d", 86_400_000_000),
        ("0s", 0),
        ("007s", 7_000_000),
        ("1.5ms", 1_500),
        ("0.000001s", 1),
        ("0.1s", 100_000),
        ("1.0us", 1),
    ],
)
def test_a_number_and_a_unit_are_whole_microseconds(text: str, microseconds: int) -> None:
    assert parse_duration(text) == microseconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "s",
        "5 s",
        " 5s",
        "5s\n",
        "-5s",
        "+5s",
        "5S",
        "5sec",
        "5min",
        "1h30m",
        "1e3s",
        ".5s",
        "5.s",
        "1,5s",
        "never",
        "\u0665s",
    ],
)
def test_any_other_text_is_refused_with_the_text_and_the_units(text: str) -> None:
    with pytest.raises(InvalidDurationError) as caught:
        parse_duration(text)

    assert str(caught.value).startswith(f"{text!r} is not a duration: a number and one of us, ms, s, m, h, d")


@pytest.mark.parametrize("value", [5, 0.5, None, True, b"5s", ["5s"]])
def test_what_is_no_text_is_refused_in_the_same_way(value: object) -> None:
    with pytest.raises(InvalidDurationError):
        parse_duration(value)


@pytest.mark.parametrize("text", ["0.5us", "0.0001ms", "1.000001ms"])
def test_a_part_of_a_microsecond_is_refused_and_not_rounded(text: str) -> None:
    with pytest.raises(InvalidDurationError):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=10**15))
def test_a_formatted_duration_is_read_back_as_the_same(microseconds: int) -> None:
    assert parse_duration(format_duration(microseconds)) == microseconds


@given(st.integers(min_value=1, max_value=10**6), st.sampled_from(sorted(MICROSECONDS)))
def test_a_duration_is_shown_in_the_largest_unit_that_divides_it(number: int, unit: str) -> None:
    shown = format_duration(number * MICROSECONDS[unit])

    assert int(shown.rstrip("usmhd")) <= number


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (0, "0.000000"),
        (1, "0.000001"),
        (104_000, "0.104000"),
        (1_999_999, "1.999999"),
        (12_000_000, "12.000000"),
        (-1, "-0.000001"),
        (-1_500_000, "-1.500000"),
        (2**51, "2251799813.685248"),
    ],
)
def test_a_time_is_shown_in_seconds_with_six_digits(at: int, shown: str) -> None:
    assert format_at(at) == shown

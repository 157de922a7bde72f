"""Lines of evemu that are like one before them are read another way: what they say stays the same."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import RecordingError
from bridge.model.events import Event
from bridge.recording.evemu import read_evemu

BEGINNINGS = ("E: ", "E:\t", "E:", "e: ", "E: 1", " E: ")
TIMES = (
    "1.000000 1.999999 9.000000 09.5 1.5 1.0000001 -1.000000 1.00000 1,000000 1.00000\u0665 1.0_0000 99999999999.000000"
)
CODES = ("0001 001e", "0001 001E", "1 1e", "01 001e", "0001\t001e", "00001 001e", "000g 001e", "0001")
VALUES = "1 0001 -001 - 00000000001 2147483647 2147483648 -2147483649 9999999999 1.0 0x1 +1"
BEHIND = ("\n", "\r\n", " \n", "\t# EV_KEY / KEY_A 1\n", "# x\n", "\t# \0\n", " 1\n", f"\t# {'x' * 300}\n", "\x0b\n")
NO_LINE_FEED = ("", "\r", " ", "\t# EV_KEY / KEY_A 1", "\t# EV_KEY / KEY_A", "\t#")


def lines_behind(behind: tuple[str, ...]) -> list[str]:
    """Lines without their beginnings."""
    values = product(["1.000000", "9.000000"], CODES, VALUES.split(), behind)
    of_values = [f"{at} {codes} {value}{rest}" for at, codes, value, rest in values]
    return [*of_values, *(f"{at} 0001 001e 1{rest}" for at, rest in product(TIMES.split(), behind))]


def outcome(*lines: str) -> tuple[list[Event], str]:
    """The events behind the first, and what is said of the line that ends them."""
    events: list[Event] = []
    try:
        for event in read_evemu("a", [line.encode() for line in ("E: 0.000000 0000 0000 0\n", *lines)]):
            events.append(event)  # noqa: PERF402 -- what came before an error counts
    except RecordingError as error:
        return events[1:], str(error).split(": ", maxsplit=1)[1]
    return events[1:], ""


@pytest.mark.parametrize("at", ["0.500000", "1.000000"])
def test_a_line_says_the_same_when_one_like_it_has_been_read(at: str) -> None:
    for line in lines_behind((*BEHIND, *NO_LINE_FEED)):
        like = f"E: {at}{line[8:].removesuffix(chr(10))}\n"
        tells_of_comments = "\t#" in like and not line.endswith("\n")  # so that a last line without one is cut
        before = [like] if not outcome(like)[1] and not tells_of_comments else []

        for beginning in BEGINNINGS:
            events, error = outcome(*before, f"{beginning}{line}")
            assert (events[len(before) :], error) == outcome(f"{beginning}{line}"), (before, line)


def test_events_that_say_the_same_share_their_fields() -> None:
    events, _ = outcome(*(f"E: {at} 0001 001e 1\n" for at in ("1.000000", "1.000001", "2.000000")))

    assert [event.at for event in events] == [1_000_000, 1_000_001, 2_000_000]
    assert len({id(event.fields) for event in events}) == 1


@given(st.lists(st.integers(-(2**31), 2**31 - 1)), st.booleans())
def test_an_axis_may_have_any_values(values: list[int], commented: bool) -> None:
    behind = "\t# EV_ABS / ABS_X                0" if commented else ""

    events, error = outcome(*(f"E: 7.000000 0003 0000 {value:04d}{behind}\n" for value in values))

    assert error == ""
    assert [event.fields["value"] for event in events] == values

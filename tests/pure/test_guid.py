"""GUIDs: what is accepted, how it is shown, and what is refused with the text that was given."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BridgeError, InvalidGuidError
from bridge.model.guid import Guid

SHOWN = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
DIGITS = SHOWN[1:-1]
NIL = "00000000-0000-0000-0000-000000000000"

usable = st.uuids().filter(lambda each: each.int != 0)


def mixed_case(text: str, upper: list[bool]) -> str:
    return "".join(each.upper() if up else each.lower() for each, up in zip(text, upper * len(text), strict=False))


@given(usable, st.lists(st.booleans(), min_size=1, max_size=40))
def test_every_accepted_form_in_any_case_is_shown_in_one_way(number: uuid.UUID, upper: list[bool]) -> None:
    shown = "{" + str(number).upper() + "}"

    for form in (f"{number}", f"{{{number}}}", f"urn:uuid:{number}"):
        assert str(Guid.parse(mixed_case(form, upper))) == shown


@given(usable)
def test_what_is_shown_is_read_back_as_the_same_guid(number: uuid.UUID) -> None:
    guid = Guid.parse(str(number))

    assert Guid.parse(str(guid)) == guid
    assert hash(Guid.parse(str(guid))) == hash(guid)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "audio-jack.connected",
        DIGITS.replace("-", ""),  # Windows' "N" format
        f"({DIGITS})",  # and its "P" format
        f"{{{DIGITS}",
        f"{DIGITS}}}",
        f"{{{{{DIGITS}}}}}",
        f"urn:uuid:{{{DIGITS}}}",
        f"{{urn:uuid:{DIGITS}}}",
        f"urn:{DIGITS}",
        f" {SHOWN}",
        f"{SHOWN} ",
        f"{SHOWN}\n",
        SHOWN.replace("9", "G", 1),
        SHOWN.replace("-", "\u2010", 1),
        DIGITS[:-1],
        DIGITS + "0",
        DIGITS.replace("9", "\uff19", 1),  # a digit, but not one of ASCII's
    ],
)
def test_anything_else_is_refused_with_the_text_that_was_given(text: str) -> None:
    with pytest.raises(InvalidGuidError) as caught:
        Guid.parse(text)

    assert str(caught.value) == f"{text!r} is not a GUID such as {SHOWN}"


@pytest.mark.parametrize("text", [NIL, f"{{{NIL}}}", f"urn:uuid:{NIL}", f"URN:UUID:{NIL}"])
def test_the_nil_guid_is_refused_in_every_form_with_the_text_that_was_given(text: str) -> None:
    with pytest.raises(InvalidGuidError) as caught:
        Guid.parse(text)

    assert str(caught.value) == f"{text!r} is not a usable GUID: the nil GUID names nothing"


@pytest.mark.parametrize("text", [DIGITS, SHOWN.lower(), f"{{{NIL}}}", SHOWN + "\n", ""])
def test_a_guid_that_is_not_as_shown_cannot_be_built_past_parse(text: str) -> None:
    with pytest.raises(InvalidGuidError):
        Guid(text)


@given(st.text(max_size=35))  # a GUID has at least 36 characters
def test_no_short_text_leads_to_anything_but_the_named_error(text: str) -> None:
    with pytest.raises(InvalidGuidError) as caught:
        Guid.parse(text)

    assert repr(text) in str(caught.value)


def test_the_error_is_a_value_error_and_one_of_hwbridge() -> None:
    assert issubclass(InvalidGuidError, ValueError)
    assert issubclass(InvalidGuidError, BridgeError)

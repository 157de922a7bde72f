"""Framing: any split of the bytes gives the same messages, and nothing but ProtocolError comes of wrong ones."""

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import ProtocolError
from bridge.varlink.framing import (
    MOST_DEPTH,
    MOST_MESSAGE_BYTES,
    MOST_PENDING_MESSAGES,
    MOST_SEPARATORS,
    MessageReader,
    decode_message,
    encode_message,
)

TEXT = st.text(st.characters(codec="utf-8"))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
MESSAGES = st.lists(st.dictionaries(TEXT, JSON, max_size=5), max_size=6)


def read_all(chunks: list[bytes]) -> tuple[list[dict[str, object]], str]:
    """Every message of these reads, and what broke the stream, if anything did."""
    reader = MessageReader()
    messages = []
    try:
        for chunk in chunks:
            reader.feed(chunk)
            while (message := reader.next_message()) is not None:
                messages.append(message)
    except ProtocolError as error:
        return messages, str(error)
    return messages, ""


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def nested(levels: int) -> bytes:
    """One object that has this many levels of objects and arrays, itself among them."""
    return b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


@given(MESSAGES, st.lists(st.integers(0, 2000), max_size=8))
@settings(deadline=None)
def test_any_split_of_the_bytes_gives_the_messages_that_were_encoded(
    messages: list[dict[str, object]], cuts: list[int]
) -> None:
    data = b"".join(encode_message(message) for message in messages)

    assert read_all(split(data, cuts)) == (messages, "")


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=6))
@settings(deadline=None)
def test_any_bytes_raise_nothing_but_a_protocol_error_wherever_they_are_split(data: bytes, cuts: list[int]) -> None:
    assert read_all(split(data, cuts)) == read_all([data])


@given(st.text(st.sampled_from('{}[]":,\\ud80NaInftye0123456789+-.\0 \n'), max_size=60))
@settings(deadline=None)
def test_what_looks_like_json_is_read_as_json_says_or_refused(text: str) -> None:
    frame = b'{"a":' + text.encode() + b"}"
    try:
        message = decode_message(frame)
    except ProtocolError:
        return

    assert message == json.loads(frame)
    assert decode_message(encode_message(message)[:-1]) == message


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"", "not a JSON object"),
        (b'{"method":', "not a JSON object"),
        (b"[1]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"a":1} {"b":2}', "not a JSON object"),
        (b'\xef\xbb\xbf{"a":1}', "not a JSON object"),
        (b'{"a":NaN}', "not a JSON object"),
        (b'{"a":-Infinity}', "not a JSON object"),
        (b'{"a":1e999}', "out of range"),
        (b'{"a":' + b"9" * 5000 + b"}", "out of range"),
        (b'{"a":"\\ud800"}', "not a JSON object"),
        (b'{"a":"\xff\xfe"}', "not UTF-8"),
        (b'{"\xff":1}', "not UTF-8"),
        (b'{"a":1,"b":2,"a":1}', "the key 'a' twice"),
        (b'{"a":1,"\\u0061":1}', "the key 'a' twice"),
        (b'{"a":' + b"[" * (MOST_SEPARATORS - 1), "deeper than 32 levels"),
        (b'{"a":' + b'{"b":' * (MOST_SEPARATORS - 1), "deeper than 32 levels"),
        (b'{"a":' + b"[" * 100_000, "more than 2000 commas and opening brackets"),
        (b'{"a":[' + b"[]," * 80_000 + b"1]}", "more than 2000 commas and opening brackets"),
        (b'{"a":[' + b'"",' * 80_000 + b'""]}', "more than 2000 commas and opening brackets"),
        (nested(MOST_DEPTH + 1), "deeper than 32 levels"),
    ],
)
def test_a_wrong_message_is_refused_with_the_reason(frame: bytes, reason: str) -> None:
    with pytest.raises(ProtocolError, match=reason):
        decode_message(frame)


def test_a_message_may_have_32_levels_and_any_number_of_brackets() -> None:
    wide = {"a": [[] for _ in range(300)], "b": [{} for _ in range(300)]}

    assert decode_message(nested(MOST_DEPTH))
    assert decode_message(encode_message(wide)[:-1]) == wide


@given(st.text(st.sampled_from('\\",[{]}:u\x00ü '), max_size=30))
@settings(deadline=None)
def test_separators_in_texts_do_not_count(text: str) -> None:
    most: dict[str, object] = {"a": [text] * (MOST_SEPARATORS - 1)}  # and two brackets, one comma fewer than texts
    too_many: dict[str, object] = {"a": [text] * MOST_SEPARATORS}

    assert decode_message(encode_message(most)[:-1]) == most
    with pytest.raises(ProtocolError, match="more than 2000 commas and opening brackets"):
        decode_message(encode_message(too_many)[:-1])


@pytest.mark.parametrize("end", [b"", b'"', b"\\", b'\\"', b'"]'])
def test_a_text_without_end_is_refused_however_many_escapes_it_has(end: bytes) -> None:
    with pytest.raises(ProtocolError, match="not a JSON object"):
        decode_message(b'{"a":["' + b',\\"\\\\' * 40_000 + end)


@pytest.mark.parametrize("separator", [",", "[", "{"])
def test_details_may_be_of_nothing_but_separators(separator: str) -> None:
    details = {f"detail_{number}": separator * 512 for number in range(64)}
    message = {"method": "org.hwbridge.Raise", "parameters": {"trigger": "", "details": details}}

    assert decode_message(encode_message(message)[:-1]) == message


def test_a_message_may_have_256_kib_and_not_one_byte_more() -> None:
    room = MOST_MESSAGE_BYTES - len(b'{"a":""}')
    longest = b'{"a":"' + b"x" * room + b'"}'
    too_long = b'{"a":"' + b"x" * (room + 1) + b'"}'

    assert read_all([longest + b"\0" + longest + b"\0"]) == ([{"a": "x" * room}] * 2, "")
    assert read_all([b"{}\0" + too_long + b"\0"]) == ([{}], "a message has more than 262144 bytes")


def test_a_message_that_never_ends_is_refused_once_it_is_too_long() -> None:
    reader = MessageReader()
    for _ in range(4):
        assert reader.next_message() is None
        reader.feed(b"x" * (MOST_MESSAGE_BYTES // 4))
    assert reader.next_message() is None
    reader.feed(b"x")

    with pytest.raises(ProtocolError, match="more than 262144 bytes"):
        reader.next_message()


def test_a_reader_is_full_with_32_messages_until_one_is_taken() -> None:
    reader = MessageReader()
    reader.feed(b"{}\0" * (MOST_PENDING_MESSAGES - 1))
    assert not reader.full
    reader.feed(b"{}\0")
    assert reader.full
    reader.next_message()

    assert not reader.full
    assert reader.pending == MOST_PENDING_MESSAGES - 1


def test_a_reader_is_full_with_more_bytes_than_a_message_may_have() -> None:
    reader = MessageReader()
    half = b'{"a":"' + b"x" * (MOST_MESSAGE_BYTES // 2) + b'"}\0'
    reader.feed(half)
    assert not reader.full
    reader.feed(half)

    assert reader.full

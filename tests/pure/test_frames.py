"""Frames of a serial port: the same ones however their bytes were split, none longer than allowed, none made up."""

import re
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.sources.frames import Cutter, DelimiterCutter, LengthCutter, LineCutter, PatternCutter, text_of

LIMIT = 6
CUTTERS: dict[str, Callable[[], Cutter]] = {
    "line": lambda: LineCutter(limit=LIMIT),
    "delimiter": lambda: DelimiterCutter(b"\x03", limit=LIMIT),
    "long delimiter": lambda: DelimiterCutter(b"aba", limit=LIMIT),
    "length": lambda: LengthCutter(3),
    "pattern with an end": lambda: PatternCutter(re.compile(rb"\x02[^\x03]*\x03"), limit=LIMIT),
    "pattern without an end": lambda: PatternCutter(re.compile(rb"[a-b]+\n?"), limit=LIMIT),
    "greedy pattern": lambda: PatternCutter(re.compile(rb"(?s)\x02.*\x03"), limit=LIMIT),
    "pattern with alternatives": lambda: PatternCutter(re.compile(rb"a...b|b\n"), limit=LIMIT),
    "pattern that looks around": lambda: PatternCutter(re.compile(rb"(?<!a)b(?!a)"), limit=LIMIT),
    "pattern from the beginning": lambda: PatternCutter(re.compile(rb"^a|\n$"), limit=LIMIT),
    "atomic pattern": lambda: PatternCutter(re.compile(rb"(?>a(?:b\n)?)b"), limit=LIMIT),
    "pattern that finds nothing": lambda: PatternCutter(re.compile(rb"\b|a"), limit=LIMIT),
}
streams = st.lists(st.sampled_from([b"a", b"b", b"\r", b"\n", b"\x02", b"\x03", b"\xff"]), max_size=40).map(b"".join)


def cut(cutter: Cutter, pieces: Sequence[bytes]) -> list[bytes]:
    return [frame for piece in pieces for frame in cutter.cut(piece)]


def split(data: bytes, places: Sequence[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places})
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


@pytest.mark.parametrize("kind", CUTTERS)
@given(data=streams, places=st.lists(st.integers(0, 40), max_size=8))
def test_frames_are_the_same_however_the_bytes_are_split(kind: str, data: bytes, places: list[int]) -> None:
    at_once, split_up, one_by_one = (CUTTERS[kind]() for _ in range(3))

    frames = cut(at_once, [data])

    assert cut(split_up, split(data, places)) == frames
    assert cut(one_by_one, [bytes((byte,)) for byte in data]) == frames
    assert at_once.dropped == split_up.dropped == one_by_one.dropped


@given(data=streams)
def test_every_line_of_an_allowed_length_is_told(data: bytes) -> None:
    cutter = LineCutter(limit=LIMIT)
    *lines, _ = re.split(rb"\r\n|\r|\n", data)

    assert cut(cutter, [data]) == [line for line in lines if len(line) <= LIMIT]


@given(data=streams)
def test_every_frame_before_a_delimiter_is_told_if_it_is_not_too_long(data: bytes) -> None:
    cutter = DelimiterCutter(b"aba", limit=LIMIT)
    *frames, rest = data.split(b"aba")

    assert cut(cutter, [data]) == [frame for frame in frames if len(frame) <= LIMIT]
    assert cutter.dropped == sum(len(frame) > LIMIT for frame in frames) + (len(rest) > LIMIT + 2)


@pytest.mark.parametrize("kind", CUTTERS)
@given(data=streams)
def test_no_frame_is_longer_than_allowed_and_all_of_it_came(kind: str, data: bytes) -> None:
    frames = cut(CUTTERS[kind](), [data])

    assert all(len(frame) <= LIMIT for frame in frames)
    assert re.search(b".*".join(map(re.escape, frames)), data, re.DOTALL) is not None


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        ([b"17\r\n18\r\n"], [b"17", b"18"]),
        ([b"17\r", b"\n18\r", b"\n"], [b"17", b"18"]),
        ([b"17\r", b"18\r"], [b"17", b"18"]),
        ([b"17\n\n18\n"], [b"17", b"", b"18"]),
        ([b"17\r", b"\n", b"\n"], [b"17", b""]),
        ([b"\x00\xff\n"], [b"\x00\xff"]),
        ([b"17", b"", b"18"], []),
    ],
)
def test_a_line_ends_with_cr_lf_or_both(pieces: list[bytes], lines: list[bytes]) -> None:
    assert cut(LineCutter(limit=80), pieces) == lines


def test_a_carriage_return_ends_a_line_before_anything_follows_it() -> None:
    assert LineCutter(limit=80).cut(b"17\r") == [b"17"]


def test_a_line_that_is_too_long_is_thrown_away_up_to_its_end_and_counted_once() -> None:
    cutter = LineCutter(limit=4)

    assert cut(cutter, [b"1234\n", b"123", b"456", b"78", b"9\n", b"12\n"]) == [b"1234", b"12"]
    assert cutter.dropped == 1


def test_a_frame_that_is_too_long_is_thrown_away_up_to_its_delimiter_though_that_was_split() -> None:
    cutter = DelimiterCutter(b"\r\n", limit=4)

    assert cut(cutter, [b"123456\r", b"\n12\r\n"]) == [b"12"]
    assert cutter.dropped == 1


@pytest.mark.parametrize(
    ("pattern", "pieces", "frames"),
    [
        (rb"\x02[^\x03]*\x03", [b"?\x021", b"7\x03"], [b"\x0217\x03"]),
        (rb"[0-9]{3}", [b"17518"], [b"175"]),
        (rb"[0-9]+", [b"17"], []),
        (rb"[0-9]+", [b"17", b"5;"], [b"175"]),
        (rb"[+-][0-9]+\.[0-9]+", [b"+1.2", b"5\r-", b"0.5\r"], [b"+1.25", b"-0.5"]),
        (rb"(?s)\x02.*\x03", [b"\x0217\x03"], []),
        (rb"(?s)\x02.*\x03", [b"\x0217\x03\x0218\x03?"], [b"\x0217\x03", b"\x0218\x03"]),
        (rb"a(bc)?", [b"abc"], [b"a"]),
    ],
)
def test_what_an_expression_finds_is_told_as_soon_as_no_next_byte_can_make_it_longer(
    pattern: bytes, pieces: list[bytes], frames: list[bytes]
) -> None:
    assert cut(PatternCutter(re.compile(pattern), limit=80), pieces) == frames


def test_a_frame_is_found_behind_any_amount_of_garbage_which_is_counted_once() -> None:
    cutter = PatternCutter(re.compile(rb"\x02[^\x03]*\x03"), limit=8)

    assert cut(cutter, [b"?" * 500, b"?" * 500 + b"\x0217\x03"]) == [b"\x0217\x03"]
    assert cutter.dropped == 1


def test_what_an_expression_finds_beyond_the_limit_is_thrown_away_up_to_its_end() -> None:
    cutter = PatternCutter(re.compile(rb"[0-9]+"), limit=4)

    assert cut(cutter, [b"1234 12345678 12345 17 "]) == [b"1234", b"17"]
    assert cutter.dropped == 2


@pytest.mark.parametrize(
    ("line", "encoding", "text"),
    [
        (b"caf\xc3\xa9", "utf-8", "café"),
        (b"caf\xe9", "utf-8", r"caf\xe9"),
        (b"caf\xe9", "latin-1", "café"),
        (b"caf\xe9", "ascii", r"caf\xe9"),
        (b"\x00\x1b", "utf-8", "\\x00\x1b"),
        (b"\x93\xfa\x96", "shift_jis", "日\\x96"),
        (b"a+AAo-b", "utf-7", r"a\x0ab"),
        (b"+2AA-", "utf-7", r"\ud800"),
        (b"xn--\xff", "idna", r"xn--\xff"),
    ],
)
def test_a_line_is_text_and_what_is_none_is_shown_by_its_digits(line: bytes, encoding: str, text: str) -> None:
    assert text_of(line, encoding) == text

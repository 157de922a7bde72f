"""Recordings of evemu that are cut, mixed up or made up: refused with file and line, and never read wrongly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import RecordingError
from bridge.model.events import Event
from bridge.recording.evemu import read_evemu
from bridge.recording.lines import LONGEST_LINE, lines_of

N, I = b"N: Lid Switch\n", b"I: 0019 0000 0005 0000\n"  # noqa: E741 -- evemu's own letters
E = b"E: 1.500000 0005 0000 0001\n"
WHOLE = [
    b"# EVEMU 1.3\n",
    *(
        N,
        I,
        b"P: 00 00 00 00 00 00 00 00\n",
        b"B: 05 03 00 00 00 00 00 00 00\n",
        b"A: 00 0 1023 0 0 12\n",
        b"S: 00 1\n",
    ),
    b"################################\n",
    b"E: 0.000001 0005 0000 0000\t# EV_SW / SW_LID               0\n",
    b"E: 0.000001 0000 0000 0000\t# ------------ SYN_REPORT (0) ---------- +0ms\n",
    b"E: 1.250000 0003 0000 -1025\t# EV_ABS / ABS_X                -1025\n",
    b"E: 1.250000 0000 0000 0000\t# ------------ SYN_REPORT (0) ---------- +1250ms\n",
    b"E: 1.350000 0004 0004 458792\t# EV_MSC / MSC_SCAN             458792\n",
    b"E: 1.350000 0000 0002 0000\t# ++++++++++++ SYN_MT_REPORT (0) ++++++++++\n",
    b"E: 1.350000 0000 0000 0000\t# ------------ SYN_REPORT (0) ----------\n",
]
DEVICE = b"# device /dev/input/event1\n"


def read(*lines: bytes) -> list[Event]:
    return list(read_evemu("lid.evemu", lines))


def refusal(*lines: bytes) -> str:
    with pytest.raises(RecordingError) as caught:
        read(*lines)
    return str(caught.value)


@pytest.mark.parametrize(
    ("lines", "refused"),
    [
        ([b"# EVEMU 1.4\n", N], "1: is a recording of evemu in version 1.4; this hwbridge reads 1.0 to 1.3"),
        ([b"# EVEMU 2.0\n", N], "1: is a recording of evemu in version 2.0; this hwbridge reads 1.0 to 1.3"),
        ([b"# EVEMU 0.9\n", N], "1: is a recording of evemu in version 0.9; this hwbridge reads 1.0 to 1.3"),
        ([b"# EVEMU 1\n", N], "1: is '# EVEMU 1', which names no version of evemu's format"),
        ([b"# EVEMU 1.3 beta\n", N], "1: is '# EVEMU 1.3 beta', which names no version of evemu's format"),
        ([b"# EVEMU", N], "1: is '# EVEMU', which names no version of evemu's format"),
        ([b"# EVEMU 1.3\n"], "1: ends a recording that holds neither a description nor an event"),
        ([b"# of a lid\n", b"\n"], "2: ends a recording that holds neither a description nor an event"),
        ([], "1: ends a recording that holds neither a description nor an event"),
        ([N], "1: ends a description that says no identity: there is no I: line"),
        ([N, E], "2: ends a description that says no identity: there is no I: line"),
        ([N, N], "2: is 'N: Lid Switch', but a description is one N: line, one I: line, and then others"),
        ([I, N], "1: is 'I: 0019 0000 0005 0000', but a description is one N: line, one I: line, and then others"),
        ([N, I, N], "3: is 'N: Lid Switch', but a description is one N: line, one I: line, and then others"),
        ([N, b"S: 00 1\n"], "2: is 'S: 00 1', but a description is one N: line, one I: line, and then others"),
        ([N, b"I: 0019 0000 0005\n"], "2: is 'I: 0019 0000 0005', which is no line that evemu writes"),
        ([N, b"I: 0019 0000 0005 00"], "2: is 'I: 0019 0000 0005 00', which is no line that evemu writes"),
        ([N, I, b"P: /devices/a\n"], "3: is 'P: /devices/a', which is no line that evemu writes"),
        ([N, I, b"B: 05 03 00 00 00 00 00 00 0"], "3: is 'B: 05 03 00 00 00 00 00 00 0', which is no line that"),
        ([N, I, b"A: 00 0 1 0\n"], "3: is 'A: 00 0 1 0', which is no line that evemu writes"),
        (
            [b"# EVEMU 1.2\n", N, I, b"A: 00 0 1 0 0\n"],
            "4: is 'A: 00 0 1 0 0', which lacks the resolution that version",
        ),
        ([N, I, b"S: 0 1\n"], "3: is 'S: 0 1', which is no line that evemu writes"),
        ([N, I, b"S: 00 2147483648\n"], "3: value is 2147483648, which no input event can have: it has 32 bits"),
        ([N, I, *[b"S: 00 1\n"] * 1001], "1003: is one more than 1000 states; no device has so many"),
        ([N, I, b"X: 00\n"], "3: is 'X: 00', which is no line that evemu writes"),
        ([b"N: a\0b\n", I], "1: holds NUL, as no recording of evemu does"),
        ([b"N: " + b"a" * LONGEST_LINE + b"\n", I], "1: has 1048580 bytes; a line of a recording has at most 1048576"),
        ([N, I, b"# EVEMU 1.3\n", N, I, E], "3: begins a second recording; a file holds one"),
        ([E, b"# EVEMU 1.3\n"], "2: begins a second recording; a file holds one"),
        ([E, N], "2: is 'N: Lid Switch', a description behind events; a file holds one recording"),
        ([E, b"S: 00 1\n"], "2: is 'S: 00 1', a description behind events; a file holds one recording"),
        (
            [E, b"E: 1.499999 0005 0000 0000\n"],
            "2: is earlier than the line before it; the events of a recording are in",
        ),
        (
            [E, E, b"E: 0.999999 0005 0000 0001\n"],
            "3: is earlier than the line before it; the events of a recording are",
        ),
        (
            [E, b"E: 2251799815.185248 0005 0000 0001\n"],
            "2: is 2251799813 seconds later than the first event; no record",
        ),
        ([E, b"version: 1\n"], "2: is 'version: 1', which is no line that evemu writes"),
        (
            [E, b'{"hwbridge-recording": 1}\n'],
            "2: is '{\"hwbridge-recording\": 1}', which is no line that evemu writes",
        ),
        ([E, b"\xff\xfe\x01\n"], r"2: is '\xff\xfe\x01', which is no line that evemu writes"),
        ([E, b"\0" * 100], "2: holds NUL, as no recording of evemu does"),
        ([E, E[:-1] + b"\t# \0\n"], "2: holds NUL, as no recording of evemu does"),
        ([E, E[:-1] + b"#" * LONGEST_LINE], "2: has 1048602 bytes; a line of a recording has at most 1048576"),
        (
            [E, b"E:1.500000 0005 0000 0001\n"],
            "2: is 'E:1.500000 0005 0000 0001', which is no event as evemu writes it",
        ),
        ([E, b"E" * 100], f"2: is '{'E' * 60}', which is no line that evemu writes"),
    ],
)
def test_a_bad_line_is_told_with_file_and_line(lines: list[bytes], refused: str) -> None:
    assert refusal(*lines).startswith(f"lid.evemu:{refused}")


@pytest.mark.parametrize(
    "line",
    [
        "1.500000 0005 0000",
        "1.500000 0005 0000 ",
        "1.500000 0005 0000 1x",
        "1.500000 0005 0000 1.5",
        "1.500000 0005 0000 0x1",
        "1.500000 0005 0000 +1",
        "1.500000 0005 0000 --1",
        "1.500000 0005 0000 1_0",
        "1.500000 0005 00000 1",
        "1.500000 000g 0000 1",
        "1.500000 0005 0x00 1",
        "1.500000 0005 0000 1 1",
        "1.500000 0005 0000 12345678901",
        "1.5 0005 0000 1",
        "1.5000000 0005 0000 1",
        "1 0005 0000 1",
        "1.50_000 0005 0000 1",
        "1.+50000 0005 0000 1",
        "1. 50000 0005 0000 1",
        "-1.500000 0005 0000 1",
        "12345678901.500000 0005 0000 1",
        "1.500000 EV_SW SW_LID 1",
        "1.5000E: 1.500000 0005 0000 1",
        "",
    ],
)
def test_what_is_nearly_an_event_is_refused_first_and_later(line: str) -> None:
    event = f"E: {line}\n".encode()

    for lines in ([event], [E, event], [b"# EVEMU 1.3\n", N, I, E, event]):
        assert refusal(*lines).startswith(
            f"lid.evemu:{len(lines)}: is 'E: {line}', which is no event as evemu writes it"
        )


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 9_999_999_999])
def test_a_value_of_more_than_32_bits_is_refused(value: int) -> None:
    line = b"E: 1.500000 0003 0000 %d\n" % value

    for lines in ([line], [E, line]):
        assert refusal(*lines).endswith(f"value is {value}, which no input event can have: it has 32 bits")


def test_of_a_recording_that_is_cut_anywhere_no_event_is_read_wrongly() -> None:
    content = b"".join(WHOLE)
    events = read(*WHOLE)
    refused = 0

    for length in range(1, len(content)):
        try:
            left = read(*lines_of([content[:length]]))
        except RecordingError:
            refused += 1
        else:
            assert left == events[: len(left)]
            assert len(left) >= content[:length].count(b"\nE:") - (content[:length][-2:] == b"\nE")
    assert refused > len(content) // 2


@pytest.mark.parametrize(
    ("lines", "is_cut"),
    [
        ([E[:-1]], False),
        ([E, b"E: 1.600000 0005 0000 1"], True),
        ([b"E: 1.500000 0005 0000 1\n", b"E: 1.600000 0005 0000 0"], False),
        ([b"# EVEMU 1.2\n", E, b"E: 1.600000 0005 0000 000"], True),
        ([b"# EVEMU 1.2\n", E, b"E: 1.600000 0005 0000 0001"], False),
        ([b"# EVEMU 1.2\n", DEVICE, E, b"E: 1.600000 0005 0000 1"], False),
        ([*WHOLE, b"E: 1.600000 0003 0000 1000"], True),
        ([*WHOLE, b"E: 1.600000 0003 0000 1000\t"], True),
        ([*WHOLE, b"E: 1.600000 0003 0000 1000\t# EV_ABS / ABS_X    "], True),
        ([*WHOLE, b"E: 1.600000 0003 0000 1000\t# EV_ABS / ABS_X                100"], True),
        ([*WHOLE, b"E: 1.600000 0003 0000 1000\t# EV_ABS / ABS_X                1000"], False),
        ([*WHOLE, b"E: 1.600000 0000 0000 0000\t# ------------ SYN_REPORT (0) -----"], True),
        ([*WHOLE, b"E: 1.600000 0000 0000 0000\t# ------------ SYN_REPORT (0) ---------- +1"], True),
        ([*WHOLE, b"E: 1.600000 0000 0000 0000\t# ------------ SYN_REPORT (0) ---------- +1ms"], False),
        ([*WHOLE, b"E: 1.600000 0000 0002 0000\t# ++++++++++++ SYN_MT_REPORT (0) ++++++++++"], False),
        ([N, I[:-1]], False),
        ([*WHOLE, b"# that was"], False),
    ],
)
def test_a_last_line_without_line_feed_is_refused_where_it_is_surely_cut(lines: list[bytes], is_cut: bool) -> None:
    if is_cut:
        assert refusal(*lines).startswith(f"lid.evemu:{len(lines)}: is ")
        assert refusal(*lines).endswith(", which is cut")
    else:
        assert read(*lines) == read(*lines[:-1], lines[-1] + b"\n")


pieces = st.binary(max_size=20) | st.sampled_from([*WHOLE, E, DEVICE, b"\n", b"\r\n", b"E: ", b"# EVEMU 9.9\n"])
mixed = st.lists(pieces, max_size=12).map(b"".join) | st.builds(
    lambda at, length, piece: (whole := b"".join(WHOLE))[:at] + piece + whole[at + length :],
    st.integers(0, sum(map(len, WHOLE))),
    st.integers(0, 80),
    pieces,
)


@given(mixed)
def test_no_bytes_lead_to_anything_but_events_in_order_or_an_error_with_file_and_line(content: bytes) -> None:
    lines = list(lines_of([content]))
    times = [0]
    try:
        for event in read_evemu("lid.evemu", lines):
            times.append(event.at)  # noqa: PERF401 -- what came before an error counts
    except RecordingError as error:
        place = str(error).split(":")
        assert place[0] == "lid.evemu"
        assert 1 <= int(place[1]) <= max(1, len(lines))
        assert "\n" not in str(error)  # noqa: PT017 -- as above
    assert times == sorted(times)

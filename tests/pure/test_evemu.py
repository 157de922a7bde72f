"""Recordings of evemu in every dialect: who the device is, what was on at the start, what happened when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model.events import Event, Origin
from bridge.recording.evemu import read_evemu

DESCRIPTION = """\
N: Slide Switch
I: 0019 04F2 0a1b 0001
P: 00 00 00 00 00 00 00 00
B: 00 0b 00 00 00 00 00 00 00
B: 05 03 00 00 00 00 00 00 00
A: 00 0 1023 0 0 12
"""
STATE = "L: 01 1\nS: 00 1\n"
EVENTS = """\
################################
#      Waiting for events      #
################################
E: 0.000001 0004 0004 458792\t# EV_MSC / MSC_SCAN             458792
E: 0.000001 0005 0000 0000\t# EV_SW / SW_LID               0
E: 0.000001 0000 0000 0000\t# ------------ SYN_REPORT (0) ---------- +0ms
E: 1.250000 0003 0000 -025\t# EV_ABS / ABS_X                -25
E: 1.250007 0000 0003 0000\t# ------------ SYN_DROPPED (0) ---------- +1250ms
E: 1.250007 001e 02ff 0001
"""
SAID = [
    (0, "EV_MSC", "MSC_SCAN", 458792),
    (0, "EV_SW", "SW_LID", 0),
    (0, "EV_SYN", "SYN_REPORT", 0),
    (1_249_999, "EV_ABS", "ABS_X", -25),
    (1_250_006, "EV_SYN", "SYN_DROPPED", 0),
    (1_250_006, "0x1e", "0x2ff", 1),
]


def read(text: str, name: str = "made/up/slide.evemu") -> list[Event]:
    return list(read_evemu(name, text.encode().splitlines(keepends=True)))


def said(events: list[Event], origin: Origin = Origin.LIVE) -> list[tuple[object, ...]]:
    return [(e.at, *(e.fields[n] for n in ("type", "code", "value"))) for e in events if e.origin is origin]


def test_events_begin_at_0_and_are_told_by_name() -> None:
    events = read(f"# EVEMU 1.3\n{DESCRIPTION}{EVENTS}")

    assert said(events) == SAID
    assert {(event.source, event.replayed) for event in events} == {("evdev", True)}


def test_a_description_says_who_the_device_is() -> None:
    events = read(f"# EVEMU 1.3\n{DESCRIPTION}{EVENTS}")

    assert list(events[0].fields.items()) == [
        ("device", "slide.evemu"),
        ("name", "Slide Switch"),
        ("bustype", "0019"),
        ("vendor", "04f2"),
        ("product", "0a1b"),
        ("type", "EV_MSC"),
        ("code", "MSC_SCAN"),
        ("value", 458792),
    ]


def test_what_was_on_is_start_state_at_0_before_all_events() -> None:
    events = read(f"# EVEMU 1.3\n{DESCRIPTION}{STATE}{EVENTS}")

    assert said(events, Origin.START) == [(0, "EV_LED", "LED_CAPSL", 1), (0, "EV_SW", "SW_LID", 1)]
    assert said(events) == SAID
    assert [event.origin for event in events[:3]] == [Origin.START, Origin.START, Origin.LIVE]


def test_a_description_alone_holds_start_state_or_nothing() -> None:
    assert read(DESCRIPTION) == []
    assert [event.origin for event in read(DESCRIPTION + STATE)] == [Origin.START, Origin.START]


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3"])
def test_every_version_there_is_is_read(version: str) -> None:
    assert said(read(f"# EVEMU {version}\n# Kernel: 4.9\n{DESCRIPTION}{EVENTS}")) == SAID


def test_events_need_no_header_no_description_no_padding_and_no_comments() -> None:
    first, second = "E: 1329854843.999999 0001 0110 1\n", "E: 1329854844.000003 0000 0000 0\n"

    events = read(f"{first}{second}E: 1329854844.100000 0004 0000 -494927850\n")

    assert said(events) == [
        (0, "EV_KEY", "BTN_LEFT", 1),
        (4, "EV_SYN", "SYN_REPORT", 0),
        (100_001, "EV_MSC", "MSC_SERIAL", -494927850),
    ]
    assert events[0].fields == {"device": "slide.evemu", "type": "EV_KEY", "code": "BTN_LEFT", "value": 1}


def test_before_1_1_axes_have_no_resolution() -> None:
    old = "N: pad\nI: 0011 0002 0008 0000\nA: 00 0 1360 0 0\nA: 34 -16384 16384 0 0\n"

    assert read(old) == read(f"# EVEMU 1.1\n{old}") == []


def test_what_umockdev_records_says_the_devices_node_and_may_go_on_after_a_blank_line() -> None:
    header = "# EVEMU 1.2\n# device /dev/input/event1\n"

    events = read(f"{header}E: 12.000000 0001 001E 1\n# by hand\n\nE: 13.000000 0001 001E 0\n")

    assert said(events) == [(0, "EV_KEY", "KEY_A", 1), (1_000_000, "EV_KEY", "KEY_A", 0)]
    assert {event.fields["device"] for event in events} == {"/dev/input/event1"}
    assert read(header) == []


def test_people_write_comments_above_between_and_behind() -> None:
    text = f"# the lid, twice\n\n# EVEMU 1.3\n# of a laptop\n{DESCRIPTION}S: 00 1 # shut\n{EVENTS}# open\n\n"

    assert said(read(text)) == SAID


def test_lines_may_end_as_on_windows() -> None:
    text = f"# EVEMU 1.3\n{DESCRIPTION}{STATE}{EVENTS}"

    assert read(text.replace("\n", "\r\n")) == read(text)


def test_other_blanks_capitals_and_shorter_numbers_are_what_editors_and_people_leave() -> None:
    assert said(read("E: 0.000001 0005 0002 0001   # jack\nE:  0.000002\t5 A -1 \n")) == [
        (0, "EV_SW", "SW_HEADPHONE_INSERT", 1),
        (1, "EV_SW", "SW_KEYPAD_SLIDE", -1),
    ]


def test_a_name_that_is_no_utf_8_is_shown_escaped_and_an_empty_one_is_none() -> None:
    identity = b"I: 0003 0001 0002 0003\n"
    event = b"E: 0.000001 0001 001e 0001\n"

    latin, empty = (list(read_evemu("a", [name, identity, event])) for name in (b"N: caf\xe9 #1\r\n", b"N: \n"))

    assert latin[0].fields["name"] == r"caf\xe9 #1"
    assert "name" not in empty[0].fields


@pytest.mark.parametrize(
    ("file", "device"),
    [("a.events", "a.events"), ("/over/there/a b.desc", "a b.desc"), ("-", "-"), ("x/\udcff\x1b", "\\xff\x1b")],
)
def test_a_recording_that_says_no_node_is_a_device_by_its_own_name(file: str, device: str) -> None:
    assert read(EVENTS, file)[0].fields["device"] == device


@given(st.lists(st.integers(0, 9_999_999_999_999_999), min_size=1).map(sorted))
def test_every_microsecond_is_kept(times: list[int]) -> None:
    start = times[0]
    if times[-1] - start >= 2**51:
        return
    lines = [f"E: {at // 1_000_000}.{at % 1_000_000:06d} 0000 0000 0\n".encode() for at in times]

    assert [event.at + start for event in read_evemu("a", lines)] == times

"""Our own recordings: what is written is read back; names become canonical; times survive."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import RecordingError
from bridge.model.events import DeviceGone, Event, Field, Origin
from bridge.recording.jsonl import line_of_event, line_of_header, read_header, read_recording
from bridge.recording.lines import LONGEST_LINE
from bridge.recording.record import LATEST
from bridge.sources import SOURCES

HEADER = b'{"hwbridge-recording": 1, "kernel": "6.1.0", "sources": ["evdev"], "devices": {}}'
NODE = "/dev/input/event3"


def read(*lines: bytes) -> list[Event | DeviceGone]:
    return list(read_recording("a.jsonl", [HEADER, *lines]))


def fields_of(**record: object) -> dict[str, Field]:
    (event,) = read(json.dumps({"at": 0, "source": "evdev", "device": NODE, **record}).encode())
    assert isinstance(event, Event)
    return dict(event.fields)


def test_the_contracts_own_line_is_an_event_that_says_it_is_replayed() -> None:
    line = (
        b'{"at": 0.104, "source": "evdev", "origin": "live", "device": "/dev/input/event3", "name": "HDA Jack", '
        b'"type": "EV_SW", "code": "SW_HEADPHONE_INSERT", "value": 1}'
    )
    fields = {"device": NODE, "name": "HDA Jack", "type": "EV_SW", "code": "SW_HEADPHONE_INSERT", "value": 1}

    assert read(line) == [Event("evdev", 104_000, fields, Origin.LIVE, replayed=True)]


def test_a_line_may_say_that_a_device_went() -> None:
    assert read(b'{"at": 9.2, "source": "evdev", "gone": "/dev/input/event3"}') == [
        DeviceGone("evdev", 9_200_000, NODE, replayed=True)
    ]


def test_a_recording_may_hold_no_event_and_end_without_a_line_feed() -> None:
    assert read() == []
    assert len(read(b'{"at": 1, "source": "udev", "action": "add"}')) == 1


@pytest.mark.parametrize("origin", list(Origin))
def test_recorded_origins_are_kept_and_live_is_what_is_left_out(origin: Origin) -> None:
    kept, left_out = read(
        json.dumps({"at": 0, "source": "udev", "origin": origin, "action": "add"}).encode(),
        b'{"at": 0, "source": "udev", "action": "add"}',
    )

    assert isinstance(kept, Event)
    assert isinstance(left_out, Event)
    assert (kept.origin, left_out.origin) == (origin, Origin.LIVE)


def test_names_of_types_and_codes_become_canonical() -> None:
    assert fields_of(type="EV_KEY", code="BTN_MOUSE", value=1)["code"] == "BTN_LEFT"
    assert fields_of(type="0x05", code="0x2", value=1)["code"] == "SW_HEADPHONE_INSERT"
    assert fields_of(type="0x05", code="0x2", value=1)["type"] == "EV_SW"
    assert fields_of(type="EV_KEY", code="0x2FF", value=1)["code"] == "0x2ff"


def test_the_code_says_its_type_where_that_is_left_out() -> None:
    assert fields_of(code="KEY_SCREENLOCK", value=0) == {
        "device": NODE,
        "code": "KEY_COFFEE",
        "value": 0,
        "type": "EV_KEY",
    }


@given(st.integers(0, LATEST - 1))
def test_every_microsecond_of_a_recording_survives_being_seconds(at: int) -> None:
    event = Event("udev", at, {"action": "add"}, Origin.LIVE, replayed=True)

    assert read(line_of_event(event).encode()) == [event]


@pytest.mark.parametrize("at", [LATEST - 1, LATEST - 2, LATEST // 2 + 1, 1_999_999, 1, 0])
def test_the_longest_and_the_shortest_times_survive_too(at: int) -> None:
    event = DeviceGone("udev", at, "/devices/x", replayed=True)

    assert read(line_of_event(event).encode()) == [event]


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
origins = st.sampled_from(Origin)
udev_events = st.builds(
    lambda action, more, origin: Event("udev", 0, {"action": action, **more}, origin, replayed=True),
    texts,
    st.dictionaries(st.sampled_from(["devpath", "ID_MODEL", "attr.idVendor", "@ID_PATH", "SEQNUM"]), texts),
    origins,
)
input_events = st.builds(
    lambda name, code, value, origin: Event(
        "evdev", 0, {"device": NODE, "name": name, "type": code[0], "code": code[1], "value": value}, origin, True
    ),
    texts,
    st.sampled_from(
        [("EV_KEY", "KEY_A"), ("EV_SW", "SW_LID"), ("EV_REL", "REL_X"), ("EV_KEY", "0x2ff"), ("0x1e", "0x1")]
    ),
    st.integers(-(2**31), 2**31 - 1),
    origins,
)


@given(st.lists(st.one_of(udev_events, input_events, st.just(DeviceGone("evdev", 0, NODE, replayed=True)))))
def test_what_is_written_is_read_back(events: list[Event | DeviceGone]) -> None:
    assert read(*(line_of_event(event).encode() for event in events)) == events


def test_a_written_line_is_one_line_with_the_head_first() -> None:
    event = Event("udev", 104_000, {"action": "add", "ID_MODEL": "two\nlines"})

    assert line_of_event(event) == (
        '{"at": 0.104, "source": "udev", "origin": "live", "action": "add", "ID_MODEL": "two\\nlines"}'
    )


@given(
    st.lists(st.binary(max_size=60) | st.sampled_from([HEADER, b"[]", b'{"at":', b'{"at": 1}', b"null"]), max_size=4)
)
def test_no_bytes_lead_to_anything_but_events_or_an_error_with_file_and_line(lines: list[bytes]) -> None:
    try:
        events = list(read_recording("a.jsonl", lines))
    except RecordingError as error:
        place = str(error).split(":")
        assert place[0] == "a.jsonl"
        assert 1 <= int(place[1]) <= max(1, len(lines))
        assert "\n" not in str(error)  # noqa: PT017 -- as above
    else:
        assert len(events) == len(lines) - 1


def test_a_header_is_written_and_read_back() -> None:
    more = {"kernel": "6.1.0", "sources": ["evdev"], "devices": [{"name": 'caf\u00e9 "1"', "keys": ["KEY_A"]}]}

    assert read_header("a.jsonl", line_of_header(more).encode()) == {"hwbridge-recording": 1, **more}


def test_what_comes_before_a_bad_line_was_given_and_nothing_after_it_is() -> None:
    events = read_recording("a.jsonl", [HEADER, b'{"at": 1, "source": "udev", "action": "add"}', b"{", HEADER])

    assert next(events).at == 1_000_000
    with pytest.raises(RecordingError, match=r"a\.jsonl:3: is not JSON"):
        next(events)


EVENT = {"at": 1, "source": "evdev", "device": "/dev/input/event3", "type": "EV_KEY", "code": "KEY_A", "value": 1}


def line_with(**changes: object) -> bytes:
    record = {**EVENT, **changes}
    return json.dumps({name: value for name, value in record.items() if value is not None}).encode()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"", "is blank; every line of a recording is a JSON object"),
        (line_with()[:-20], "is not JSON: Input data was truncated"),
        (b"\x7fELF\x02\x01\x01\x00", "is not JSON: JSON is malformed: invalid character (byte 0)"),
        (b"[1]", "is not a JSON object"),
        (b" " * (LONGEST_LINE + 1), f"has {LONGEST_LINE + 1} bytes; a line of a recording has at most {LONGEST_LINE}"),
        (line_with(at=None), "has no at, the seconds since the recording began"),
        (line_with(at="1"), "at is '1', not a number of seconds"),
        (line_with(at=True), "at is True, not a number of seconds"),
        (line_with(at=-1), "at is -1, not a time within a recording, in seconds"),
        (line_with(at=LATEST / 1e6), f"at is {LATEST / 1e6!r}, not a time within a recording, in seconds"),
        (line_with(at=1e300), "at is 1e+300, not a time within a recording, in seconds"),
        (line_with(at=0.5), "is earlier than the line before it; the events of a recording are in order"),
        (line_with(source=None), f"source is None, not one of {', '.join(SOURCES)}"),
        (line_with(source="evdef"), f"source is 'evdef', not one of {', '.join(SOURCES)}"),
        (b'{"at": 1, "source": "udev", "action": "add", "action": "add"}', "says 'action' twice"),
        (b'{"at": 1, "source": "udev", "action": "add", "ID": "\\"", "at": 2}', "says 'at' twice"),
        (HEADER, "is a second header: a file holds one recording"),
        (line_with(origin="later"), "origin is 'later', not one of live, start, resync"),
        (line_with(cod=1), "'cod' is no field of evdev; did you mean code?"),
        (line_with(value="1"), "value is '1', not an integer"),
        (line_with(value=1.5), "value is 1.5, neither a text nor an integer"),
        (line_with(value=None), "an event of evdev has a code and a value"),
        (line_with(code="KEY_AA"), "Linux has no input event code 'KEY_AA'; did you mean KEY_A?"),
        (line_with(type="EV_SW"), "KEY_A is no code of EV_SW"),
        (line_with(type=None, code="0x2ff"), "the code 0x2ff does not say its type; give it"),
        (line_with(device="a\0b"), "device holds NUL; a monitor writes it as \\x00"),
        (line_with(gone="x"), "a line that says what is gone has at, source and gone, and nothing else"),
        (b'{"at": 1, "source": "udev", "devpath": "/x"}', "has no action"),
        (
            b'{"at": 1, "source": "udev", "action": "add", "subsytem": "usb"}',
            "'subsytem' is no field of udev; did you mean subsystem?",
        ),
    ],
)
def test_a_bad_line_of_a_recording_is_told_with_file_and_line(line: bytes, message: str) -> None:
    with pytest.raises(RecordingError) as caught:
        list(read_recording("a.jsonl", [b'{"hwbridge-recording": 1}', line_with(), line]))

    assert str(caught.value) == f"a.jsonl:3: {message}"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], 'is empty: a recording begins with {"hwbridge-recording": 1}'),
        ([line_with()], 'is not the header of a recording, {"hwbridge-recording": 1}'),
        ([b'{"hwbridge-recording": 2}'], "is a recording of version 2; this hwbridge reads version 1"),
        ([b'{"hwbridge-recording": true}'], "is a recording of version True; this hwbridge reads version 1"),
        ([b"# EVEMU 1.3"], "is not JSON: JSON is malformed: invalid character (byte 0)"),
    ],
)
def test_what_does_not_begin_as_a_recording_is_refused_in_line_1(lines: list[bytes], message: str) -> None:
    with pytest.raises(RecordingError) as caught:
        list(read_recording("a.jsonl", lines))

    assert str(caught.value) == f"a.jsonl:1: {message}"

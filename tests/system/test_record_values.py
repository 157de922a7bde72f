"""What the recorder makes of events: lines that are read again, one order in time, keys that tell nothing."""

import json
import os
import random
import tempfile
from itertools import count
from mmap import PAGESIZE
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_inputs import NODE

from bridge.model.codes import code_name, code_number
from bridge.model.events import DeviceGone, Event, Origin
from bridge.recording.jsonl import read_recording
from bridge.recording.lines import LONGEST_LINE
from bridge.service.blank_keys import TEXT_KEYS, blank_events
from bridge.service.recorded_lines import event_lines, header_line
from bridge.service.recording_writer import RecordingWriter
from bridge.service.timeline import Timeline

START = 3_000_000
HEADER = b'{"hwbridge-recording": 1}\n'


def add(at: int, devpath: str = "/devices/a", **fields: str) -> Event:
    return Event("udev", at, {"action": "add", "devpath": devpath, **fields})


def read_again(event: Event) -> Event | DeviceGone:
    (line,) = event_lines([event])
    assert line.isprintable()
    (read,) = read_recording("r.jsonl", [HEADER, line.encode() + b"\n"])
    return read


def test_a_line_moves_no_cursor_and_says_the_same() -> None:
    name = "\x1b[2J \x9b \u202e \U000e0001 Gr\u00f6\u00dfe \U0001f3a7"

    read = read_again(add(1, ID_NAME=name))

    assert isinstance(read, Event)
    assert read.fields["ID_NAME"] == name


@pytest.mark.parametrize(("size", "lines"), [(LONGEST_LINE - 200, 1), (LONGEST_LINE - 50, 0)])
def test_an_event_too_long_for_a_line_is_left_out(size: int, lines: int, caplog: pytest.LogCaptureFixture) -> None:
    written = event_lines([add(1, ID_X="x" * size)])

    assert len(written) == lines
    assert all(len(line) < LONGEST_LINE for line in written)
    assert len(caplog.messages) == 1 - lines


def test_a_header_describes_as_many_devices_as_a_line_may_hold(caplog: pytest.LogCaptureFixture) -> None:
    line = header_line({"kernel": "6.1.0"}, [{"name": "\u00f6" * 100_000}] * 8)

    assert len(json.loads(line)["devices"]) == 5
    assert len(line.encode()) < LONGEST_LINE
    assert caplog.messages == ["5 of 8 devices are not described: the header would be too long"]


# --- files ---


@given(st.lists(st.lists(st.integers(1, 6000), max_size=6), max_size=6))
def test_no_line_lies_on_two_pages_unless_it_is_longer_than_one(turns: list[list[int]]) -> None:
    stop = os.eventfd(0)
    with tempfile.TemporaryFile() as file:
        recording = RecordingWriter(file.fileno(), "r.jsonl", stop)
        for turn in turns:
            recording.write(b"".join(b"x" * (size - 1) + b"\n" for size in turn))
        written = Path(f"/proc/self/fd/{file.fileno()}").read_bytes()
    os.close(stop)

    lines = written.splitlines(keepends=True)
    assert [len(line.rstrip(b" \n")) + 1 for line in lines] == [size for turn in turns for size in turn]
    at = 0
    for line in lines:
        assert len(line.rstrip(b" \n")) >= PAGESIZE or at // PAGESIZE == (at + len(line) - 1) // PAGESIZE
        at += len(line)


def test_what_others_wrote_to_the_same_file_stays(tmp_path: Path) -> None:
    stop = os.eventfd(0)
    with (tmp_path / "r.jsonl").open("ab", buffering=0) as file:
        file.write(b"o" * 4000)
        recording = RecordingWriter(file.fileno(), "r.jsonl", stop)
        for _ in range(2):
            recording.write(b"x" * 100 + b"\n")
    os.close(stop)

    assert (tmp_path / "r.jsonl").read_bytes() == b"o" * 4000 + (b"x" * 100 + b"\n") * 2


# --- the order of several monitors ---


@given(st.lists(st.lists(st.lists(st.integers(0, 1000), max_size=5), max_size=3), max_size=5))
def test_times_never_decrease_and_what_one_monitor_told_stays_in_its_order(turns: list[list[list[int]]]) -> None:
    timeline, numbers = Timeline(START), count()
    placed: list[Event | DeviceGone] = []
    told: dict[int, list[int]] = {}
    for turn in turns:
        events = []
        for monitor, times in enumerate(turn):
            own = [Event(str(monitor), START + at, {"number": next(numbers)}) for at in times]
            told.setdefault(monitor, []).extend(int(each.fields["number"]) for each in own)
            events.append(own)
        placed += timeline.place(events)

    assert [event.at for event in placed] == sorted(event.at for event in placed)
    for monitor, of_monitor in told.items():
        assert of_monitor == [
            each.fields["number"] for each in placed if isinstance(each, Event) and each.source == str(monitor)
        ]


@given(st.lists(st.lists(st.integers(0, 1000), max_size=5).map(sorted), max_size=3))
def test_what_several_monitors_tell_in_one_turn_keeps_its_times(turn: list[list[int]]) -> None:
    placed = Timeline(START).place([[Event("udev", START + at, {}) for at in times] for times in turn])

    assert [event.at for event in placed] == sorted(at for times in turn for at in times)


# --- blank keys ---


def key(code: str, value: int, *, at: int = 0, origin: Origin = Origin.LIVE, device: str = NODE) -> Event:
    return Event("evdev", at, {"device": device, "type": "EV_KEY", "code": code, "value": value}, origin)


def test_every_key_that_is_blanked_is_one_by_its_canonical_name() -> None:
    assert {code_name(1, code_number(1, name)) for name in TEXT_KEYS} == TEXT_KEYS


@given(st.permutations(["KEY_1", "KEY_Q", "KEY_KP7", "KEY_A"]), st.integers(0, 4))
def test_which_key_is_held_at_the_start_cannot_be_told(names: list[str], held: int) -> None:
    found = [key(name, int(place < held), origin=Origin.START) for place, name in enumerate(sorted(names))]
    other = [key(name, 0, origin=Origin.START, device="/dev/input/event4") for name in names]

    blanked = blank_events([*found, *other])

    assert blanked == [
        key("KEY_A", int(held > 0), origin=Origin.START),
        key("KEY_A", 0, origin=Origin.START, device="/dev/input/event4"),
    ]


@given(st.lists(st.tuples(st.sampled_from(sorted(TEXT_KEYS)), st.integers(0, 2))), st.integers())
def test_what_is_typed_depends_only_on_when_keys_are_pressed(typed: list[tuple[str, int]], seed: int) -> None:
    others = random.Random(seed).choices(sorted(TEXT_KEYS), k=len(typed))

    one = blank_events([key(name, value, at=at) for at, (name, value) in enumerate(typed)])
    two = blank_events(
        [key(name, value, at=at) for at, (name, (_, value)) in enumerate(zip(others, typed, strict=True))]
    )

    assert one == two


def test_keys_that_make_no_text_stay() -> None:
    events = [key(name, 1) for name in ("KEY_LEFTCTRL", "KEY_MUTE", "KEY_POWER", "KEY_F1", "KEY_ESC", "BTN_LEFT")]

    assert blank_events(events) == events


@given(st.text(st.characters(exclude_characters="\r\n"), max_size=20))
def test_of_a_line_that_keys_spelled_only_the_length_is_left(line: str) -> None:
    spelled = Event("serial", 0, {"port": "scanner", "device": NODE, "line": line})
    read = Event("serial", 0, {"port": "scanner", "device": "/dev/ttyUSB0", "line": line})

    blanked, kept = blank_events([spelled, read])

    assert isinstance(blanked, Event)
    assert blanked.fields == {"port": "scanner", "device": NODE, "line": "a" * len(line)}
    assert kept == read

"""Tier 4: recordings that other people made with evemu say exactly what a count of their lines says.

They are looked for beside the checkout, in ../shared/recordings; without them these tests are skipped.
"""

import re
from collections import Counter
from pathlib import Path

import pytest

from bridge.errors import RecordingError
from bridge.model.codes import code_name, type_name
from bridge.model.events import Event, Origin
from bridge.recording.evemu import read_evemu
from bridge.service.recordings import open_recording

SHARED = Path(__file__).parents[3] / "shared" / "recordings" / "evemu"
FILES = sorted(path for path in SHARED.glob("*.*") if path.is_file())
EVENT = re.compile(rb"^E: *(\d+)\.(\d{6}) +(\w+) +(\w+) +(-?\d+)", re.MULTILINE)
STATE = re.compile(rb"^([LS]): *(\w+) +(-?\d+)", re.MULTILINE)
IDENTITY = re.compile(rb"^N: (.*)\nI: (\w+) (\w+) (\w+)", re.MULTILINE)
STATE_TYPES = {b"L": 0x11, b"S": 0x05}

pytestmark = pytest.mark.skipif(not FILES, reason=f"there are no recordings in {SHARED.name} beside the checkout")
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)


def events_of(path: Path) -> list[Event]:
    with open_recording(path) as recording:
        return [event for event in recording.events() if isinstance(event, Event)]


def counted(path: Path) -> Counter[tuple[Origin, str, str, int]]:
    """How often each code had each value, and was in each state at the start, as the lines say."""
    content = path.read_bytes()
    said = [(Origin.LIVE, int(t, 16), int(c, 16), int(v)) for _, _, t, c, v in EVENT.findall(content)]
    said += [(Origin.START, STATE_TYPES[letter], int(c, 16), int(v)) for letter, c, v in STATE.findall(content)]
    return Counter((origin, type_name(t), code_name(t, c), value) for origin, t, c, value in said)


@each_file
def test_a_foreign_recording_says_what_its_lines_say(path: Path) -> None:
    events = events_of(path)

    fields = [(event.origin, *(event.fields[name] for name in ("type", "code", "value"))) for event in events]
    assert Counter(fields) == counted(path)


@each_file
def test_its_events_are_as_far_apart_as_its_lines_say(path: Path) -> None:
    times = [int(seconds + microseconds) for seconds, microseconds, *_ in EVENT.findall(path.read_bytes())]

    assert [event.at for event in events_of(path) if event.origin is Origin.LIVE] == [at - times[0] for at in times]


@each_file
def test_its_device_is_who_its_description_says(path: Path) -> None:
    described = {"device": path.name}
    for name, *numbers in IDENTITY.findall(path.read_bytes()):
        described |= dict(
            zip(("name", "bustype", "vendor", "product"), (name.decode(), *map(bytes.decode, numbers)), strict=True)
        )

    for event in events_of(path):
        assert {
            name: value for name, value in event.fields.items() if name not in ("type", "code", "value")
        } == described


@each_file
def test_cut_anywhere_in_its_last_lines_it_is_refused_or_begins_as_it_did(path: Path) -> None:
    content, events = path.read_bytes().rstrip(b"\r\n"), events_of(path)
    comments = content.count(b"\t# ")

    for left in range(len(content) - 120, len(content)):
        try:
            read = list(read_evemu(path.name, content[:left].splitlines(keepends=True)))
        except RecordingError:
            continue
        if comments:  # in those without, the last digits of a last value may be missing
            assert read == events[: len(read)]
        assert len(read) <= len(events)

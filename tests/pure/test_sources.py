"""What holds for every source: what it takes for an event is one, goes through a recording, and has a subject."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import RecordingError
from bridge.model.events import Event, Field
from bridge.model.templates import Template
from bridge.recording.jsonl import line_of_event, read_recording
from bridge.sources import SOURCES
from bridge.sources.source import Source
from bridge.sources.udev import event_of_properties

HEADER = b'{"hwbridge-recording": 1}'
GOOD: Mapping[str, tuple[dict[str, Field], ...]] = {
    "udev": (
        {"action": "add", "devpath": "/devices/x", "ID_MODEL": "y"},
        {"action": "remove", "devpath": "/devices/x"},
    ),
    "evdev": ({"device": "/dev/input/event3", "type": "EV_SW", "code": "SW_LID", "value": 1},),
    "serial": (
        {"port": "scanner", "device": "/dev/ttyUSB0", "state": "opened", "@ID_SERIAL_SHORT": "A50285BI"},
        {"port": "scanner", "state": "lost"},
        {"port": "scanner", "line": "4006381333931"},
        {"port": "scanner", "frame": "0203ff"},
        {"port": "modem", "signal": "RI", "value": 1},
    ),
    "network": (
        {"interface": "eth0", "kind": "link", "value": 1, "mac": "52:54:00:12:34:56", "operstate": "up"},
        {"interface": "eth0", "kind": "address", "value": 1, "addresses": "192.0.2.7 2001:db8::7"},
        {"interface": "eth0", "kind": "route", "value": 0},
        {"kind": "resolver", "value": 1, "nameservers": "192.0.2.53", "domains": "example.org"},
        {"kind": "internet", "value": 1, "connectivity": "full", "metered": 0},
    ),
    "device": (
        {"state": "arrived", "id": "usb-0403:6001-A50285BI", "nodes": "/dev/ttyUSB0", "ID_MODEL": "FT232R"},
        {"state": "left", "id": "usb-0403:6001-A50285BI", "vendor": "0403", "product": "6001", "serial": "A50285BI"},
    ),
    "system": (
        {"name": "InternetAvailable", "value": 1},
        {"name": "TimeZoneChange", "zone": "Europe/Berlin", "offset": 7200},
        {"name": "ClockStep", "value": -3_600_000_000},
        {"name": "Suspend"},
        {"name": "BackgroundWorkCostChange", "value": 2},
    ),
}
"""Events of every source as a monitor sends them."""

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
numbers = st.integers(-3, 300) | st.integers(-(2**64), 2**64)


def some_fields(source: Source) -> st.SearchStrategy[dict[str, Field]]:
    """An event of the source, with a few fields made otherwise: rightly, nearly rightly, or wrongly."""
    right = {name: [fields[name] for fields in GOOD[source.name] if name in fields] for name in source.fields}
    near = {name: st.sampled_from([*right[name], *source.words.get(name, ()), "04D8", 0, 1]) for name in right}

    def changed(fields: dict[str, Field]) -> st.SearchStrategy[dict[str, Field]]:
        own = st.sampled_from(sorted(fields.keys() & near)).flatmap(lambda name: st.tuples(st.just(name), near[name]))
        any_one = st.tuples(st.sampled_from(sorted(near)), numbers | texts)
        return st.lists(own | own | any_one, max_size=2).map(lambda changes: {**fields, **dict(changes)})

    return st.sampled_from(GOOD[source.name]).flatmap(changed)


events = st.sampled_from(sorted(SOURCES)).flatmap(
    lambda name: st.tuples(st.just(SOURCES[name]), some_fields(SOURCES[name]))
)


def taken(given_event: tuple[Source, dict[str, Field]]) -> tuple[Source, dict[str, Field] | None]:
    """The source and what it takes of recorded fields; None where it refuses them."""
    source, fields = given_event
    line = json.dumps({"at": 1, "source": source.name, **fields}).encode()
    try:
        (event,) = read_recording("a.jsonl", [HEADER, line])
    except RecordingError:
        return source, None
    assert isinstance(event, Event)
    return source, dict(event.fields)


@pytest.mark.parametrize(
    ("name", "fields"), [(name, fields) for name, many in GOOD.items() for fields in many], ids=str
)
def test_what_a_monitor_sends_is_read_as_it_was_written(name: str, fields: dict[str, Field]) -> None:
    source = SOURCES[name]
    event = Event(name, 1_000_000, fields, replayed=True)

    assert list(read_recording("a.jsonl", [HEADER, line_of_event(event).encode()])) == [event]
    assert all(source.knows(field) for field in fields)


def test_there_are_events_of_every_source_here() -> None:
    assert GOOD.keys() == SOURCES.keys()


@given(events)
def test_what_a_source_takes_is_unchanged_by_being_checked_or_recorded_again(
    given_event: tuple[Source, dict[str, Field]],
) -> None:
    source, checked = taken(given_event)
    if checked is None:
        return
    event = Event(source.name, 1_000_000, checked, replayed=True)

    assert source.checked(dict(checked)) == checked
    assert list(read_recording("a.jsonl", [HEADER, line_of_event(event).encode()])) == [event]


@given(events)
def test_a_source_can_be_asked_everything_about_what_it_takes(given_event: tuple[Source, dict[str, Field]]) -> None:
    source, checked = taken(given_event)
    if checked is None:
        return

    owner, rest = source.subject(checked)
    assert isinstance(owner, str)
    assert isinstance(rest, str)
    assert not (source.is_moment(checked) and source.leaves(checked))
    assert all(checked[name] in words for name, words in source.words.items() if name in checked)
    assert all(isinstance(value, int) for name, value in checked.items() if name in source.integers)


@given(events)
def test_an_event_has_a_level_exactly_if_it_is_of_a_kind_that_has_one(
    given_event: tuple[Source, dict[str, Field]],
) -> None:
    source, checked = taken(given_event)
    if checked is None:
        return
    if source.levels is None:
        assert not source.is_moment(checked)
        return
    kinds = list(source.levels([checked["code"]] if "code" in checked else []))

    of_a_kind = any(all(checked.get(name) == value for name, value in kind.items()) for kind in kinds)
    assert of_a_kind is not source.is_moment(checked)


@given(events)
def test_what_an_event_is_about_is_told_by_the_fields_that_say_so_and_by_which_of_the_others_there_are(
    given_event: tuple[Source, dict[str, Field]],
) -> None:
    source, checked = taken(given_event)
    if checked is None:
        return
    telling = {name: value if source.identifies(name) else "" for name, value in checked.items()}

    assert source.subject(telling) == source.subject(checked)


@pytest.mark.parametrize("source", SOURCES.values(), ids=lambda source: source.name)
def test_what_a_source_says_of_its_fields_is_about_fields_that_it_has(source: Source) -> None:
    assert source.integers <= source.fields
    assert source.words.keys() <= source.fields
    assert set(Template.parse(source.default_key).names) <= source.fields
    assert not any(source.knows(name) for name in ("since", "at", "source", "origin", "gone", "replayed", "", "@"))


@pytest.mark.parametrize("source", SOURCES.values(), ids=lambda source: source.name)
def test_a_field_that_says_which_device_it_is_says_which_subject_it_is(source: Source) -> None:
    assert all(source.identifies(name) for name in source.fields if source.names_owner(name))


def test_a_udev_property_that_no_rule_can_name_is_not_told_and_hides_no_field() -> None:
    properties = {"ACTION": "change", "DEVPATH": "/d", "persistent": "1", "action": "x", "since": "y", "ID_X": "4"}

    event = event_of_properties(properties, at=0)

    assert event.fields == {"action": "change", "devpath": "/d", "ACTION": "change", "DEVPATH": "/d", "ID_X": "4"}

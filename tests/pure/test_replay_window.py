"""A part of a recording begins with what a daemon that starts then would find: levels, of devices that are there."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model.events import DeviceGone, Event, Origin
from bridge.testing.window import beginning_at, ending_at

Told = Event | DeviceGone


def switch(at: int, value: int, device: str = "/dev/input/event1", code: str = "SW_LID") -> Event:
    return Event("evdev", at, {"device": device, "type": "EV_SW", "code": code, "value": value}, replayed=True)


def key(at: int, value: int) -> Event:
    return Event("evdev", at, {"device": "/dev/input/event1", "type": "EV_KEY", "code": "KEY_A", "value": value})


def wheel(at: int) -> Event:
    return Event("evdev", at, {"device": "/dev/input/event1", "type": "EV_REL", "code": "REL_WHEEL", "value": 1})


def device(at: int, action: str, devpath: str = "/devices/a", **properties: str) -> Event:
    fields = {"action": action, "subsystem": "block", "devpath": devpath, "ACTION": action}
    return Event("udev", at, fields | properties, replayed=True)


def port(at: int, **fields: str | int) -> Event:
    return Event("serial", at, {"port": "scanner", **fields})


def found(*events: Told) -> list[dict[str, str | int]]:
    """What of these events is there at 100: start events of that time, and nothing else."""
    told = list(beginning_at(events, 100))
    assert all(isinstance(event, Event) and (event.at, event.origin) == (100, Origin.START) for event in told)
    return [dict(event.fields) for event in told if isinstance(event, Event)]


def values(*events: Told) -> list[str | int]:
    return [fields["value"] for fields in found(*events)]


def test_the_last_level_of_each_subject_is_found() -> None:
    assert values(switch(1, 0), switch(2, 1, code="SW_DOCK"), switch(3, 1), switch(4, 0, code="SW_DOCK")) == [1, 0]


def test_what_is_at_the_beginning_is_an_event_and_not_found() -> None:
    events = [switch(99, 1), switch(100, 0), switch(101, 1)]

    assert list(beginning_at(events, 100)) == [
        Event("evdev", 100, events[0].fields, Origin.START, replayed=True),
        *events[1:],
    ]


def test_a_recorded_start_state_is_found_as_any() -> None:
    assert values(Event("evdev", 0, switch(0, 1).fields, Origin.START)) == [1]


def test_of_moments_nothing_is_left() -> None:
    assert found(wheel(1), port(2, line="ok"), Event("system", 3, {"name": "TimeZoneChange"})) == []


def test_a_key_that_repeats_is_still_held_down() -> None:
    assert values(key(1, 1), key(2, 2), key(3, 2)) == [1]
    assert values(key(1, 1), key(2, 2), key(3, 0)) == [0]


def test_a_device_that_has_gone_is_not_found() -> None:
    other = switch(3, 1, device="/dev/input/event2")

    assert found(switch(1, 1), DeviceGone("evdev", 2, "/dev/input/event1"), other) == [dict(other.fields)]


def test_a_device_that_came_again_is_found_as_it_came() -> None:
    gone = DeviceGone("evdev", 2, "/dev/input/event1")

    assert found(switch(1, 1), switch(1, 1, code="SW_DOCK"), gone, switch(3, 0)) == [dict(switch(3, 0).fields)]


def test_an_event_that_says_that_its_device_goes_takes_it_away() -> None:
    left = Event("device", 2, {"state": "left", "id": "usb-1"})

    assert found(device(1, "add"), device(2, "remove")) == []
    assert found(Event("device", 1, {"state": "arrived", "id": "usb-1"}), left) == []


def test_udev_devices_are_listed_as_added_whatever_happened_last() -> None:
    (there,) = found(device(1, "add", ID_FS="old"), device(2, "change", ID_FS="new"))

    assert there == {
        "action": "add", "subsystem": "block", "devpath": "/devices/a", "ACTION": "add", "ID_FS": "new",
    }  # fmt: skip


def test_what_udev_said_of_an_event_and_not_of_its_device_is_not_found() -> None:
    of_event = {"synthetic": "1", "SYNTH_UUID": "0", "SYNTH_ARG_X": "1", "SEQNUM": "7", "DEVPATH_OLD": "/devices/b"}

    assert found(device(1, "move", ID_BUS="usb", **of_event)) == [dict(device(1, "add", ID_BUS="usb").fields)]


def test_a_port_that_was_lost_is_found_lost_and_its_lines_are_not_found() -> None:
    opened = [port(1, state="opened"), port(2, signal="CTS", value=1)]

    assert found(*opened) == [dict(event.fields) for event in opened]
    assert found(*opened, port(3, state="lost")) == [{"port": "scanner", "state": "lost"}]
    assert found(*opened, DeviceGone("serial", 3, "scanner")) == [{"port": "scanner", "state": "opened"}]


def test_the_machines_own_levels_are_found() -> None:
    link = Event("network", 1, {"interface": "eth0", "kind": "link", "value": 0})
    condition = Event("system", 2, {"name": "InternetAvailable", "value": 1})

    assert found(link, condition) == [dict(link.fields), dict(condition.fields)]


def test_devices_are_found_one_after_another_in_the_order_in_which_they_came() -> None:
    events = [switch(1, 1, "/b"), switch(2, 1, "/a"), switch(3, 0, "/b", "SW_DOCK"), switch(4, 0, "/b")]

    assert [fields["device"] for fields in found(*events)] == ["/b", "/b", "/a"]
    assert [fields["code"] for fields in found(*events)] == ["SW_LID", "SW_DOCK", "SW_LID"]


def test_the_end_is_a_part_too() -> None:
    assert [event.at for event in ending_at([switch(at, 1) for at in (1, 5, 5, 6)], 5)] == [1, 5, 5]


@pytest.mark.parametrize("begin", [0, 7])
def test_an_empty_recording_has_empty_parts(begin: int) -> None:
    assert list(ending_at(beginning_at([], begin), 9)) == []


TIMES = st.integers(0, 30)
recordings: st.SearchStrategy[Sequence[Told]] = st.lists(
    st.one_of(
        st.builds(
            switch, TIMES, st.integers(0, 1), st.sampled_from(["/a", "/b"]), st.sampled_from(["SW_LID", "SW_DOCK"])
        ),
        st.builds(key, TIMES, st.integers(0, 2)),
        st.builds(wheel, TIMES),
        st.builds(device, TIMES, st.sampled_from(["add", "change", "remove"]), st.sampled_from(["/a", "/b"])),
        st.builds(port, TIMES, state=st.sampled_from(["opened", "lost"])),
        st.builds(port, TIMES, signal=st.just("CTS"), value=st.integers(0, 1)),
        st.builds(DeviceGone, st.sampled_from(["evdev", "udev", "serial"]), TIMES, st.sampled_from(["/a", "scanner"])),
    ),
    max_size=20,
).map(lambda events: sorted(events, key=lambda event: event.at))


@given(recordings, TIMES)
def test_all_events_from_the_beginning_on_are_as_they_were(events: Sequence[Told], begin: int) -> None:
    told = list(beginning_at(events, begin))
    rest = [event for event in events if event.at >= begin]

    assert told[len(told) - len(rest) :] == rest


@given(recordings, TIMES, TIMES)
def test_to_begin_later_in_a_part_is_to_begin_later(events: Sequence[Told], one: int, other: int) -> None:
    first, second = sorted((one, other))

    assert list(beginning_at(beginning_at(events, first), second)) == list(beginning_at(events, second))

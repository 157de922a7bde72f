"""The monitor of input devices, on a sysfs in a directory and nodes that are pipes."""

import select
import shutil
from collections.abc import Mapping

import pytest
from made_inputs import (
    ABS_X,
    HEADPHONE,
    JACK,
    KEY_A,
    KEY_B,
    MICROPHONE,
    NODE,
    NOW,
    REL_X,
    MadeMachine,
    MadeUevent,
    asking,
    no_descriptor_is_left_open,
    told,
)

from bridge.model.events import DeviceGone, Event, Origin
from bridge.monitors.evdev import EvdevMonitor, open_monitor


def is_readable(monitor: EvdevMonitor) -> bool:
    return bool(select.select([monitor.fileno()], [], [], 0)[0])


def test_a_device_that_is_there_is_opened_and_tells_its_state(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    machine.plug(3, "HDA Intel Jack", [HEADPHONE, MICROPHONE])
    machine.values[NODE] = {HEADPHONE: 1}

    found = monitor.watch(asking(JACK))

    assert told(found) == [("SW_HEADPHONE_INSERT", 1, Origin.START)]
    assert monitor.report().devices == ('/dev/input/event3 "HDA Intel Jack"',)
    assert machine.nodes[NODE].masked == [frozenset({HEADPHONE})]


@pytest.mark.parametrize(
    "match",
    [
        {"name": "Another*"},
        {"code": "KEY_B"},
        {"type": "EV_ABS"},
        {"name": "Keyboard", "code": "SW_HEADPHONE_INSERT"},
        {"@ID_PATH": "pci-0000:00:1f.3"},
        {"vendor": "046D"},
    ],
)
def test_a_device_that_no_rule_can_match_is_never_opened(
    machine: MadeMachine, monitor: EvdevMonitor, match: Mapping[str, object]
) -> None:
    machine.plug(3, "Keyboard", [KEY_A, REL_X])

    monitor.watch(asking(match))

    assert machine.opened == []


@pytest.mark.parametrize(
    ("match", "codes"),
    [
        ({"code": ["KEY_A", "REL_X"]}, {KEY_A, REL_X}),
        ({"code": "KEY_*"}, {KEY_A, KEY_B}),
        ({"code": {"not": "KEY_A"}, "type": "EV_KEY"}, {KEY_B}),
        ({"type": "EV_ABS", "value": {"min": 100}}, {ABS_X}),
        ({"name": "Key*", "type": "EV_REL"}, {REL_X}),
    ],
)
def test_only_the_codes_that_some_rule_may_match_are_let_pass(
    machine: MadeMachine, monitor: EvdevMonitor, match: Mapping[str, object], codes: set[tuple[int, int]]
) -> None:
    machine.plug(3, "Keyboard", [KEY_A, KEY_B, REL_X, ABS_X])

    monitor.watch(asking(match))

    assert machine.nodes[NODE].masked == [frozenset(codes)]


def test_a_rule_on_an_ancestor_opens_the_devices_below_it_and_their_events_say_so(
    machine: MadeMachine, monitor: EvdevMonitor
) -> None:
    near, _ = machine.plug(3, "Near", [KEY_A]), machine.plug(4, "Far", [KEY_A])
    machine.ancestry[near] = {"@ID_PATH": "pci-1", "@ID_BUS": "usb"}

    found = monitor.watch(asking({"@ID_PATH": "pci-1", "code": "KEY_A"}))

    assert machine.opened == [NODE]
    assert [event.fields.get("@ID_PATH") for event in found if isinstance(event, Event)] == ["pci-1"]
    assert all("@ID_BUS" not in event.fields for event in found if isinstance(event, Event))


def test_the_monitor_is_readable_only_when_there_is_something_to_tell(
    machine: MadeMachine, monitor: EvdevMonitor
) -> None:
    machine.plug(3, "Jack", [HEADPHONE])
    monitor.watch(asking(JACK))
    quiet = is_readable(monitor)

    machine.nodes[NODE].send(HEADPHONE, 1)
    woken = is_readable(monitor)
    found = monitor.read()

    assert (quiet, woken, is_readable(monitor)) == (False, True, False)
    assert told(found) == [("SW_HEADPHONE_INSERT", 1, Origin.LIVE)]


def test_events_of_several_devices_come_in_the_order_of_their_time(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    machine.plug(3, "One", [KEY_A])
    machine.plug(4, "Two", [KEY_A])
    monitor.watch(asking({"code": "KEY_A"}))

    machine.nodes[NODE].send(KEY_A, 1, at=20)
    machine.nodes["/dev/input/event4"].send(KEY_A, 1, at=10)
    machine.nodes["/dev/input/event4"].send(KEY_A, 0, at=30)

    assert [event.at for event in monitor.read()] == [10, 20, 30]


def test_a_device_that_is_unplugged_tells_the_rest_and_its_end_and_starts_anew_when_it_comes_back(
    machine: MadeMachine, monitor: EvdevMonitor
) -> None:
    devpath = machine.plug(3, "Jack", [HEADPHONE])
    monitor.watch(asking(JACK))
    machine.nodes[NODE].send(HEADPHONE, 1)
    machine.unplug(devpath)
    gone = [*monitor.read(), *monitor.read()]

    machine.values["/dev/input/event5"] = {HEADPHONE: 1}
    back = machine.plug(5, "Jack", [HEADPHONE])
    machine.uevents[0].tell(MadeUevent("remove", devpath), MadeUevent("add", back))

    assert told(gone) == [("SW_HEADPHONE_INSERT", 1, Origin.LIVE), ("gone", NODE)]
    assert told(monitor.read()) == [("SW_HEADPHONE_INSERT", 1, Origin.START)]
    assert monitor.report().devices == ('/dev/input/event5 "Jack"',)


def test_a_device_whose_removal_is_heard_before_it_hangs_up_is_closed(
    machine: MadeMachine, monitor: EvdevMonitor
) -> None:
    devpath = machine.plug(3, "Jack", [HEADPHONE])
    monitor.watch(asking(JACK))
    machine.uevents[0].tell(MadeUevent("remove", devpath))

    assert monitor.read() == [DeviceGone("evdev", NOW, NODE)]
    assert machine.nodes[NODE].closed


def test_a_device_that_takes_the_node_of_one_that_went_is_another_device(
    machine: MadeMachine, monitor: EvdevMonitor
) -> None:
    old = machine.plug(3, "Old", [HEADPHONE])
    monitor.watch(asking(JACK))
    machine.unplug(old)
    new = machine.plug(3, "New", [HEADPHONE])
    machine.uevents[0].tell(MadeUevent("add", new), MadeUevent("remove", old))

    assert told(monitor.read()) == [("gone", NODE), ("SW_HEADPHONE_INSERT", 0, Origin.START)]
    assert monitor.report().devices == ('/dev/input/event3 "New"',)


def test_a_removal_that_somebody_wrote_into_sysfs_removes_nothing(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    devpath = machine.plug(3, "Jack", [HEADPHONE])
    monitor.watch(asking(JACK))
    machine.uevents[0].tell(MadeUevent("remove", devpath, {"SYNTH_UUID": "0"}))

    assert monitor.read() == []
    assert not machine.nodes[NODE].closed


def test_uevents_of_an_open_device_and_of_nodes_that_are_not_evdevs_change_nothing(
    machine: MadeMachine, monitor: EvdevMonitor
) -> None:
    devpath = machine.plug(3, "Mouse", [HEADPHONE])
    parent = devpath.rpartition("/")[0]
    shutil.copytree(machine.root / devpath[1:], machine.root / parent[1:] / "mouse0", symlinks=True)
    monitor.watch(asking(JACK))
    machine.uevents[0].tell(*(MadeUevent("add", each) for each in (parent, devpath, f"{parent}/mouse0")))

    assert monitor.read() == []
    assert machine.opened == [NODE]


def test_a_reload_tells_only_what_was_not_watched_and_closes_what_is_not_wanted(
    machine: MadeMachine, monitor: EvdevMonitor
) -> None:
    machine.plug(3, "Jack", [HEADPHONE, MICROPHONE])
    machine.plug(4, "Keyboard", [KEY_A])
    machine.plug(5, "Mouse", [REL_X, KEY_B])
    monitor.watch(asking(JACK, {"code": "KEY_A"}))

    found = monitor.watch(asking(JACK, {"code": "SW_MICROPHONE_INSERT"}, {"code": "KEY_B"}))

    assert told(found) == [("SW_MICROPHONE_INSERT", 0, Origin.START), ("KEY_B", 0, Origin.START)]
    assert machine.opened == [NODE, "/dev/input/event4", "/dev/input/event5"]
    assert [node.closed for node in machine.nodes.values()] == [False, True, False]
    assert machine.nodes[NODE].masked[-1] == {HEADPHONE, MICROPHONE}
    assert len(machine.uevents) == 1


def test_at_a_reload_a_device_that_went_has_ended_before_another_on_its_node_starts(
    machine: MadeMachine, monitor: EvdevMonitor
) -> None:
    old = machine.plug(3, "Old", [HEADPHONE])
    monitor.watch(asking(JACK))
    machine.unplug(old)
    machine.plug(3, "New", [HEADPHONE])

    assert told(monitor.watch(asking(JACK))) == [("gone", NODE), ("SW_HEADPHONE_INSERT", 0, Origin.START)]


def test_a_reload_reaches_an_open_device_that_udevd_has_forgotten(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    devpath = machine.plug(3, "Jack", [HEADPHONE, MICROPHONE])
    monitor.watch(asking(JACK))
    machine.unlisted.add(devpath)

    found = monitor.watch(asking(JACK, {"code": "SW_MICROPHONE_INSERT"}))

    assert told(found) == [("SW_MICROPHONE_INSERT", 0, Origin.START)]


def test_without_rules_nothing_is_subscribed_and_nothing_stays_open(
    machine: MadeMachine, monitor: EvdevMonitor
) -> None:
    machine.plug(3, "Jack", [HEADPHONE])
    monitor.watch(asking(JACK))
    monitor.watch(asking())

    assert machine.nodes[NODE].closed
    assert machine.uevents[0].closed
    assert not is_readable(monitor)


def test_a_snapshot_has_every_wanted_code_of_every_device(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    machine.plug(3, "Jack", [HEADPHONE])
    machine.plug(4, "Mouse", [KEY_B, REL_X])
    monitor.watch(asking(JACK, {"code": "KEY_B"}, {"code": "REL_X"}))
    machine.nodes[NODE].send(HEADPHONE, 1)
    monitor.read()

    assert told(monitor.snapshot()) == [("SW_HEADPHONE_INSERT", 1, Origin.START), ("KEY_B", 0, Origin.START)]


def test_closing_leaves_nothing_open(machine: MadeMachine) -> None:
    machine.plug(3, "Jack", [HEADPHONE])
    with no_descriptor_is_left_open():
        monitor = EvdevMonitor(clock=lambda: NOW, machine=machine)
        monitor.watch(asking(JACK))
        monitor.close()


def test_this_machine_is_listed_and_followed_whatever_devices_it_has() -> None:
    with no_descriptor_is_left_open():
        monitor = open_monitor(clock=lambda: NOW, settings={})
        monitor.watch(asking({"code": "KEY_A", "@ID_PATH": True}))
        refused = monitor.report().refused
        monitor.close()

    assert [line for line in refused if line.startswith("input devices that come later are not seen")] == []

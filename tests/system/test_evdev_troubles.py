"""What the monitor of input devices does where it is refused something, and where something is lost or fails."""

import errno

import pytest
from made_inputs import HEADPHONE, JACK, NODE, NOW, MadeMachine, MadeUevent, asking, told

from bridge.errors import InvalidValueError
from bridge.model.events import DeviceGone, Event, Origin
from bridge.monitors.evdev import LIVE, EvdevMonitor, open_monitor
from bridge.monitors.monitor import MonitorReport
from bridge.toml.document import parse
from bridge.toml.schema import Table


def test_lost_uevents_are_repaired_by_listing(
    machine: MadeMachine, monitor: EvdevMonitor, caplog: pytest.LogCaptureFixture
) -> None:
    old = machine.plug(3, "Old", [HEADPHONE])
    monitor.watch(asking(JACK))
    machine.unplug(old)
    machine.plug(4, "New", [HEADPHONE])
    machine.uevents[0].tell(dropped=True)

    assert told(monitor.read()) == [("gone", NODE), ("SW_HEADPHONE_INSERT", 0, Origin.START)]
    assert monitor.report().lost == 1
    assert len(caplog.messages) == 1


def test_lost_events_are_counted_beyond_the_life_of_their_device(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    devpath = machine.plug(3, "Jack", [HEADPHONE])
    monitor.watch(asking(JACK))
    machine.nodes[NODE].drop()
    monitor.read()
    machine.unplug(devpath)
    monitor.read()

    assert monitor.report() == MonitorReport(lost=1)


def test_a_device_that_may_not_be_read_is_one_clear_line_and_the_others_work(
    machine: MadeMachine, monitor: EvdevMonitor, caplog: pytest.LogCaptureFixture
) -> None:
    machine.plug(3, "Forbidden", [HEADPHONE])
    machine.plug(4, "Allowed", [HEADPHONE])
    machine.forbid(NODE)

    found = monitor.watch(asking(JACK))

    line = (
        'device /dev/input/event3 "Forbidden": may not be read (Permission denied): '
        "add the user that hwbridge runs as to the group input, or run it as root"
    )
    assert [event.fields["name"] for event in found if isinstance(event, Event)] == ["Allowed"]
    assert (monitor.report().refused, caplog.messages) == ((line,), [line])


def test_a_device_that_may_be_read_at_its_next_uevent_is_opened_then(
    machine: MadeMachine, monitor: EvdevMonitor, caplog: pytest.LogCaptureFixture
) -> None:
    devpath = machine.plug(3, "Jack", [HEADPHONE])
    machine.forbid(NODE)
    monitor.watch(asking(JACK))
    machine.uevents[0].tell(MadeUevent("change", devpath))
    still = monitor.read()
    machine.forbidden.clear()
    machine.uevents[0].tell(MadeUevent("change", devpath))

    assert (still, told(monitor.read())) == ([], [("SW_HEADPHONE_INSERT", 0, Origin.START)])
    assert (monitor.report().refused, len(caplog.messages)) == ((), 1)


def test_a_device_that_may_not_be_read_and_goes_is_refused_no_more(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    devpath = machine.plug(3, "Jack", [HEADPHONE])
    machine.forbid(NODE)
    monitor.watch(asking(JACK))
    machine.unplug(devpath)
    machine.uevents[0].tell(MadeUevent("remove", devpath))
    monitor.read()

    assert monitor.report().refused == ()


def test_a_name_that_would_move_the_cursor_is_shown_escaped(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    machine.plug(3, "Jack\x1b[2J\nno", [HEADPHONE])
    monitor.watch(asking(JACK))

    assert monitor.report().devices == ('/dev/input/event3 "Jack\\x1b[2J\\nno"',)


def test_a_machine_that_tells_nothing_of_new_devices_serves_those_that_it_has(
    machine: MadeMachine, monitor: EvdevMonitor
) -> None:
    machine.plug(3, "Jack", [HEADPHONE])
    machine.deaf = True

    found = monitor.watch(asking(JACK))

    (line,) = monitor.report().refused
    assert told(found) == [("SW_HEADPHONE_INSERT", 0, Origin.START)]
    assert line.startswith("input devices that come later are not seen: netlink socket")


def test_a_subscription_that_fails_is_one_line_and_is_made_anew_at_reload(
    machine: MadeMachine, monitor: EvdevMonitor
) -> None:
    monitor.watch(asking(JACK))
    machine.uevents[0].failing = True
    machine.uevents[0].tell()
    monitor.read()
    (line,) = monitor.report().refused
    monitor.watch(asking(JACK))

    assert "netlink socket" in line
    assert (monitor.report().refused, len(machine.uevents), machine.uevents[0].closed) == ((), 2, True)


def settings_table(group: str) -> Table:
    document = parse("hwbridge.toml", f'group = "{group}"'.encode())
    return Table(document=document, problems=[], content=document.tables)


@pytest.mark.parametrize("group", ["auto", "kernel"])
def test_the_group_that_tells_of_devices_is_a_setting(group: str) -> None:
    table = settings_table(group)

    assert LIVE.settings(table) == {"group": group}
    assert table.problems == []


def test_a_group_that_nobody_tells_in_is_refused_with_its_line() -> None:
    table = settings_table("udevd")
    LIVE.settings(table)

    (problem,) = table.problems
    assert (problem.line, problem.key) == (1, "group")


def test_a_machine_is_asked_in_the_group_of_the_settings() -> None:
    with pytest.raises(InvalidValueError, match="'nobody' is none of auto, udev, kernel"):
        open_monitor(clock=lambda: NOW, settings={"group": "nobody"})


def test_another_setting_is_refused() -> None:
    with pytest.raises(InvalidValueError, match=r"\[evdev\] grab: unknown key"):
        open_monitor(clock=lambda: NOW, settings={"grab": True})


@pytest.mark.parametrize("forbidden", [True, False])
def test_a_device_that_goes_while_it_is_opened_is_neither_watched_nor_refused(
    machine: MadeMachine, monitor: EvdevMonitor, forbidden: bool
) -> None:
    devpath = machine.plug(3, "Jack", [HEADPHONE])
    machine.at_open = lambda: machine.unplug(devpath)
    if forbidden:
        machine.forbid(NODE)

    found = monitor.watch(asking(JACK))

    assert (found, monitor.report()) == ([], MonitorReport())
    assert all(node.closed for node in machine.nodes.values())


def test_a_node_that_cannot_be_opened_is_one_clear_line(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    machine.plug(3, "Jack", [HEADPHONE])
    machine.forbidden[NODE] = FileNotFoundError(errno.ENOENT, "No such file or directory", NODE)

    monitor.watch(asking(JACK))

    assert monitor.report().refused == (
        'device /dev/input/event3 "Jack": cannot be opened (No such file or directory)',
    )


def test_a_device_that_fails_is_closed_until_its_next_uevent(machine: MadeMachine, monitor: EvdevMonitor) -> None:
    devpath = machine.plug(3, "Jack", [HEADPHONE])
    machine.broken[NODE] = OSError(errno.EIO, "Input/output error")
    found = monitor.watch(asking(JACK))
    refused = monitor.report().refused
    machine.broken.clear()
    machine.uevents[0].tell(MadeUevent("change", devpath))

    assert found == [DeviceGone("evdev", NOW, NODE)]
    assert refused == ('device /dev/input/event3 "Jack": closed until its next uevent (Input/output error)',)
    assert told(monitor.read()) == [("SW_HEADPHONE_INSERT", 0, Origin.START)]
    assert monitor.report() == MonitorReport(devices=('/dev/input/event3 "Jack"',))

"""What the udev monitor tells of one device from its coming to its going, on a machine made up."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from fake_machine import FakeDevice, FakeMachine, asking

from bridge.errors import DeviceError
from bridge.model.events import DeviceGone, Event, Fields, Origin
from bridge.monitors.merged import REMEMBERED, Filter
from bridge.monitors.udev import UdevMonitor

TTY = asking({"subsystem": "tty"})
PORT = "/devices/port"


@pytest.fixture
def machine() -> FakeMachine:
    return FakeMachine()


@pytest.fixture
def monitor(machine: FakeMachine) -> Iterator[UdevMonitor]:
    monitor = UdevMonitor(clock=lambda: 0, machine=machine)
    yield monitor
    monitor.close()


def fields_of(told: Sequence[Event | DeviceGone]) -> list[Fields]:
    return [one.fields for one in told if isinstance(one, Event)]


def test_a_device_that_goes_says_what_it_was(machine: FakeMachine, monitor: UdevMonitor) -> None:
    monitor.watch(TTY)
    machine.happens("add", PORT, ID_SERIAL="A5", ID_BUS="usb", HWBRIDGE_TRIGGER="{g}", SYNTH_ARG_X="1")
    machine.happens("change", PORT, ID_BUS="bluetooth", ID_FS_LABEL="photos", DISK_MEDIA_CHANGE="1")
    machine.happens("remove", PORT, ID_FS_LABEL="its own")

    _, _, gone = fields_of(monitor.read())

    assert gone == {
        "action": "remove",
        "subsystem": "tty",
        "devpath": PORT,
        "ACTION": "remove",
        "DEVPATH": PORT,
        "SUBSYSTEM": "tty",
        "SEQNUM": "3",
        "ID_SERIAL": "A5",
        "ID_BUS": "bluetooth",
        "ID_FS_LABEL": "its own",
    }


def test_a_device_that_was_there_at_the_start_says_so_too_when_it_goes(
    machine: FakeMachine, monitor: UdevMonitor
) -> None:
    machine.happens("add", PORT, ID_SERIAL="A5")
    (there,) = monitor.watch(TTY)
    machine.happens("remove", PORT)

    (gone,) = fields_of(monitor.read())

    assert isinstance(there, Event)
    assert there.origin is Origin.START
    assert there.fields["action"] == "add"
    assert gone["ID_SERIAL"] == "A5"


def test_another_device_in_its_place_has_nothing_of_the_former(machine: FakeMachine, monitor: UdevMonitor) -> None:
    monitor.watch(TTY)
    machine.happens("add", PORT, ID_SERIAL="A5")
    machine.happens("remove", PORT)
    machine.happens("add", PORT)
    machine.happens("remove", PORT)

    gone = fields_of(monitor.read())[-1]

    assert "ID_SERIAL" not in gone


def test_a_device_that_moves_keeps_what_is_known_and_its_old_path_is_gone(
    machine: FakeMachine, monitor: UdevMonitor
) -> None:
    monitor.watch(TTY)
    machine.happens("add", PORT, ID_SERIAL="A5")
    machine.happens("add", f"{PORT}/below", ID_SERIAL="B6")
    machine.happens("add", f"{PORT}2", ID_SERIAL="C7")
    monitor.read()
    machine.happens("move", "/devices/new", DEVPATH_OLD=PORT)

    told = monitor.read()

    assert [one.owner for one in told if isinstance(one, DeviceGone)] == [PORT, f"{PORT}/below"]
    assert fields_of(told)[0]["devpath"] == "/devices/new"
    machine.devices_now["/devices/new/below"] = machine.devices_now.pop(f"{PORT}/below")
    for devpath in ("/devices/new/below", "/devices/new", f"{PORT}2"):
        machine.happens("remove", devpath)
    assert [fields["ID_SERIAL"] for fields in fields_of(monitor.read())] == ["B6", "A5", "C7"]


def test_attributes_are_read_once_and_only_those_that_rules_name(tmp_path: Path) -> None:
    port = tmp_path / PORT.removeprefix("/")
    port.mkdir(parents=True)
    (port / "serial").write_text("A5\n")
    (port / "speed").write_text("9600\n")
    machine = FakeMachine(sys_path=str(tmp_path))
    monitor = UdevMonitor(clock=lambda: 0, machine=machine)
    monitor.watch(asking({"subsystem": "tty", "attr.serial": True}))
    machine.happens("add", PORT)
    (came,) = fields_of(monitor.read())
    (port / "serial").write_text("another\n")
    machine.happens("change", PORT)
    (changed,) = fields_of(monitor.read())
    monitor.watch(
        asking({"subsystem": "tty", "attr.serial": True, "attr.speed": True})
    )  # named while it is still there
    (port / "serial").unlink()
    (port / "speed").unlink()
    machine.happens("remove", PORT)

    (gone,) = fields_of(monitor.read())
    monitor.close()

    assert came["attr.serial"] == changed["attr.serial"] == gone["attr.serial"] == "A5"
    assert "attr.speed" not in came
    assert gone["attr.speed"] == "9600"


def test_inherited_fields_are_the_devices_own_or_its_nearest_ancestors() -> None:
    hub = FakeDevice({"ID_MODEL": "hub", "ID_PATH": "usb-1"})
    machine = FakeMachine(ancestors=(FakeDevice({"ID_MODEL": "converter"}), hub))
    monitor = UdevMonitor(clock=lambda: 0, machine=machine)
    monitor.watch(asking({"subsystem": "tty", "@ID_MODEL": True, "@ID_PATH": True, "@ID_VENDOR": True}))
    machine.happens("add", PORT)
    machine.happens("change", PORT, ID_PATH="its own")
    machine.ancestors = ()
    machine.happens("remove", PORT)

    came, changed, gone = fields_of(monitor.read())
    monitor.close()

    assert (came["@ID_MODEL"], came["@ID_PATH"]) == ("converter", "usb-1")
    assert changed["@ID_PATH"] == gone["@ID_PATH"] == "its own"
    assert gone["@ID_MODEL"] == "converter"
    assert "@ID_VENDOR" not in came


def test_text_that_is_not_utf8_is_readable(machine: FakeMachine, monitor: UdevMonitor) -> None:
    monitor.watch(TTY)
    machine.happens("add", "/devices/caf\udce9", NAME='"\udcff"')
    machine.happens("move", "/devices/cafe", DEVPATH_OLD="/devices/caf\udce9")

    came, gone, _ = monitor.read()

    assert isinstance(came, Event)
    assert came.fields["NAME"] == '"\\xff"'
    assert came.fields["devpath"] == "/devices/caf\\xe9"
    assert isinstance(gone, DeviceGone)
    assert gone.owner == "/devices/caf\\xe9"


def test_a_late_message_with_a_lower_number_is_told(machine: FakeMachine, monitor: UdevMonitor) -> None:
    monitor.watch(TTY)
    late = machine.happen("add", {"DEVPATH": "/devices/late", "SUBSYSTEM": "tty"})
    machine.happens("add", PORT)
    monitor.read()
    machine.tell(late)

    (told,) = fields_of(monitor.read())

    assert told["devpath"] == "/devices/late"


def test_an_event_that_the_second_socket_has_later_is_not_told_again(
    machine: FakeMachine, monitor: UdevMonitor
) -> None:
    monitor.watch(TTY)
    event = machine.happen("add", {"DEVPATH": PORT, "SUBSYSTEM": "tty", "TAGS": ":hwbridge:"})
    first, second = machine.open

    first.put(event)
    assert len(monitor.read()) == 1
    second.put(event)

    assert monitor.read() == []


def test_the_numbers_of_recent_events_are_remembered_however_many_come(
    machine: FakeMachine, monitor: UdevMonitor
) -> None:
    monitor.watch(TTY)
    for _ in range(REMEMBERED):
        machine.happens("add", PORT)
    last = machine.happen("add", {"DEVPATH": PORT, "SUBSYSTEM": "tty", "TAGS": ":hwbridge:"})
    first, second = machine.open
    first.put(last)
    assert len(monitor.read()) == REMEMBERED + 1

    second.put(last)

    assert monitor.read() == []


def test_a_reload_that_fails_leaves_everything_as_it_was(machine: FakeMachine, monitor: UdevMonitor) -> None:
    monitor.watch(TTY)
    machine.happens("add", PORT)
    machine.refuses = Filter()

    with pytest.raises(DeviceError, match="no socket for every subsystem"):
        monitor.watch(asking({"action": "*"}))

    assert monitor.report().devices == ("group udev, subsystems tty", "group udev, tag hwbridge")
    assert [event["devpath"] for event in fields_of(monitor.read())] == [PORT]


def test_a_watch_that_fails_halfway_leaves_nothing_open(machine: FakeMachine, monitor: UdevMonitor) -> None:
    machine.refuses = Filter(tag="hwbridge")

    with pytest.raises(DeviceError, match="no socket for tag hwbridge"):
        monitor.watch(TTY)

    assert machine.open == []
    assert monitor.report().devices == ()


def test_more_subsystems_than_a_filter_holds_are_not_filtered(machine: FakeMachine, monitor: UdevMonitor) -> None:
    monitor.watch(asking({"subsystem": [f"subsystem{number}" for number in range(200)]}))

    assert monitor.report().devices == ("group udev, every subsystem", "group udev, tag hwbridge")


def test_without_rules_only_the_tag_is_listened_to(machine: FakeMachine, monitor: UdevMonitor) -> None:
    monitor.watch(asking())

    assert [subscription.filter for subscription in machine.open] == [Filter(tag="hwbridge")]

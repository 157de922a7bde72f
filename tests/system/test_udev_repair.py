"""What the udev monitor tells after it lost events, and when devices come and go while it lists them."""

import select
from collections.abc import Callable, Iterator, Sequence

import pytest
from fake_machine import A_READ, FakeMachine, asking

from bridge.model.events import DeviceGone, Event, Fields
from bridge.monitors.merged import AT_ONCE
from bridge.monitors.udev import UdevMonitor

TTY = asking({"subsystem": "tty"})
PORT = "/devices/port"
OTHER = "/devices/other"
A_GO = -(-AT_ONCE // A_READ) * A_READ
"""Events that the monitor hears in one go, if so many wait."""


@pytest.fixture
def machine() -> FakeMachine:
    return FakeMachine(room=2)


@pytest.fixture
def monitor(machine: FakeMachine) -> Iterator[UdevMonitor]:
    monitor = UdevMonitor(clock=lambda: 0, machine=machine)
    yield monitor
    monitor.close()


def overflow(machine: FakeMachine) -> None:
    """Both sockets are full, and more comes."""
    for _ in range(machine.room + 1):
        machine.happens("change" if OTHER in machine.devices_now else "add", OTHER)


def fields_of(told: Sequence[Event | DeviceGone]) -> list[Fields]:
    return [one.fields for one in told if isinstance(one, Event)]


def in_short(told: Sequence[Event | DeviceGone]) -> list[tuple[str, str, str]]:
    """What was told of devices but `OTHER`, which is there to overflow the sockets."""
    return [
        (one.origin.value, str(one.fields["action"]), str(one.fields["devpath"]))
        for one in told
        if isinstance(one, Event) and one.fields["devpath"] != OTHER
    ]


def after_a_loss(machine: FakeMachine, monitor: UdevMonitor, lost: Callable[[], None]) -> Sequence[Event | DeviceGone]:
    """What is told when `lost` happened while there was no room in the sockets."""
    overflow(machine)
    lost()
    return monitor.read()


def told_by_waking(monitor: UdevMonitor) -> list[Event | DeviceGone]:
    """What is told to somebody who reads when the descriptor is readable, and never else."""
    told: list[Event | DeviceGone] = []
    while select.select([monitor], [], [], 0)[0]:
        told += monitor.read()
    return told


def test_what_came_went_and_changed_unheard_is_told(machine: FakeMachine, monitor: UdevMonitor) -> None:
    machine.happens("add", "/devices/changes", ID_SERIAL="A5")
    machine.happens("add", "/devices/goes", ID_SERIAL="B6")
    machine.happens("add", "/devices/stays", TAGS=":a:b:", DEVLINKS="/dev/x /dev/y")
    monitor.watch(TTY)

    def lost() -> None:
        machine.happens("add", "/devices/comes", ID_SERIAL="C7")
        machine.happens("change", "/devices/changes", ID_SERIAL="D8", HWBRIDGE_TRIGGER="{g}")
        machine.happens("remove", "/devices/goes")
        machine.happens("change", "/devices/stays", TAGS=":b:a:", DEVLINKS="/dev/y /dev/x", USEC_INITIALIZED="1")

    told = after_a_loss(machine, monitor, lost)

    assert in_short(told) == [
        ("resync", "remove", "/devices/goes"),
        ("resync", "add", "/devices/comes"),
        ("resync", "change", "/devices/changes"),
    ]
    serials = {fields["devpath"]: fields["ID_SERIAL"] for fields in fields_of(told) if "ID_SERIAL" in fields}
    assert serials == {"/devices/goes": "B6", "/devices/comes": "C7", "/devices/changes": "D8"}
    assert monitor.report().lost == 1


def test_a_device_of_a_kind_that_is_not_listed_is_not_taken_for_gone(
    machine: FakeMachine, monitor: UdevMonitor
) -> None:
    monitor.watch(TTY)
    machine.unlisted = frozenset({PORT, "/devices/goes"})
    machine.happens("add", PORT)
    machine.happens("add", "/devices/goes")
    monitor.read()

    told = after_a_loss(machine, monitor, lambda: machine.happens("remove", "/devices/goes"))

    assert in_short(told) == [("resync", "remove", "/devices/goes")]


def test_what_is_heard_while_listing_is_not_told_as_repaired_too(machine: FakeMachine, monitor: UdevMonitor) -> None:
    machine.happens("add", "/devices/changes")
    machine.happens("add", "/devices/goes")
    monitor.watch(TTY)

    def meanwhile() -> None:
        machine.happens("remove", "/devices/goes", ID_SERIAL="its own")
        machine.happens("change", "/devices/changes", V="2")

    told = after_a_loss(machine, monitor, lambda: machine.once_meanwhile(meanwhile))

    assert in_short(told) == [("live", "remove", "/devices/goes"), ("live", "change", "/devices/changes")]


def test_when_a_device_is_heard_to_come_again_its_lost_going_is_told(
    machine: FakeMachine, monitor: UdevMonitor
) -> None:
    machine.happens("add", PORT, ID_SERIAL="A5")
    monitor.watch(TTY)

    def lost() -> None:
        machine.happens("remove", PORT)
        machine.once_meanwhile(lambda: machine.happens("add", PORT, ID_SERIAL="B6"))

    told = after_a_loss(machine, monitor, lost)

    assert in_short(told) == [("resync", "remove", PORT), ("live", "add", PORT)]
    assert [fields["ID_SERIAL"] for fields in fields_of(told) if fields["devpath"] == PORT] == ["A5", "B6"]


def test_another_device_has_nothing_of_the_one_whose_going_was_lost(machine: FakeMachine, monitor: UdevMonitor) -> None:
    monitor.watch(TTY)
    machine.happens("add", PORT, ID_SERIAL="A5")
    monitor.read()
    machine.happen("remove", {"DEVPATH": PORT})
    machine.happens("add", PORT)
    machine.happens("remove", PORT)

    gone = fields_of(monitor.read())[-1]

    assert gone["action"] == "remove"
    assert "ID_SERIAL" not in gone


def test_a_device_that_moves_while_devices_are_listed_is_not_told_twice(
    machine: FakeMachine, monitor: UdevMonitor
) -> None:
    monitor.watch(asking())
    machine.happens("add", "/devices/a")
    move = {"DEVPATH": "/devices/b", "DEVPATH_OLD": "/devices/a", "SUBSYSTEM": "tty"}
    machine.once_meanwhile(lambda: machine.tell(machine.happen("move", move)), after=2)

    told = monitor.watch(TTY)

    assert in_short(told) == [("live", "move", "/devices/b")]


def test_a_list_during_which_events_were_lost_again_repairs_nothing(machine: FakeMachine, monitor: UdevMonitor) -> None:
    monitor.watch(TTY)

    def lost() -> None:
        machine.happens("add", PORT)
        machine.once_meanwhile(lambda: overflow(machine))

    assert in_short(after_a_loss(machine, monitor, lost)) == []
    assert in_short(monitor.read()) == [("resync", "add", PORT)]
    assert monitor.report().lost == 2


def test_what_a_repair_told_is_not_told_again_when_udevd_tells_it_late() -> None:
    machine = FakeMachine(room=1)
    monitor = UdevMonitor(clock=lambda: 0, machine=machine)
    machine.happens("add", "/devices/goes", ID_SERIAL="A5")
    monitor.watch(TTY)
    going = machine.happen("remove", {"DEVPATH": "/devices/goes", "SUBSYSTEM": "tty"})
    coming = machine.happen("add", {"DEVPATH": "/devices/comes", "SUBSYSTEM": "tty"})
    machine.happens("add", PORT)
    machine.happens("change", PORT)  # for which there is no room

    told = monitor.read()
    assert {(event["action"], event["devpath"]) for event in fields_of(told)} == {
        ("add", PORT),
        ("remove", "/devices/goes"),
        ("add", "/devices/comes"),
    }
    machine.tell(going)
    assert monitor.read() == []
    machine.tell(coming)
    assert monitor.read() == []

    machine.happens("remove", "/devices/comes")
    assert [event["action"] for event in fields_of(monitor.read())] == ["remove"]
    monitor.close()


def test_what_waits_from_before_a_loss_is_told_before_the_repair() -> None:
    machine = FakeMachine(room=AT_ONCE + 10)
    monitor = UdevMonitor(clock=lambda: 0, machine=machine)
    machine.happens("add", PORT)
    machine.happens("add", "/devices/busy")
    monitor.watch(TTY)
    for _ in range(machine.room - 1):
        machine.happens("change", "/devices/busy")
    machine.happens("remove", PORT)
    machine.happens("add", PORT)  # for which there is no room

    first = fields_of(monitor.read())
    rest = fields_of(monitor.read())
    monitor.close()

    assert {fields["devpath"] for fields in first} == {"/devices/busy"}
    assert [fields["action"] for fields in rest if fields["devpath"] == PORT] == ["remove", "add"]


@pytest.mark.parametrize("waiting", range(A_GO + AT_ONCE, A_GO + A_GO + 1))
def test_the_repair_comes_though_the_last_event_was_the_last_of_one_go(waiting: int) -> None:
    machine = FakeMachine(room=waiting)
    monitor = UdevMonitor(clock=lambda: 0, machine=machine)
    machine.happens("add", "/devices/busy")
    monitor.watch(TTY)
    for _ in range(waiting):
        machine.happens("change", "/devices/busy")
    machine.happens("add", PORT)  # for which there is no room

    told = in_short(told_by_waking(monitor))
    monitor.close()

    assert told[-1] == ("resync", "add", PORT)


def test_what_was_lost_before_other_rules_asked_is_repaired(machine: FakeMachine, monitor: UdevMonitor) -> None:
    machine.happens("add", PORT)
    monitor.watch(TTY)
    overflow(machine)
    machine.happens("remove", PORT)

    told = [*monitor.watch(asking({"subsystem": ["net", "tty"]})), *told_by_waking(monitor)]

    assert in_short(told) == [("resync", "remove", PORT)]
    assert monitor.report().lost == 1


def test_however_much_comes_while_devices_are_listed_none_is_told_twice() -> None:
    machine = FakeMachine()
    monitor = UdevMonitor(clock=lambda: 0, machine=machine)
    machine.happens("add", "/devices/busy")

    def meanwhile() -> None:
        for _ in range(A_GO):
            machine.happens("change", "/devices/busy")
        machine.happens("add", PORT)

    machine.once_meanwhile(meanwhile, after=4)  # while it lists: opening its two sockets gives four occasions
    told = [*monitor.watch(TTY), *told_by_waking(monitor)]
    monitor.close()

    assert [each for each in in_short(told) if each[2] == PORT] == [("live", "add", PORT)]


def test_a_late_message_that_says_more_than_the_list_did_is_told(machine: FakeMachine, monitor: UdevMonitor) -> None:
    monitor.watch(TTY)
    coming = machine.happen("add", {"DEVPATH": PORT, "SUBSYSTEM": "tty", "ID_SERIAL": "A5"})
    del machine.devices_now[PORT]["ID_SERIAL"]  # which udevd has not written down yet
    assert in_short(after_a_loss(machine, monitor, lambda: None)) == [("resync", "add", PORT)]

    machine.tell(coming)

    assert in_short(monitor.read()) == [("live", "add", PORT)]


def test_a_synthetic_event_is_told_after_a_repair_too(machine: FakeMachine, monitor: UdevMonitor) -> None:
    monitor.watch(TTY)
    after_a_loss(machine, monitor, lambda: machine.happens("add", PORT))

    machine.happens("add", PORT, SYNTH_UUID="0")

    assert in_short(monitor.read()) == [("live", "add", PORT)]


def test_a_synthetic_event_says_that_the_device_was_there_before(machine: FakeMachine, monitor: UdevMonitor) -> None:
    machine.happens("add", PORT, ID_SERIAL="A5")
    monitor.watch(TTY)

    def lost() -> None:
        machine.once_meanwhile(lambda: machine.happens("add", PORT, SYNTH_UUID="0"))

    assert in_short(after_a_loss(machine, monitor, lost)) == [("live", "add", PORT)]
    machine.happens("remove", PORT)
    assert fields_of(monitor.read())[-1]["ID_SERIAL"] == "A5"


def test_a_look_at_everything_tells_what_nobody_could_tell(machine: FakeMachine, monitor: UdevMonitor) -> None:
    machine.happens("add", "/devices/changes", ID_SERIAL="A5")
    machine.happens("add", "/devices/goes", ID_SERIAL="B6")
    machine.happens("add", "/devices/stays")
    monitor.watch(TTY)
    machine.happen("change", {"DEVPATH": "/devices/changes", "SUBSYSTEM": "tty", "ID_SERIAL": "C7"})
    machine.happen("remove", {"DEVPATH": "/devices/goes"})
    machine.happen("add", {"DEVPATH": "/devices/comes", "SUBSYSTEM": "tty"})

    told = monitor.resync()

    assert in_short(told) == [
        ("resync", "remove", "/devices/goes"),
        ("resync", "add", "/devices/comes"),
        ("resync", "change", "/devices/changes"),
    ]
    assert fields_of(told)[0]["ID_SERIAL"] == "B6"
    assert monitor.report().lost == 0
    assert monitor.resync() == []


def test_a_look_at_everything_tells_first_what_has_come_as_it_came(machine: FakeMachine, monitor: UdevMonitor) -> None:
    monitor.watch(TTY)
    machine.room = 3 * AT_ONCE
    for subscription in machine.open:
        subscription._room = machine.room
    machine.happens("add", PORT)
    for number in range(AT_ONCE):
        machine.happens("change", PORT, V=str(number))
    machine.happens("remove", PORT)

    told = in_short(monitor.resync())

    assert {origin for origin, _, _ in told} == {"live"}
    assert told[-1] == ("live", "remove", PORT)


def test_what_a_look_at_everything_told_is_not_told_again_when_udevd_comes_to_it(
    machine: FakeMachine, monitor: UdevMonitor
) -> None:
    monitor.watch(TTY)
    late = machine.happen("add", {"DEVPATH": PORT, "SUBSYSTEM": "tty"})

    assert in_short(monitor.resync()) == [("resync", "add", PORT)]
    machine.tell(late)
    assert monitor.read() == []


def test_a_look_at_everything_in_a_storm_ends_with_one_line_and_in_the_true_state(
    machine: FakeMachine, monitor: UdevMonitor, caplog: pytest.LogCaptureFixture
) -> None:
    monitor.watch(TTY)
    overflow(machine)
    machine.happens("add", PORT)

    assert in_short(monitor.resync()) == [("resync", "add", PORT)]
    assert monitor.report().lost == 1
    assert len(caplog.messages) == 1

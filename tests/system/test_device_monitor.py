"""The monitor of whole devices on a made-up machine: what it tells, when, and what it says of itself."""

import logging
import os
import select
import stat
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from fake_device_machine import FakeDeviceMachine
from fake_machine import A_READ
from mocked_supplies import MockedSupplies, with_mocked_supplies

from bridge.mapping.interest import Interest
from bridge.mapping.match import parse_test
from bridge.mapping.rules import Rule
from bridge.model.events import DeviceGone, Event
from bridge.model.guid import Guid
from bridge.model.templates import Template
from bridge.monitors.device import LIVE, DeviceMonitor, ThisMachine
from bridge.monitors.merged import AT_ONCE
from bridge.monitors.monitor import TimedMonitor
from bridge.sources.device import DEVICE
from bridge.toml.document import Problem, parse
from bridge.toml.schema import Table, root_table
from tests.pure.plugs import MOST, NODES, QUIET, STICK, acted, plug, pull, stick, usb_device

Told = Sequence[Event | DeviceGone]
ID = "usb-1d6b:0104-LAB7"
LONG_AFTER = 60_000_000
A_GO = -(-AT_ONCE // A_READ) * A_READ
"""Uevents that the monitor hears in one go, if so many wait."""


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = LONG_AFTER

    def __call__(self) -> int:
        return self.at


def asking(*matches: dict[str, object]) -> Interest:
    """What rules with these matches ask for."""
    rules = [
        Rule(
            name=f"rule {number}",
            source=DEVICE,
            match=tuple((name, parse_test(value)) for name, value in match.items()),
            trigger=Guid.parse("{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"),
            key=Template.parse("{id}"),
        )
        for number, match in enumerate(matches)
    ]
    return Interest("device", tuple(rules))


USB = asking({"subsystem": "usb"})
NOBODY = Interest("device", ())


@pytest.fixture
def machine() -> FakeDeviceMachine:
    return FakeDeviceMachine()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def monitor(machine: FakeDeviceMachine, clock: Clock) -> Iterator[DeviceMonitor]:
    with closing(DeviceMonitor(clock=clock, machine=machine, settings={"settle": QUIET, "most": MOST})) as monitor:
        yield monitor


def in_short(told: Told) -> list[tuple[str, str, str]]:
    assert all(isinstance(one, Event) for one in told)
    return [
        (one.origin.value, str(one.fields["state"]), str(one.fields["id"])) for one in told if isinstance(one, Event)
    ]


def settled(monitor: DeviceMonitor, clock: Clock) -> Told:
    """What is told when everything that has a deadline is due."""
    told: list[Event | DeviceGone] = [*monitor.read()]
    while (due := monitor.deadline()) is not None:
        clock.at = max(due, clock.at)
        told += monitor.read()
    return told


def table_of(text: str) -> tuple[Table, list[Problem]]:
    document = parse("hwbridge.toml", text.encode())
    problems = list(document.problems)
    table = root_table(document, problems).table("device")
    assert table is not None
    return table, problems


def test_what_is_there_at_the_start_is_told_at_once(
    machine: FakeDeviceMachine, monitor: DeviceMonitor, clock: Clock
) -> None:
    machine.plays(acted("add", stick()))

    assert in_short(monitor.watch(USB)) == [("start", "arrived", ID)]
    assert monitor.deadline() is None
    assert in_short(monitor.snapshot()) == [("start", "arrived", ID)]
    assert monitor.report().devices == (ID,)


def test_a_plug_is_told_when_it_has_settled(machine: FakeDeviceMachine, monitor: DeviceMonitor, clock: Clock) -> None:
    monitor.watch(USB)
    machine.plays(plug())

    assert monitor.read() == []
    assert monitor.deadline() == clock.at + QUIET
    clock.at += QUIET
    (arrived,) = monitor.read()
    assert isinstance(arrived, Event)
    assert (arrived.at, arrived.fields["nodes"]) == (clock.at, NODES)
    assert monitor.deadline() is None
    machine.plays(pull())
    assert in_short(monitor.read()) == [("live", "left", ID)]


def test_while_nobody_asks_for_devices_nothing_wakes_it(machine: FakeDeviceMachine, monitor: DeviceMonitor) -> None:
    monitor.watch(USB)
    monitor.watch(NOBODY)
    machine.plays(plug())

    assert machine.open == []
    assert monitor.read() == []
    assert monitor.snapshot() == []
    assert monitor.resync() == []
    assert monitor.deadline() is None


def test_only_devices_that_a_rule_may_match_are_told(
    machine: FakeDeviceMachine, monitor: DeviceMonitor, clock: Clock
) -> None:
    machine.plays(acted("add", stick()))

    assert monitor.watch(asking({"vendor": "046d"}, {"subsystem": "pci"})) == []
    assert in_short(monitor.watch(asking({"vendor": "1d6b", "nodes": "*ttyACM*"}))) == [("start", "arrived", ID)]
    assert monitor.watch(asking({"ID_SERIAL_SHORT": "LAB7", "state": "left"})) == []


def test_a_reload_in_the_midst_of_a_plug_loses_nothing(
    machine: FakeDeviceMachine, monitor: DeviceMonitor, clock: Clock
) -> None:
    monitor.watch(USB)
    machine.plays(plug()[:4])
    assert monitor.watch(asking({"serial": "LAB7"})) == []
    machine.plays(plug()[4:8])

    assert in_short(settled(monitor, clock)) == [("live", "arrived", ID)]


def test_a_device_that_comes_while_devices_are_listed_is_told_once(
    machine: FakeDeviceMachine, monitor: DeviceMonitor, clock: Clock
) -> None:
    machine.once_meanwhile(lambda: machine.plays(plug()), after=2)
    told = [*monitor.watch(USB), *settled(monitor, clock)]

    assert in_short(told) == [("live", "arrived", ID)]


def test_after_lost_uevents_what_differs_is_told_and_one_line_says_so(
    machine: FakeDeviceMachine, monitor: DeviceMonitor, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    goes = usb_device("/devices/pci0000:00/usb1/1-9", 3, ID_SERIAL_SHORT="GOES")
    machine.plays(acted("add", [goes]))
    monitor.watch(USB)
    machine.room = 1
    for subscription in machine.open:
        subscription._room = 1
    machine.plays([*acted("change", [goes]), *plug(), *acted("remove", [goes])])
    with caplog.at_level(logging.WARNING):
        told = [*monitor.read(), *settled(monitor, clock)]

    assert in_short(told) == [("resync", "left", "usb-1d6b:0104-GOES"), ("resync", "arrived", ID)]
    assert monitor.report().lost == 1
    assert caplog.messages == ["uevents were lost, the kernel's queue was full: listing told 1"]


def test_what_was_lost_is_found_though_the_last_uevent_was_the_last_of_one_go(
    machine: FakeDeviceMachine, monitor: DeviceMonitor, clock: Clock
) -> None:
    machine.room = 2 * A_GO
    stays = usb_device("/devices/pci0000:00/usb1/1-9", 3, ID_SERIAL_SHORT="STAYS")
    machine.plays([*acted("add", [stays]), *acted("add", stick())])
    monitor.watch(USB)
    machine.plays([*acted("change", [stays]) * machine.room, *pull()])
    told: list[Event | DeviceGone] = []
    while select.select([monitor], [], [], 0)[0]:
        told += monitor.read()

    assert in_short(told) == [("resync", "left", ID)]


def test_however_much_comes_while_devices_are_listed_nothing_settles_before_it_is_heard(
    machine: FakeDeviceMachine, monitor: DeviceMonitor, clock: Clock
) -> None:
    machine.plays(acted("add", stick()))
    machine.once_meanwhile(lambda: machine.plays([*acted("change", stick()[:1]) * A_GO, *pull(), *plug()]), after=2)

    told = [*monitor.watch(USB), *settled(monitor, clock)]

    assert in_short(told) == [("live", "arrived", ID)]


def test_resync_tells_what_nobody_could_tell(machine: FakeDeviceMachine, monitor: DeviceMonitor, clock: Clock) -> None:
    machine.plays(acted("add", stick()))
    monitor.watch(USB)
    assert monitor.resync() == []
    machine.devices_now.clear()

    assert in_short(monitor.resync()) == [("resync", "left", ID)]
    machine.devices_now.update({device["DEVPATH"]: dict(device) for device in stick(8)})
    assert in_short(monitor.resync()) == [("resync", "arrived", ID)]
    assert monitor.report().lost == 0


def test_a_node_that_may_not_be_opened_is_named_until_its_device_leaves(
    machine: FakeDeviceMachine, monitor: DeviceMonitor, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    monitor.watch(USB)
    machine.closed = frozenset({"/dev/sda"})
    machine.plays(plug())

    told = settled(monitor, clock)

    assert in_short(told) == [("live", "arrived", ID)]
    assert told[0].at == LONG_AFTER + MOST
    (line,) = monitor.report().refused
    assert line.startswith(f"device {ID}: told as arrived, but not ready after 5s: /dev/sda (")
    assert caplog.messages == [line]
    machine.plays(pull())
    monitor.read()
    assert monitor.report().refused == ()


def test_a_device_that_udevd_is_not_done_with_is_not_told_yet(
    machine: FakeDeviceMachine, monitor: DeviceMonitor, clock: Clock
) -> None:
    machine.plays(acted("add", stick()))
    machine.unfinished = frozenset({STICK})
    assert monitor.watch(USB) == []
    machine.plays(acted("change", stick()[:1], SYNTH_UUID="0"))  # as udevd's coldplug at boot does

    assert in_short(settled(monitor, clock)) == [("start", "arrived", ID)]


def test_closing_and_reloading_leave_no_descriptor(machine: FakeDeviceMachine, clock: Clock) -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    monitor = DeviceMonitor(clock=clock, machine=machine, settings={})
    monitor.watch(USB)
    watching = sorted(os.listdir("/proc/self/fd"))
    monitor.watch(NOBODY)
    monitor.watch(USB)
    assert sorted(os.listdir("/proc/self/fd")) == watching
    monitor.close()
    monitor.close()

    assert sorted(os.listdir("/proc/self/fd")) == before


@with_mocked_supplies
def test_the_monitor_of_this_machine_tells_what_sysfs_has_and_waits_for_none_that_is_ready() -> None:
    table, problems = table_of('[device]\ngroup = "kernel"\n')
    with MockedSupplies() as machine:
        identity = {"ID_VENDOR_ID": "1d6b", "ID_MODEL_ID": "0104", "ID_SERIAL_SHORT": "LAB7"}
        machine.add_other("usb", "1-1", DEVTYPE="usb_device", DRIVER="usb", **identity)
        with closing(LIVE.open(clock=lambda: LONG_AFTER, settings=LIVE.settings(table))) as monitor:
            told = monitor.watch(USB)

            assert problems == []
            assert isinstance(monitor, TimedMonitor)
            assert in_short(told) == [("start", "arrived", ID)]
            assert [DEVICE.checked(dict(one.fields)) for one in told] == [one.fields for one in told]
            assert monitor.snapshot() == told
            assert (monitor.deadline(), monitor.report().refused) == (None, ())


def test_settings_that_make_no_sense_are_refused_with_their_lines() -> None:
    table, problems = table_of('[device]\nsettle = "2s"\nmost = "1s"\nsetle = "1s"\n')
    LIVE.settings(table)

    assert [str(problem) for problem in problems] == [
        "hwbridge.toml:3: [device] most: 1s is less than settle, 2s",
        "hwbridge.toml:4: [device] setle: unknown key; did you mean settle?",
    ]


def number_of(path: Path) -> str:
    device = path.stat().st_rdev
    return f"{os.major(device)}:{os.minor(device)}"


def test_a_node_is_openable_if_it_is_that_device_and_we_have_the_right(tmp_path: Path) -> None:
    machine, null = ThisMachine("kernel"), Path("/dev/null")
    file = tmp_path / "file"
    file.touch()

    assert machine.is_openable(str(null), number_of(null))
    assert not machine.is_openable(str(null), "1:5")
    assert not machine.is_openable("/dev/nothing", "1:3")
    assert not machine.is_openable(str(file), number_of(file))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a node and be somebody else")
def test_a_node_that_is_for_others_only_is_not_openable(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    node = Path("/dev/shm") / f"node-{os.getpid()}"
    os.mknod(node, stat.S_IFCHR | 0o600, os.makedev(1, 3))
    machine, number = ThisMachine("kernel"), number_of(node)
    try:
        assert machine.is_openable(str(node), number)
        os.seteuid(65534)
        assert not machine.is_openable(str(node), number)
    finally:
        os.seteuid(0)
        node.unlink()

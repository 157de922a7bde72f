"""Serial ports that are known by what udev says of them: whichever number they get, and when two are alike."""

import os
import threading
from collections.abc import Iterator

import pytest
from made_ports import (
    FTDI,
    GUID,
    LIKE_FTDI,
    LOST,
    OPENED,
    Device,
    MadeUdev,
    found,
    interest,
    now,
    port_at,
    port_like,
    telling,
    told,
    told_by,
)

from bridge.model.events import Origin
from bridge.monitors import serial_port
from bridge.monitors.serial import LOOK_EVERY, SerialMonitor
from bridge.monitors.serial_opening import NotOpened, Opened, Opening
from bridge.sources.modem_lines import Look


@pytest.fixture
def monitor(udev: MadeUdev) -> Iterator[SerialMonitor]:
    made = SerialMonitor(clock=now, machine=udev)
    yield made
    made.close()


@pytest.fixture
def other() -> Iterator[Device]:
    made = Device()
    yield made
    made.unplug()


def test_a_port_is_known_again_whichever_node_it_gets(
    monitor: SerialMonitor, udev: MadeUdev, device: Device, other: Device
) -> None:
    udev.plug(device, ID_SERIAL_SHORT="A50285BI")
    udev.plug(other, ID_SERIAL_SHORT="FT0123")
    (first,) = found(monitor, interest(port_like('{ ID_SERIAL_SHORT = "A50285BI" }')))
    device.unplug()
    udev.forget(device)
    lost = told(monitor)
    back = Device()
    udev.plug(back, ID_SERIAL_SHORT="A50285BI")
    again = told_by(monitor, lambda events: bool(events))
    back.send(b"175\n")

    assert (first.fields["device"], first.origin) == (device.node, Origin.START)
    assert lost == [LOST]
    assert [(event.fields["device"], telling(event), event.origin) for event in again] == [
        (back.node, OPENED, Origin.LIVE)
    ]
    assert told(monitor) == [{"line": "175"}]
    back.unplug()


def test_ids_are_hexadecimal_whatever_their_case(monitor: SerialMonitor, udev: MadeUdev, device: Device) -> None:
    udev.plug(device, ID_VENDOR_ID="04d8")

    assert [telling(event) for event in found(monitor, interest(port_like('{ ID_VENDOR_ID = "04D8" }')))] == [OPENED]


def test_of_twins_the_first_by_its_place_is_opened_and_a_warning_says_what_tells_them_apart(
    monitor: SerialMonitor, udev: MadeUdev, device: Device, other: Device, caplog: pytest.LogCaptureFixture
) -> None:
    udev.plug(device, **FTDI, ID_PATH="pci-0000:00:14.0-usb-0:2:1.0")
    udev.plug(other, **FTDI, ID_PATH="pci-0000:00:14.0-usb-0:1:1.0")
    (first,) = found(monitor, interest(port_like(LIKE_FTDI)))
    (warning,) = monitor.report().refused

    assert first.fields["device"] == other.node
    taken, left = os.path.basename(other.node), os.path.basename(device.node)
    assert warning == (
        f"serial port scanner: its match fitted 2 devices ({taken}, {left}), of which {taken} was taken: "
        "ID_PATH tells them apart"
    )
    assert caplog.messages == [warning]


def test_of_twins_the_one_that_it_was_is_opened_again(
    monitor: SerialMonitor, udev: MadeUdev, device: Device, other: Device
) -> None:
    udev.plug(device, **FTDI, ID_PATH="usb-0:2")
    (first,) = found(monitor, interest(port_like(LIKE_FTDI)))
    device.unplug()
    udev.forget(device)
    told(monitor)
    back = Device()
    udev.ttys.append({"DEVNAME": other.node, "DEVPATH": "/nowhere", **FTDI, "ID_PATH": "usb-0:1"})
    udev.plug(back, **FTDI, ID_PATH="usb-0:2")
    (again,) = told_by(monitor, lambda events: bool(events))

    assert first.fields["device"] == device.node
    assert again.fields["device"] == back.node
    back.unplug()


def test_two_ports_that_mean_the_same_kind_of_device_get_one_each(
    monitor: SerialMonitor, udev: MadeUdev, device: Device, other: Device
) -> None:
    udev.plug(device, **FTDI, ID_PATH="usb-0:1")
    udev.plug(other, **FTDI, ID_PATH="usb-0:2")
    both = found(monitor, interest(port_like(LIKE_FTDI, "one") + port_like(LIKE_FTDI, "two")))

    assert {event.fields["port"]: event.fields["device"] for event in both} == {"one": device.node, "two": other.node}


def test_twins_that_come_back_in_another_order_are_the_ports_that_they_were(
    monitor: SerialMonitor, udev: MadeUdev, device: Device, other: Device
) -> None:
    udev.plug(device, **FTDI, ID_PATH="usb-0:1")
    udev.plug(other, **FTDI, ID_PATH="usb-0:2")
    found(monitor, interest(port_like(LIKE_FTDI, "one") + port_like(LIKE_FTDI, "two")))
    for each in (device, other):
        each.unplug()
        udev.forget(each)
    told_by(monitor, lambda events: len(events) == 2)
    backs = {place: Device() for place in ("usb-0:2", "usb-0:1")}
    again = {}
    for place, back in backs.items():
        udev.plug(back, **FTDI, ID_PATH=place)
        (opened,) = told_by(monitor, lambda events: bool(events))
        again[opened.fields["port"]] = opened.fields["device"]

    assert again == {"two": backs["usb-0:2"].node, "one": backs["usb-0:1"].node}
    for back in backs.values():
        back.unplug()


def test_a_device_that_udev_says_is_gone_is_lost_though_it_did_not_hang_up(
    monitor: SerialMonitor, udev: MadeUdev, device: Device
) -> None:
    udev.plug(device, **FTDI)
    found(monitor, interest(port_like(LIKE_FTDI)))
    udev.forget(device)

    assert told(monitor) == [LOST]


def test_events_have_the_properties_of_the_device_and_its_ancestors_that_rules_ask_for(
    monitor: SerialMonitor, udev: MadeUdev, device: Device
) -> None:
    rule = f"""
        [[rule]]
        name = "acme"
        source = "serial"
        match = {{ port = "scanner", "@ID_SERIAL_SHORT" = "A50285BI" }}
        raise = "{GUID}"
        """
    udev.plug(device, ID_SERIAL_SHORT="A50285BI", ID_PATH="usb-0:1")
    (opened,) = found(monitor, interest(port_at(device.node), rule))
    device.send(b"175\n")
    (line,) = told(monitor)
    device.unplug()

    assert telling(opened) == {**OPENED, "@ID_SERIAL_SHORT": "A50285BI"}
    assert line == {"line": "175", "@ID_SERIAL_SHORT": "A50285BI"}
    assert told(monitor) == [{**LOST, "@ID_SERIAL_SHORT": "A50285BI"}]


def test_after_lost_news_every_port_is_looked_at(
    monitor: SerialMonitor, udev: MadeUdev, device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    found(monitor, interest(port_like(LIKE_FTDI)))
    udev.ttys.append({"DEVNAME": device.node, "DEVPATH": "/nowhere", **FTDI})
    assert udev.uevents is not None
    udev.uevents.tell(lost=True)
    (opened,) = told_by(monitor, lambda events: bool(events))

    assert (telling(opened), opened.origin) == (OPENED, Origin.RESYNC)
    assert monitor.report().lost == 1
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("is_there_at_first", [True, False])
def test_without_news_of_devices_a_port_is_found_by_trying_again(
    monitor: SerialMonitor, udev: MadeUdev, device: Device, is_there_at_first: bool
) -> None:
    udev.subscribes = is_there_at_first
    found(monitor, interest(port_like(LIKE_FTDI)))
    if udev.uevents is not None:
        udev.uevents.fails = True
        udev.uevents.tell(lost=True)
        monitor.read()
    udev.plug(device, **FTDI) if udev.uevents is None else udev.ttys.append({"DEVNAME": device.node, **FTDI})

    assert monitor.deadline() is not None
    assert told(monitor) == [OPENED]
    assert monitor.deadline() is None


def test_modem_lines_are_told_when_a_port_is_opened_and_when_they_change_and_only_looked_at_where_asked_for(
    monitor: SerialMonitor, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = f"""
        [[rule]]
        name = "cleared"
        source = "serial"
        match = {{ port = "scanner", signal = ["CTS", "RI"] }}
        raise = "{GUID}"
        """
    looks = [Look(0x20, {"CTS": 1, "RI": 0}), Look(0x60, {"CTS": 1, "RI": 1}), Look(0x40, {"CTS": 4, "RI": 1})]
    monkeypatch.setattr(serial_port, "look_at", lambda _: looks.pop(0) if len(looks) > 1 else looks[0])
    opened = found(monitor, interest(port_at(device.node), asking))
    deadline = monitor.deadline()
    changes = told_by(monitor, lambda events: len(events) == 3)

    assert [(telling(event), event.origin) for event in opened] == [
        (OPENED, Origin.START),
        ({"signal": "CTS", "value": 1}, Origin.START),
        ({"signal": "RI", "value": 0}, Origin.START),
    ]
    assert deadline is not None
    assert deadline <= now() + LOOK_EVERY
    assert [(telling(event), event.origin) for event in changes] == [
        ({"signal": "RI", "value": 1}, Origin.LIVE),  # a ring between two looks, which the driver counted
        ({"signal": "RI", "value": 0}, Origin.LIVE),
        ({"signal": "CTS", "value": 0}, Origin.LIVE),
    ]
    found_again = monitor.watch(interest(port_at(device.node), asking.replace('["CTS", "RI"]', '["CTS", "CD"]')))
    assert [(telling(event), event.origin) for event in found_again] == [({"signal": "CD", "value": 1}, Origin.START)]
    monitor.watch(interest(port_at(device.node), asking.replace("signal = ", "line = ")))
    assert monitor.deadline() is None


def test_after_sleep_modem_lines_are_told_that_are_otherwise(
    monitor: SerialMonitor, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serial_port, "look_at", lambda _: Look(0x20))
    found(monitor, interest(port_at(device.node)))
    monkeypatch.setattr(monitor, "_look_at", now() + 1_000_000_000)
    monkeypatch.setattr(serial_port, "look_at", lambda _: Look(0x40))

    assert [(telling(event), event.origin) for event in monitor.resync()] == [
        ({"signal": "CTS", "value": 0}, Origin.RESYNC),
        ({"signal": "CD", "value": 1}, Origin.RESYNC),
    ]


def test_a_port_of_which_the_modem_lines_cannot_be_read_any_more_is_lost(
    monitor: SerialMonitor, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serial_port, "look_at", lambda _: Look(0x20))
    found(monitor, interest(port_at(device.node)))

    def gone(descriptor: int) -> Look:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(serial_port, "look_at", gone)

    assert told(monitor) == [LOST]


def test_who_does_not_wait_for_a_slow_driver_leaves_nothing_open() -> None:
    go, done = threading.Event(), os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    reader, writer = os.pipe()

    def open_slowly() -> Opened:
        go.wait()
        return Opened(writer, is_exclusive=False)

    opening = Opening(open_slowly, done)
    opening.wait(0)
    opening.abandon()
    go.set()
    opening.wait(60)

    assert opening.outcome is None
    assert os.read(reader, 1) == b""
    with pytest.raises(BlockingIOError):
        os.eventfd_read(done)
    os.close(reader)
    os.close(done)


def test_what_was_opened_and_is_not_wanted_any_more_is_closed() -> None:
    done = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    reader, writer = os.pipe()
    opening = Opening(lambda: Opened(writer, is_exclusive=False), done)
    opening.wait(60)
    over = os.eventfd_read(done)
    opening.abandon()

    assert over == 1
    assert os.read(reader, 1) == b""
    os.close(reader)
    os.close(done)


def test_an_attempt_that_failed_says_why() -> None:
    done = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    opening = Opening(lambda: NotOpened("no"), done)
    opening.wait(60)
    opening.abandon()

    assert opening.outcome == NotOpened("no")
    os.close(done)

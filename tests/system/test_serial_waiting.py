"""When serial ports are looked at though nothing tells of them: missing ones now and then, slow ones seldom."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from made_ports import (
    FTDI,
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
from bridge.monitors.serial_port import SLOW, TIMES_AS_LONG
from bridge.sources.modem_lines import Look
from bridge.sources.serial_ports import LATEST_AFTER_HANG_UP, LATEST_RETRY, SOONEST_RETRY


@pytest.fixture
def monitor(udev: MadeUdev) -> Iterator[SerialMonitor]:
    made = SerialMonitor(clock=now, machine=udev)
    yield made
    made.close()


def test_a_port_is_looked_for_twice_a_minute_though_udev_is_to_tell_of_it_and_is_found_though_it_does_not(
    udev: MadeUdev, device: Device
) -> None:
    time = [1_000_000]
    with closing(SerialMonitor(clock=lambda: time[0], machine=udev)) as monitor:
        assert [telling(event) for event in found(monitor, interest(port_like(LIKE_FTDI)))] == [LOST]
        for _ in range(3):
            deadline = monitor.deadline()
            time[0] += LATEST_RETRY
            assert deadline == time[0]
            assert monitor.read() == []
        udev.ttys.append({"DEVNAME": device.node, **FTDI})
        time[0] += LATEST_RETRY - 1
        too_early = monitor.read()
        time[0] += 1
        (opened,) = told_by(monitor, lambda events: bool(events))

        assert too_early == []
        assert (telling(opened), opened.origin) == (OPENED, Origin.LIVE)
        assert monitor.deadline() is None


def test_a_port_that_was_lost_without_news_is_looked_for_twice_a_minute_too(
    monitor: SerialMonitor, udev: MadeUdev, device: Device
) -> None:
    udev.plug(device, **FTDI)
    found(monitor, interest(port_like(LIKE_FTDI)))
    udev.forget(device, tell=False)
    device.unplug()
    before = now()
    assert told(monitor) == [LOST]
    monitor.read()
    deadline = monitor.deadline()

    assert deadline is not None
    assert before < deadline <= now() + LATEST_RETRY


def test_while_a_port_is_missing_and_nothing_comes_it_is_looked_for_half_a_minute_later(
    monitor: SerialMonitor, device: Device, tmp_path: Path
) -> None:
    before = now()
    found(monitor, interest(port_at(device.node) + port_at(tmp_path / "missing", "missing")))
    after = now()

    assert monitor.read() == []
    deadline = monitor.deadline()
    assert deadline is not None
    assert before + LATEST_RETRY <= deadline <= after + LATEST_RETRY


def test_a_port_that_hangs_up_again_and_again_is_opened_again_within_seconds(udev: MadeUdev, tmp_path: Path) -> None:
    time = [1_000_000]
    device, pauses = Device(tmp_path / "link"), []
    with closing(SerialMonitor(clock=lambda: time[0], machine=udev)) as monitor:
        found(monitor, interest(port_at(tmp_path / "link")))
        for _ in range(9):
            device.unplug()
            device = Device(tmp_path / "link")
            assert [telling(event) for event in told_by(monitor, lambda events: bool(events))] == [LOST]
            deadline = monitor.deadline()
            assert deadline is not None
            pauses.append(deadline - time[0])
            time[0] = deadline
            assert [telling(event) for event in told_by(monitor, lambda events: bool(events))] == [OPENED]
    device.unplug()

    assert (pauses[0], pauses[-1]) == (SOONEST_RETRY, LATEST_AFTER_HANG_UP)
    assert pauses == sorted(pauses)


def test_after_a_slow_look_at_modem_lines_the_next_is_long_after_it_and_the_report_says_so(
    udev: MadeUdev, device: Device, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    time = [1_000_000]
    looks: list[Look] = []

    def slow(_: int) -> Look:
        time[0] += 2 * SLOW
        looks.append(Look(0x20))
        return looks[-1]

    monkeypatch.setattr(serial_port, "look_at", slow)
    with closing(SerialMonitor(clock=lambda: time[0], machine=udev)) as monitor:
        found(monitor, interest(port_at(device.node)))
        end = time[0] + 2 * SLOW * TIMES_AS_LONG
        reads = [monitor.read()]
        time[0] = end - 1
        reads += [monitor.read(), list(monitor.resync())]
        slowly, report = len(looks), monitor.report()
        time[0] = end + LOOK_EVERY
        reads.append(monitor.read())
        monkeypatch.setattr(serial_port, "look_at", lambda _: Look(0x40))
        time[0] += 2 * SLOW * TIMES_AS_LONG + LOOK_EVERY
        told_then = [telling(event) for event in monitor.read()]

        assert reads == [[], [], [], []]
        assert (slowly, len(looks)) == (1, 2)
        told_of = "its driver took 0.2 s to tell its modem lines: the next look is 4 s later"
        assert report.refused == (f"serial port scanner: {told_of}",)
        assert caplog.messages == [f"serial port scanner: {told_of}"]
        assert told_then == [{"signal": "CTS", "value": 0}, {"signal": "CD", "value": 1}]
        assert monitor.report().refused == ()

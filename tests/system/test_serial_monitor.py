"""The serial monitor on real pseudo-terminals: what comes in, what becomes of a port, what is left of it."""

import fcntl
import logging
import os
import select
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_ports import (
    DEADLINE_SECONDS,
    LOST,
    OPENED,
    Device,
    found,
    held_open,
    interest,
    now,
    port_at,
    telling,
    told,
    told_by,
)

from bridge.mapping.interest import Interest
from bridge.model.events import Origin
from bridge.monitors.serial import LIVE, SerialMonitor
from bridge.sources.serial import SERIAL

NOBODY = Interest("serial", ())


@pytest.fixture
def monitor() -> Iterator[SerialMonitor]:
    made = LIVE.open(clock=now, settings={})
    assert isinstance(made, SerialMonitor)
    yield made
    made.close()


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "scanner"


@pytest.fixture
def device(link: Path) -> Iterator[Device]:
    made = Device(link)
    yield made
    made.unplug()


def opened(monitor: SerialMonitor, ports: str) -> None:
    """The monitor watches ports that are all there."""
    assert {event.fields["state"] for event in found(monitor, interest(ports))} == {"opened"}, monitor.report()


def monitor_is_readable(monitor: SerialMonitor) -> None:
    assert select.select([monitor], [], [], DEADLINE_SECONDS)[0]


def test_a_port_that_is_there_is_found_opened_and_its_lines_are_told(monitor: SerialMonitor, device: Device) -> None:
    (first,) = found(monitor, interest(port_at(device.node)))
    device.send(b"175\r\n18\n")
    lines = told_by(monitor, lambda events: len(events) == 2)

    assert (first.fields, first.origin) == (
        {"port": "scanner", "device": device.node, "state": "opened"},
        Origin.START,
    )
    assert [(event.fields["line"], event.origin) for event in lines] == [("175", Origin.LIVE), ("18", Origin.LIVE)]
    assert all(SERIAL.checked({**event.fields}) == event.fields for event in (first, *lines))
    assert first.at <= lines[0].at <= lines[1].at <= now()


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        ([b"1", b"7", b"5", b"\r", b"\n"], ["175"]),
        ([b"1\r2\n3\r\n\n"], ["1", "2", "3", ""]),
        ([b"\x00\xff\xfe\x80garbage\n"], ["\\x00\\xff\\xfe\\x80garbage"]),
        ([b"\x03\x04\x11\x13\x1a\x1c\x7f\n"], ["\x03\x04\x11\x13\x1a\x1c\x7f"]),
        (["Stück 5 €\n".encode()], ["Stück 5 €"]),
    ],
)
def test_lines_come_as_they_were_sent_whatever_bytes_they_hold(
    monitor: SerialMonitor, device: Device, pieces: list[bytes], lines: list[str]
) -> None:
    opened(monitor, port_at(device.node))

    read: list[object] = []
    for piece in pieces:  # of a slow device: each is read before the next one comes
        device.send(piece)
        monitor_is_readable(monitor)
        read += [event.fields["line"] for event in monitor.read()]

    assert read == lines


@pytest.mark.parametrize(
    ("frame", "sent", "frames"),
    [
        ('{ delimiter = "0x03" }', b"\x0217\x03\x0218\x03rest", ["023137", "023138"]),
        ("{ length = 3 }", b"1234567", ["313233", "343536"]),
        (r"{ regex = '\x02[^\x03]*\x03' }", b"?\x0217\x03?\x02", ["02313703"]),
    ],
)
def test_frames_are_cut_as_the_port_is_declared(
    monitor: SerialMonitor, device: Device, frame: str, sent: bytes, frames: list[str]
) -> None:
    opened(monitor, port_at(device.node, "scanner", f"frame = {frame}"))
    device.send(sent)

    assert told(monitor, len(frames)) == [{"frame": each} for each in frames]


def test_lines_are_read_in_the_encoding_of_the_port(monitor: SerialMonitor, device: Device) -> None:
    opened(monitor, port_at(device.node, "scanner", 'encoding = "latin-1"'))
    device.send(b"caf\xe9\n")

    assert told(monitor) == [{"line": "café"}]


def test_every_line_is_replied_to(monitor: SerialMonitor, device: Device) -> None:
    opened(monitor, port_at(device.node, "scanner", 'reply = "0x06"'))
    device.send(b"175\n18\n")
    told(monitor, 2)

    assert device.receive(2) == b"\x06\x06"


def test_replies_that_nobody_takes_are_dropped_with_one_line_of_the_log(
    monitor: SerialMonitor, device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    opened(monitor, port_at(device.node, "scanner", f'reply = "{"ok" * 1000}"'))
    for number in range(100):
        device.send(b"%d\n" % number)
        assert told(monitor) == [{"line": str(number)}]

    (line,) = caplog.messages
    assert line == "serial port scanner: nothing takes what is sent: replies are dropped"


def test_a_line_that_is_too_long_is_thrown_away_counted_and_logged_once(
    monitor: SerialMonitor, device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    opened(monitor, port_at(device.node, "scanner", "max_frame = 8"))
    device.send(b"?" * 100 + b"\n" + b"!" * 100 + b"\n175\n")

    assert told(monitor) == [{"line": "175"}]
    assert monitor.report().lost == 2
    (line,) = caplog.messages
    assert line == "serial port scanner: more than 8 bytes came without the end of a frame: thrown away"


def test_a_port_that_hangs_up_is_lost_and_opened_again_when_it_is_back(
    monitor: SerialMonitor, device: Device, link: Path
) -> None:
    opened(monitor, port_at(link))
    device.send(b"whole\nhalf")
    whole = told(monitor)
    device.unplug()
    gone = told(monitor)
    back = Device(link)
    again = told_by(monitor, lambda events: bool(events))
    back.send(b"175\n")

    assert whole + gone == [{"line": "whole"}, LOST]
    assert [(telling(event), event.origin) for event in again] == [(OPENED, Origin.LIVE)]
    assert told(monitor) == [{"line": "175"}]
    back.unplug()
    assert told(monitor) == [LOST]


def test_a_port_that_is_not_there_is_known_to_be_lost_and_opened_when_it_comes(
    monitor: SerialMonitor, tmp_path: Path
) -> None:
    link = tmp_path / "by-id" / "scanner"
    first = monitor.watch(interest(port_at(link)))
    report = monitor.report()
    link.parent.mkdir()
    device = Device(link)

    assert [(event.fields, event.origin) for event in first] == [({"port": "scanner", "state": "lost"}, Origin.START)]
    assert (report.devices, report.refused) == (("scanner (not there)",), ())
    assert told(monitor) == [OPENED]
    assert monitor.report().devices == (f"scanner {device.node}",)
    device.unplug()


def test_nobody_is_woken_while_ports_are_open_and_nothing_comes(monitor: SerialMonitor, device: Device) -> None:
    found(monitor, interest(port_at(device.node)))

    assert monitor.read() == []
    assert monitor.deadline() is None


def test_a_port_that_another_process_has_open_is_named_and_opened_when_it_is_free(
    monitor: SerialMonitor, device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    with held_open(device.node) as holder:
        first = found(monitor, interest(port_at(device.node)))
        (refused,), not_open = monitor.report().refused, monitor.report().devices

    assert ([telling(event) for event in first], not_open) == ([LOST], ("scanner (not open)",))
    assert refused.startswith(f"serial port scanner: {device.node} is busy, open in python")
    assert f"(pid {holder.pid})" in refused
    assert caplog.messages == [refused]
    assert told(monitor) == [OPENED]
    assert monitor.report().refused == ()


def test_a_port_that_is_locked_is_not_opened_and_one_that_is_not_exclusive_is(
    monitor: SerialMonitor, device: Device
) -> None:
    other = os.open(device.node, os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(other, fcntl.LOCK_EX)
    locked = found(monitor, interest(port_at(device.node)))
    (refused,) = monitor.report().refused
    shared = found(monitor, interest(port_at(device.node, "scanner", "exclusive = false")))
    os.close(other)

    assert [telling(event) for event in locked] == [LOST]
    assert f"(pid {os.getpid()})" in refused
    assert [telling(event) for event in shared] == [OPENED]


def test_an_exclusive_port_can_be_opened_by_nobody_else_until_it_is_closed(
    monitor: SerialMonitor, device: Device
) -> None:
    other = os.open(device.node, os.O_RDWR | os.O_NOCTTY)
    opened(monitor, port_at(device.node))
    exclusive = fcntl.ioctl(other, 0x80045440, b"\0\0\0\0")  # TIOCGEXCL
    with pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    monitor.watch(NOBODY)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)

    assert exclusive != b"\0\0\0\0"
    assert fcntl.ioctl(other, 0x80045440, b"\0\0\0\0") == b"\0\0\0\0"
    os.close(other)


def test_two_declared_ports_do_not_share_a_device(monitor: SerialMonitor, device: Device) -> None:
    both = found(monitor, interest(port_at(device.node, "one") + port_at(device.node, "two")))

    assert {event.fields["port"]: event.fields["state"] for event in both} == {"one": "opened", "two": "lost"}
    assert monitor.report().devices == (f"one {device.node}", "two (not open)")
    (refused,) = monitor.report().refused
    assert refused == f"serial port two: {device.node} is serial port one, too, and can be one of them only"


@pytest.mark.parametrize("path", ["/dev/null", "/etc/passwd"])
def test_what_is_no_serial_port_is_not_opened(monitor: SerialMonitor, path: str) -> None:
    assert [telling(event) for event in found(monitor, interest(port_at(path)))] == [LOST]
    assert monitor.report().refused == (f"serial port scanner: {path} is no serial port",)


def test_a_port_has_the_settings_that_it_is_declared_with(monitor: SerialMonitor, device: Device) -> None:
    other = os.open(device.node, os.O_RDWR | os.O_NOCTTY)
    settings = ("baudrate = 115200", "stopbits = 2", "hupcl = true", "xonxoff = true")
    opened(monitor, port_at(device.node, "scanner", *settings))
    with_hupcl = termios.tcgetattr(other)
    opened_anew = found(monitor, interest(port_at(device.node, "scanner", "hupcl = false")))
    without = termios.tcgetattr(other)
    os.close(other)

    assert with_hupcl[4:6] == [termios.B115200, termios.B115200]
    assert with_hupcl[2] & termios.CSTOPB
    assert with_hupcl[2] & termios.HUPCL
    assert with_hupcl[0] & termios.IXON
    assert not with_hupcl[3] & (termios.ICANON | termios.ECHO | termios.ISIG)
    assert [telling(event) for event in opened_anew] == [OPENED]
    assert without[4] == termios.B9600
    assert not without[2] & (termios.HUPCL | termios.CSTOPB)


def test_a_port_that_cannot_do_what_it_is_asked_for_is_open_and_says_so(
    monitor: SerialMonitor, device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    opened(monitor, port_at(device.node, "scanner", "dtr = false", "rts = true"))

    (line,) = monitor.report().refused
    assert line == "serial port scanner: it has no modem lines: dtr and rts cannot be set"
    assert caplog.messages == [line]


def test_what_nobody_asks_for_any_more_is_closed_and_nothing_is_told_of_it(
    monitor: SerialMonitor, device: Device
) -> None:
    before = os.listdir("/proc/self/fd")
    opened(monitor, port_at(device.node))
    none = monitor.watch(NOBODY)
    device.send(b"175\n")

    assert none == []
    assert monitor.read() == []
    assert monitor.report().devices == ()
    assert os.listdir("/proc/self/fd") == before


def test_who_asks_once_more_for_the_same_port_is_told_what_came_and_the_port_stays_open(
    monitor: SerialMonitor, device: Device
) -> None:
    opened(monitor, port_at(device.node))
    device.send(b"175\nha")
    told(monitor)
    device.send(b"lf\n")
    monitor_is_readable(monitor)

    assert [telling(event) for event in monitor.watch(interest(port_at(device.node)))] == [{"line": "half"}]
    assert [telling(event) for event in monitor.snapshot()] == [OPENED]


def test_after_sleep_a_port_that_is_there_is_told_nothing_of_and_one_that_went_is_lost(
    monitor: SerialMonitor, device: Device
) -> None:
    opened(monitor, port_at(device.node))
    nothing = monitor.resync()
    device.send(b"175\n")
    monitor_is_readable(monitor)
    line = monitor.resync()
    device.unplug()

    assert nothing == []
    assert [telling(event) for event in line] == [{"line": "175"}]
    assert [telling(event) for event in monitor.resync()] == [LOST]


def test_many_ports_are_read_each_for_itself_and_leave_neither_descriptor_nor_thread(monitor: SerialMonitor) -> None:
    threads, descriptors = threading.active_count(), os.listdir("/proc/self/fd")
    devices = {f"port{number}": Device() for number in range(32)}
    all_of_them = found(monitor, interest("".join(port_at(device.node, name) for name, device in devices.items())))
    for name, device in devices.items():
        device.send(f"{name}\n".encode())
    lines = told_by(monitor, lambda events: len(events) == len(devices))
    monitor.watch(NOBODY)
    for device in devices.values():
        device.unplug()

    assert {event.fields["port"]: event.fields["state"] for event in all_of_them} == dict.fromkeys(devices, "opened")
    assert {event.fields["port"]: event.fields["line"] for event in lines} == {name: name for name in devices}
    assert threading.active_count() == threads
    assert os.listdir("/proc/self/fd") == descriptors


def test_a_port_with_unwritten_output_is_closed_at_once(monitor: SerialMonitor, device: Device) -> None:
    opened(monitor, port_at(device.node, "scanner", f'reply = "{"ok" * 2000}"'))
    for number in range(50):  # until nothing more goes in
        device.send(b"%d\n" % number)
        told(monitor)
    monitor.watch(NOBODY)

    assert monitor.report().devices == ()


def test_a_device_that_sends_without_end_does_not_keep_the_reader(monitor: SerialMonitor, device: Device) -> None:
    opened(monitor, port_at(device.node))
    stop = threading.Event()
    sender = threading.Thread(target=lambda: [device.send(b"x" * 79 + b"\n") for _ in iter(stop.is_set, True)])
    sender.start()
    try:
        told_by(monitor, lambda events: len(events) > 1000)
    finally:
        stop.set()
        while sender.is_alive():  # it may be waiting for somebody to read
            monitor.read()
            sender.join(0.01)


def test_signals_are_asked_of_no_port_that_has_none(monitor: SerialMonitor, device: Device) -> None:
    asking = """
        [[rule]]
        name = "cleared"
        source = "serial"
        match = { port = "scanner", signal = "CTS" }
        raise = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
        """
    assert [telling(event) for event in found(monitor, interest(port_at(device.node), asking))] == [OPENED]
    assert monitor.deadline() is None


def test_the_log_is_silent_about_a_port_that_comes_and_goes(
    monitor: SerialMonitor, device: Device, link: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    opened(monitor, port_at(link))
    device.unplug()
    told(monitor)
    back = Device(link)
    told(monitor)
    back.unplug()
    told(monitor)

    assert caplog.messages == []

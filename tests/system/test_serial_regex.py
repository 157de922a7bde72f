"""Serial ports whose frames an expression finds, with a device that sends what the expression has no end of."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import Daemon, hwbridge
from made_ports import LOST, OPENED, Device, found, interest, now, port_at, telling, told

from bridge.model.events import Field
from bridge.monitors.serial import LIVE, SerialMonitor

BAIT = b"a" * 60 + b"c"
"""What `(a+)+b` searches for longer than there will be devices."""
REGEX = "frame = { regex = '(a+)+b' }"


class Clock:
    """A minute is over when a test says so."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        return now() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def monitor(clock: Clock) -> Iterator[SerialMonitor]:
    made = LIVE.open(clock=clock, settings={})
    assert isinstance(made, SerialMonitor)
    yield made
    made.close()


def bait(monitor: SerialMonitor, device: Device) -> list[dict[str, Field]]:
    """What is told after the device has sent something that takes too long."""
    lost = monitor.report().lost
    device.send(BAIT)
    events: list[dict[str, Field]] = []
    while monitor.report().lost == lost:
        events += [telling(event) for event in monitor.read()]
    return events


def test_what_takes_too_long_to_search_is_thrown_away_counted_and_named(
    monitor: SerialMonitor, device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    found(monitor, interest(port_at(device.node, "scanner", REGEX)))
    nothing = bait(monitor, device)
    device.send(b"?aab")

    assert nothing == []
    assert told(monitor) == [{"frame": b"aab".hex()}]
    assert monitor.report().lost == 1
    assert caplog.messages == ["serial port scanner: the regex (a+)+b takes more than 0.1 s for what came: thrown away"]


def test_the_third_time_within_a_minute_the_port_is_closed_until_the_next_reload(
    monitor: SerialMonitor, device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    asked = interest(port_at(device.node, "scanner", REGEX))
    found(monitor, asked)
    events = [bait(monitor, device) for _ in range(3)]
    closed = monitor.report()
    quiet = (monitor.resync(), monitor.read(), monitor.deadline())
    again = found(monitor, asked)
    device.send(b"aab")

    assert events == [[], [], [LOST]]
    assert closed.devices == ("scanner (not open)",)
    (refused,) = closed.refused
    assert refused.startswith("serial port scanner: the regex (a+)+b took more than 0.1 s 3 times within a minute")
    assert "closed until the next reload" in refused
    assert caplog.messages[3:] == [refused]
    assert quiet == ([], [], None)
    assert [telling(event) for event in again] == [OPENED]
    assert told(monitor) == [{"frame": b"aab".hex()}]
    assert monitor.report().refused == ()
    assert monitor.report().lost == 3


def test_what_happened_more_than_a_minute_ago_is_forgiven(monitor: SerialMonitor, device: Device, clock: Clock) -> None:
    found(monitor, interest(port_at(device.node, "scanner", REGEX)))
    for _ in range(4):
        assert bait(monitor, device) == []
        clock.ahead += 31_000_000

    assert monitor.report().devices == (f"scanner {device.node}",)


def test_a_device_that_comes_back_is_not_forgiven_for_that(
    monitor: SerialMonitor, clock: Clock, tmp_path: Path
) -> None:
    link = tmp_path / "scanner"
    first = Device(link)
    found(monitor, interest(port_at(link, "scanner", REGEX)))
    for _ in range(2):
        bait(monitor, first)
    first.unplug()
    gone = told(monitor)
    back = Device(link)
    here = told(monitor)

    assert (gone, here) == ([LOST], [OPENED])
    assert bait(monitor, back) == [LOST]
    assert monitor.report().devices == ("scanner (not open)",)
    back.unplug()


def test_many_short_frames_at_once_are_not_too_much(
    monitor: SerialMonitor, device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    found(monitor, interest(port_at(device.node, "scanner", "frame = { regex = '[0-9]' }")))
    device.send(b"1234567890" * 400)

    assert len(told(monitor, 4000)) == 4000
    assert caplog.messages == []


RULES = """
[[serial]]
name = "scanner"
port = "{node}"
{regex}

[[rule]]
name = "all"
source = "serial"
match = {{ port = "scanner", frame = true }}
raise = "{{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}}"
"""


def test_a_daemon_goes_on_and_ends_when_it_is_told_whatever_a_device_sends(daemon: Daemon, device: Device) -> None:
    daemon.rules(RULES.format(node=device.node, regex=REGEX))
    daemon.task("say", "say frame", triggers=("{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}",))
    with daemon:
        daemon.wait_until(lambda: watched(daemon)["devices"] == [f"scanner {device.node}"], "the port is open")
        device.send(BAIT)
        daemon.wait_until(lambda: watched(daemon)["lost"] == 1, "what was sent is thrown away")
        device.send(b"aab")
        daemon.wait_for_words("frame")
        status = hwbridge("status", "--socket", daemon.socket).out
        daemon.reload()

    assert daemon.log().count("takes more than 0.1 s") == 1
    assert f"serial: scanner {device.node}; something was lost 1 time, see the log\n" in status


LINE_RULE = """
[[serial]]
name = "scanner"
port = "{node}"

[[rule]]
name = "letters"
source = "serial"
match = {{ port = "scanner", line = {{ regex = "^(a+)+$" }} }}
raise = "{{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}}"

[[rule]]
name = "numbers"
source = "serial"
match = {{ port = "scanner", line = {{ regex = "^[0-9]+$" }} }}
raise = "{{7B6C1E40-52AF-4D1D-9A30-6C5DE7F08B21}}"
"""


def test_a_rule_whose_regex_has_no_end_of_a_line_hears_nothing_of_it_and_the_others_go_on(
    daemon: Daemon, device: Device
) -> None:
    daemon.rules(LINE_RULE.format(node=device.node))
    daemon.task("letters", "say letters", triggers=("{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}",))
    daemon.task("numbers", "say number", triggers=("{7B6C1E40-52AF-4D1D-9A30-6C5DE7F08B21}",), concurrency="queue")
    with daemon:
        daemon.wait_until(lambda: watched(daemon)["devices"] == [f"scanner {device.node}"], "the port is open")
        device.send((BAIT + b"\n") * 5 + b"175\naaa\n18\n")
        daemon.wait_for_words("number", "number")
        daemon.reload()
        device.send(b"aaa\n")
        daemon.wait_for_words("number", "number", "letters")

    complaint = "the regex ^(a+)+$ of rule 'letters' (line) takes more than 0.1 s for what came: taken as no match"
    assert daemon.log().count(complaint) == 3
    assert daemon.log().count(f"{complaint}; it is not searched for any more until the next reload") == 1


def watched(daemon: Daemon) -> dict[str, object]:
    (monitor,) = [each for each in daemon.status()["monitors"] if each["source"] == "serial"]
    return dict(monitor)

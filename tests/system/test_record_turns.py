"""The recorder turn by turn, on monitors of made-up machines: what it writes is read again, and leads to the same."""

import json
import random
from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from fake_machine import FakeMachine
from made_inputs import HEADPHONE, MICROPHONE, NODE, MadeMachine, MadeUevent

from bridge.errors import DeviceError
from bridge.mapping.interest import Interest
from bridge.mapping.load.rules import load_rules
from bridge.mapping.table import RuleTable
from bridge.model.events import DeviceGone, Event
from bridge.monitors.evdev import EvdevMonitor
from bridge.monitors.evdev_decode import SYN_DROPPED, pack
from bridge.monitors.monitor import MonitorReport
from bridge.monitors.playback import Playback
from bridge.monitors.udev import UdevMonitor
from bridge.recording.jsonl import read_recording
from bridge.service.opened import OpenedMonitor
from bridge.service.recorder import Ends, Everything, Recorder
from bridge.testing.replay import Replay
from bridge.testing.transcript import json_of
from bridge.toml.document import parse

START = 3_000_000
HEADER = b'{"hwbridge-recording": 1}\n'
Told = Sequence[Event | DeviceGone]
RULES = """
[[rule]]
name = "plugged"
source = "evdev"
match = { code = "SW_HEADPHONE_INSERT", value = 1 }
raise = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
edge = true

[[rule]]
name = "anything of the jack"
source = "evdev"
match = { name = "Jack" }
raise = "{5B0E3C1D-7C26-4C39-8F0E-2D0C1F6A9E57}"
start_state = "always"

[[rule]]
name = "port"
source = "udev"
match = { subsystem = "tty", action = ["add", "remove"] }
raise = "{6E4B1C52-93D7-4F0A-8C61-5B2E7D90A3F4}"
start_state = "always"
"""


class Clock:
    """A clock that goes on by a millisecond each time it is asked."""

    def __init__(self) -> None:
        self._at = count(START, 1000)

    def __call__(self) -> int:
        return next(self._at)


class Heard:
    """What monitors told, in the order in which they did."""

    def __init__(self) -> None:
        self.events: list[Event | DeviceGone] = []

    def __call__(self, told: Told) -> Told:
        self.events += told
        return told


class HeardEvdev(EvdevMonitor):
    heard: Heard

    def watch(self, interest: Interest) -> Told:
        return self.heard(super().watch(interest))

    def read(self) -> Told:
        return self.heard(super().read())


class HeardUdev(UdevMonitor):
    heard: Heard

    def watch(self, interest: Interest) -> Told:
        return self.heard(super().watch(interest))

    def read(self) -> Told:
        return self.heard(super().read())


def everything(source: str) -> Interest:
    return Interest(source, (Everything(),))


def events_in(recording: bytes) -> list[Event | DeviceGone]:
    return list(read_recording("r.jsonl", recording.splitlines(keepends=True)))


def rules() -> RuleTable:
    table, problems = load_rules([parse("rules.toml", RULES.encode())])
    assert not problems
    return table


def outcomes(events: Iterable[Event | DeviceGone]) -> list[str | None]:
    return [json_of(outcome) for outcome in Replay(rules()).events(events)]


def started(event: Event | DeviceGone) -> Event | DeviceGone:
    """The same event as a recording that began at `START` has it."""
    if isinstance(event, DeviceGone):
        return DeviceGone(event.source, event.at - START, event.owner)
    return Event(event.source, event.at - START, event.fields, event.origin)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("asked", ["everything", "what rules ask for"])
def test_a_recording_leads_to_what_led_to_it(tmp_path: Path, seed: int, asked: str) -> None:
    chance, clock, heard = random.Random(seed), Clock(), Heard()
    inputs, machine = MadeMachine(tmp_path), FakeMachine()
    jack = inputs.plug(3, "Jack", [HEADPHONE, MICROPHONE])
    machine.happens("add", "/devices/a", ID_SERIAL="\x07\udcff")
    evdev, udev = HeardEvdev(clock=clock, machine=inputs), HeardUdev(clock=clock, machine=machine)
    evdev.heard = udev.heard = heard
    recorder = Recorder({"evdev": evdev, "udev": udev}, clock=clock, ends=Ends())
    written = recorder.begin(everything if asked == "everything" else rules().interest, {})
    here = True
    for _ in range(60):
        match chance.choice(["turn", "turn", "lose", "come or go", "port"]):
            case "turn" if here:
                code = chance.choice([HEADPHONE, MICROPHONE])
                inputs.nodes[NODE].send(code, chance.randrange(2), at=clock())
            case "lose" if here:
                inputs.nodes[NODE].values[HEADPHONE] = chance.randrange(2)
                inputs.nodes[NODE].send_bytes(pack(clock(), SYN_DROPPED, 0))
            case "come or go":
                if here:
                    inputs.unplug(jack)
                else:
                    jack = inputs.plug(3, "Jack", [HEADPHONE, MICROPHONE])
                inputs.uevents[-1].tell(MadeUevent("remove" if here else "add", jack))
                here = not here
            case "port":
                there = "/devices/b" in machine.devices_now
                machine.happens("remove" if there else "add", "/devices/b")
        written += recorder.read(["evdev"]) + recorder.read(["udev"])
    recorder.close()

    live = outcomes(map(started, heard.events))
    assert len(live) > 10
    assert outcomes(events_in(written)) == live


def test_the_recording_has_what_was_lost_and_repaired(tmp_path: Path) -> None:
    inputs, clock = MadeMachine(tmp_path), Clock()
    inputs.plug(3, "Jack", [HEADPHONE])
    recorder = Recorder({"evdev": EvdevMonitor(clock=clock, machine=inputs)}, clock=clock, ends=Ends())
    recorder.begin(everything, {})
    inputs.nodes[NODE].values[HEADPHONE] = 1
    inputs.nodes[NODE].send_bytes(pack(clock(), SYN_DROPPED, 0))

    lines = [json.loads(line) for line in recorder.read(["evdev"]).splitlines()]
    recorder.close()

    assert [(line["code"], line["value"], line["origin"]) for line in lines] == [
        ("SYN_DROPPED", 0, "live"),
        ("SW_HEADPHONE_INSERT", 1, "resync"),
    ]


def test_the_header_counts_the_devices_that_only_events_tell_of() -> None:
    machine = FakeMachine()
    machine.happens("add", "/devices/a")
    machine.happens("add", "/devices/b")
    recorder = Recorder({"udev": UdevMonitor(clock=Clock(), machine=machine)}, clock=Clock(), ends=Ends())

    header, *lines = recorder.begin(everything, {"kernel": "6.1.0"}).splitlines()
    recorder.close()

    about = {"hwbridge-recording": 1, "kernel": "6.1.0", "sources": ["udev"], "other-devices": 2, "devices": []}
    assert json.loads(header) == about
    assert len(lines) == 2


class Scripted:
    """A monitor that tells one thing a turn, then fails."""

    def __init__(self, *turns: Told) -> None:
        self._turns = list(turns)
        self.closed = False

    def fileno(self) -> int:
        return 0

    def watch(self, interest: Interest) -> Told:
        return self.read()

    def read(self) -> Told:
        if not self._turns:
            raise DeviceError("it broke")
        return self._turns.pop(0)

    def snapshot(self) -> Sequence[Event]:
        return ()

    def report(self) -> MonitorReport:
        return MonitorReport()

    def close(self) -> None:
        self.closed = True


def add(at: int, devpath: str = "/devices/a", **fields: str) -> Event:
    return Event("udev", at, {"action": "add", "devpath": devpath, **fields})


def test_a_monitor_that_fails_is_closed_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    one, other = Scripted([add(START)], []), Scripted([], [], [add(START)])
    recorder = Recorder({"one": one, "other": other}, clock=Clock(), ends=Ends())
    recorder.begin(everything, {})

    written = recorder.read(["one", "other"])

    assert (one.closed, other.closed, recorder.is_over()) == (True, False, False)
    assert written.count(b"\n") == 1
    assert caplog.messages == ["one: it broke; it is not recorded"]
    recorder.read(["other"])
    assert (recorder.is_over(), other.closed) == (True, True)


class Describing(Scripted):
    """A monitor that says something of its devices."""

    def __init__(self, described: object) -> None:
        super().__init__([add(START)], [])
        self._described = described

    def resync(self) -> Told:
        return ()

    def describe(self) -> Any:
        if isinstance(self._described, Exception):
            raise self._described
        return self._described


@pytest.mark.parametrize(
    ("described", "said"),
    [
        (ValueError("broken"), "ValueError: broken (a mistake in its code, test_record_turns.py:"),
        ([{"name": object()}], "its descriptions of devices cannot be: Object of type object is not JSON serializable"),
        (["a device"], "its descriptions of devices cannot be: a device is described by a mapping"),
        (None, "its descriptions of devices cannot be: 'NoneType' object is not iterable"),
    ],
)
def test_a_monitor_that_cannot_describe_its_devices_is_closed_and_the_others_go_on(
    described: object, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = Describing(described), Scripted([add(START)], [])
    opened = OpenedMonitor(one, 0, clock=lambda: START, is_foreign=False)
    recorder = Recorder({"one": opened, "other": other}, clock=lambda: START, ends=Ends())

    header, *lines = recorder.begin(everything, {}).splitlines()

    assert json.loads(header)["sources"] == ["other"]
    assert (one.closed, len(lines)) == (True, 1)
    assert caplog.messages[0].startswith(f"one: {said}")


def test_what_came_while_another_monitor_began_keeps_its_time() -> None:
    early, slow = Scripted([add(START)], [add(START + 10, "/b")]), Scripted([add(START + 30, "/c")], [])
    recorder = Recorder({"early": early, "slow": slow}, clock=lambda: START, ends=Ends())

    events = events_in(recorder.begin(everything, {}))

    assert [event.at for event in events] == [0, 10, 30]


def test_a_monitor_with_a_deadline_is_read_when_it_has_come() -> None:
    now = [START]
    playback = Playback("r.jsonl", [add(5), add(2_000)], lambda: now[0])
    recorder = Recorder({"play": playback}, clock=lambda: now[0], ends=Ends())
    recorder.begin(everything, {})

    assert recorder.left() == 5
    assert recorder.read([]) == b""
    now[0] += 5
    assert [event.at for event in events_in(HEADER + recorder.read([]))] == [5]
    assert recorder.left() == 1_995
    recorder.close()


@pytest.mark.parametrize(
    ("ends", "left", "over"),
    [
        (Ends(), None, False),
        (Ends(span=7_000), 2_000, False),
        (Ends(span=5_000), 0, True),
        (Ends(quiet=7_000), 5_000, False),
        (Ends(quiet=3_000, span=6_000), 1_000, False),
        (Ends(quiet=2_000), 0, True),
        (Ends(count=1), None, True),
        (Ends(count=2), None, False),
    ],
    ids=str,
)
def test_a_recording_is_over_at_the_first_end(ends: Ends, left: int | None, over: bool) -> None:
    now = [START]
    monitor = Scripted([], [], [add(START + 3_000)])
    recorder = Recorder({"udev": monitor}, clock=lambda: now[0], ends=ends)
    recorder.begin(everything, {})
    now[0] = START + 3_000
    recorder.read(["udev"])
    now[0] = START + 5_000

    assert (recorder.left(), recorder.is_over()) == (left, over)

"""A recording as a monitor: its events come at their own times after the start, to the daemon as if they were live."""

import json
import select
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import GUID, Daemon
from jack import CONNECTED, DISCONNECTED, RECORDING, RULES

from bridge.mapping.interest import Interest
from bridge.mapping.table import RuleTable
from bridge.model.events import DeviceGone, Event
from bridge.monitors.monitor import TimedMonitor
from bridge.monitors.playback import Playback

STICKS = f"""
[[rule]]
name = "stick"
source = "udev"
match = {{ action = "add", devpath = "/made-up*" }}
raise = "{GUID}"
key = "{{devpath}}"
"""
NOTHING: Interest = RuleTable([], {}).interest("evdev")


class Clock:
    """A clock that stands still until it is set, in microseconds."""

    def __init__(self) -> None:
        self.at = 5_000_000

    def __call__(self) -> int:
        return self.at


def event(at: int) -> Event:
    return Event("udev", at, {"action": "add", "devpath": f"/{at}"}, replayed=True)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def playback(clock: Clock) -> Iterator[Playback]:
    """Events at 0 s, twice at 1 s, and a device that goes at 3 s."""
    events = [event(0), event(1_000_000), event(1_000_000), DeviceGone("udev", 3_000_000, "/0", replayed=True)]
    playback = Playback("r.jsonl", events, clock)
    yield playback
    playback.close()


def test_it_is_a_monitor_that_comes_by_a_deadline_and_is_never_readable(playback: Playback) -> None:
    assert isinstance(playback, TimedMonitor)
    assert select.select([playback], [], [], 0) == ([], [], [])
    assert playback.deadline() is None
    assert playback.read() == []
    assert playback.snapshot() == ()


def test_events_come_when_they_are_due_with_the_time_at_which_they_were_due(playback: Playback, clock: Clock) -> None:
    first = playback.watch(NOTHING)
    deadlines = [playback.deadline()]
    clock.at = 5_999_999
    early = playback.read()
    clock.at = 6_000_123
    second = playback.read()
    deadlines.append(playback.deadline())
    clock.at = 60_000_000
    last = playback.read()

    assert [each.at for each in first] == [5_000_000]
    assert early == []
    assert [each.at for each in second] == [6_000_000, 6_000_000]
    assert last == [DeviceGone("udev", 8_000_000, "/0", replayed=True)]
    assert deadlines == [6_000_000, 8_000_000]
    assert playback.deadline() is None


def test_only_the_first_watch_starts_it(playback: Playback, clock: Clock) -> None:
    playback.watch(NOTHING)
    clock.at += 500_000
    again = playback.watch(NOTHING)

    assert again == []
    assert playback.deadline() == 6_000_000


def test_it_reports_its_name_until_it_has_been_played(playback: Playback, clock: Clock) -> None:
    playback.watch(NOTHING)
    before = playback.report().devices
    clock.at = 60_000_000
    playback.read()

    assert before == ("r.jsonl",)
    assert playback.report().devices == ()


def test_a_played_recording_runs_tasks_in_its_own_order_and_time(daemon: Daemon) -> None:
    daemon.rules(RULES)
    (daemon.folder / "jack.jsonl").write_text(RECORDING)
    daemon.options = (*daemon.options, "--play", "jack.jsonl", "--verbose")
    daemon.task(
        "lamp", 'say "$HWBRIDGE_DETAIL_JACK $HWBRIDGE_TRIGGER"; cat >> told', triggers=(CONNECTED, DISCONNECTED)
    )

    with daemon:
        daemon.wait_for_words(f"headphone {CONNECTED}", f"headphone {DISCONNECTED}")
        daemon.wait_until_idle()
        assert daemon.status()["events"] >= 3
        assert daemon.status()["raised"] == 2

    connected, disconnected = [json.loads(line) for line in (daemon.folder / "told").read_text().splitlines()]
    assert [connected["trigger"], disconnected["trigger"]] == [CONNECTED, DISCONNECTED]
    assert disconnected["raised_at"] - connected["raised_at"] == pytest.approx(2_213_000 - 804_000, abs=500_000)
    words = ("event (replayed) {", "raised ", "activated lamp ", "completed lamp ")
    places = [daemon.log().index(f"hwbridge: {word}") for word in words]
    assert places == sorted(places)


def write(path: Path, *events: dict[str, object]) -> Path:
    lines = [{"hwbridge-recording": 1}, *({"source": "udev", "action": "add", **each} for each in events)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_recording_may_be_played_beside_others_and_even_beside_itself(daemon: Daemon) -> None:
    daemon.rules(STICKS)
    daemon.task("stick", 'say "$HWBRIDGE_KEY"', concurrency="queue")
    one = write(daemon.folder / "udev", {"at": 0.1, "devpath": "/made-up/1"})
    two = write(daemon.folder / "two", {"at": 0, "devpath": "/made-up/0"}, {"at": 0.2, "devpath": "/made-up/2"})
    daemon.options = (*daemon.options, "--play", "udev", "--play", two, "--play", one)

    with daemon:
        daemon.wait_for_words("/made-up/0", "/made-up/1", "/made-up/1", "/made-up/2")
        daemon.wait_until_idle()
        monitors = {monitor["source"]: monitor["devices"] for monitor in daemon.status()["monitors"]}

    assert daemon.said() == ["/made-up/0", "/made-up/1", "/made-up/1", "/made-up/2"]
    assert monitors.keys() == {"udev", "play 1", "play 2", "play 3"}
    assert monitors["play 2"] == []


def test_what_a_device_calls_itself_moves_no_cursor_in_the_log(daemon: Daemon) -> None:
    daemon.rules(STICKS)
    daemon.task("stick", "say on")
    name = "\x1b[2J\x9b31m\x7f\u202e\u2028\r\n"
    recording = write(daemon.folder / "r.jsonl", {"at": 0, "devpath": f"/made-up/{name}"})
    daemon.options = (*daemon.options, "--play", recording, "--verbose")

    with daemon:
        daemon.wait_for_words("on")
        daemon.wait_until_idle()

    assert r"\x9b31m\x7f\u202e\u2028" in daemon.log()
    assert all(line.isprintable() for line in daemon.log().split("\n"))

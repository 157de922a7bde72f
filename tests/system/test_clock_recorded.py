"""The fixture clock-set is what the monitor tells: the same story, on made-up clocks, tells the same events."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from clock_heard import asking
from made_clocks import SECOND, MadeClocks
from made_zones import zone_file

from bridge.model.events import Event
from bridge.monitors.clock import QUIET, TELLS, ClockMonitor
from bridge.recording.jsonl import line_of_event

RECORDED = Path(__file__).parents[2] / "hw_fixtures" / "clock-set" / "recording.jsonl"
RULES = {"Europe/Lisbon": "WET0WEST,M3.5.0/1,M10.5.0", "America/New_York": "EST5EDT,M3.2.0,M11.1.0"}
NIGHT = datetime(2027, 3, 27, 23, tzinfo=UTC)


def test_the_monitor_tells_the_story_of_the_fixture(tmp_path: Path) -> None:
    clocks = MadeClocks(tmp_path)
    places = clocks.machine.places
    for name, rule in RULES.items():
        (places.zones / name).parent.mkdir(parents=True)
        (places.zones / name).write_bytes(zone_file(rule))
    clocks.shown = replace(clocks.shown, wall=int(NIGHT.timestamp()) * SECOND)
    began = clocks.shown.monotonic

    def move_to(name: str) -> None:
        places.localtime.unlink()
        places.localtime.symlink_to(places.zones / name)

    move_to("Europe/Lisbon")
    monitor = ClockMonitor(clock=lambda: clocks.shown.monotonic - began, machine=clocks.machine)
    told: list[Event] = [*monitor.watch(asking(*TELLS))]
    clocks.go_on(awake=1260_412_345, asleep=9 * 3600 * SECOND + 218_000)
    clocks.go_on(awake=31_218)
    told += monitor.read()
    clocks.go_on(awake=14_702_114, set_by=1_284_503)
    told += monitor.read()
    clocks.go_on(awake=5400_090_277)
    move_to("America/New_York")
    told += monitor.read()
    clocks.go_on(awake=QUIET)
    told += monitor.read()
    clocks.go_on(awake=600 * SECOND, set_by=-2 * 3600 * SECOND)
    told += monitor.read()
    monitor.close()

    assert [line_of_event(event) for event in told] == RECORDED.read_text().splitlines()[1:]

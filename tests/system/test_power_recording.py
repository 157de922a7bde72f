"""The recording of a laptop in hw_fixtures: a laptop that does the same today is told of in the same words."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mocked_supplies import MockedSupplies, with_mocked_supplies
from power_listening import COST, NOT_HIGH, POWER, listening, words

from bridge.model.events import Event
from bridge.recording.jsonl import read_recording

RECORDING = Path(__file__).parents[2] / "hw_fixtures" / "laptop-unplugged" / "recording.jsonl"

SUPPLIES: Mapping[str, Mapping[str, str]] = {
    "ADP1": {"type": "Mains", "online": "1"},
    "BAT0": {"type": "Battery", "present": "1", "status": "Charging", "capacity": "82"},
    "hidpp_battery_0": {"type": "Battery", "scope": "Device", "status": "Discharging", "capacity": "35"},
}
Step = Mapping[str, Mapping[str, str]]
STORY: Sequence[Step] = (
    {"ADP1": {"online": "0"}, "BAT0": {"status": "Discharging"}},
    {"hidpp_battery_0": {"capacity": "4"}},
    {"BAT0": {"capacity": "80"}},
    {"BAT0": {"capacity": "51"}},
    {"BAT0": {"capacity": "20"}},
    {"BAT0": {"capacity": "21"}},
    {"ADP1": {"online": "1"}, "BAT0": {"status": "Charging"}},
)
"""What changes from step to step, and is told by a uevent of each; of the last nobody is told."""


def begin(supplies: MockedSupplies) -> None:
    for name, attributes in SUPPLIES.items():
        supplies.add(name, **attributes)


def do(step: Step, supplies: MockedSupplies) -> None:
    for name, attributes in step.items():
        supplies.set(name, **attributes)
    for name in step if step is not STORY[-1] else ():
        supplies.tell(name)


@with_mocked_supplies
def test_a_laptop_tells_today_what_was_recorded() -> None:
    with MockedSupplies() as supplies, listening() as heard:
        begin(supplies)
        told = heard.watch(POWER, COST, NOT_HIGH)
        for step in STORY:
            do(step, supplies)
            told += heard.due() if step is STORY[-1] else heard.hear()

    recorded = read_recording(RECORDING.name, RECORDING.read_bytes().splitlines(keepends=True))
    assert told == words([each for each in recorded if isinstance(each, Event)])

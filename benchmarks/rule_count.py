"""What an event costs under 10 000 rules that pin different values, against 10: the rule table is indexed."""

import time
from collections.abc import Callable, Iterator

from benchmarks.declared import pipeline_of, rules_of
from benchmarks.result import Result, in_turns
from bridge.model.events import Event
from bridge.pipeline.pipeline import Pipeline

FEW, MANY = 10, 10_000
EVENTS = 20_000


def measure() -> Iterator[Result]:
    """A row for input devices by name and code, one for USB serial numbers."""
    yield _compare("evdev, by device name", "evdev", _input_match, _input_event(5))
    yield _compare("udev, by serial number", "udev", _usb_match, _usb_event(5))
    yield _compare("udev, by serial number of no rule", "udev", _usb_match, _usb_event(MANY + 1))


def _compare(name: str, source: str, match: Callable[[int], str], event: Event) -> Result:
    few, many = (pipeline_of(rules_of([match(number) for number in range(count)], source)) for count in (FEW, MANY))
    cost, baseline = in_turns(lambda: _cost(many, event), lambda: _cost(few, event))
    return Result(
        name=f"an event under {MANY} rules, {name}",
        value=cost,
        unit="us",
        against=f"{FEW} rules",
        baseline=baseline,
        at_most=1.3,
    )


def _cost(pipeline: Pipeline, event: Event) -> float:
    begin = time.perf_counter()
    for _ in range(EVENTS):
        pipeline.receive(event)
    return (time.perf_counter() - begin) / EVENTS * 1_000_000


def _input_match(number: int) -> str:
    return f'{{ code = "KEY_A", name = "Keyboard {number}", value = 1 }}'


def _input_event(number: int) -> Event:
    fields = {"device": "/dev/input/event3", "name": f"Keyboard {number}", "type": "EV_KEY", "code": "KEY_A"}
    return Event("evdev", 1, {**fields, "value": 1})


def _usb_match(number: int) -> str:
    return f'{{ subsystem = "tty", action = "add", ID_SERIAL_SHORT = "A{number:07}" }}'


def _usb_event(number: int) -> Event:
    fields = {"action": "add", "subsystem": "tty", "devpath": "/devices/usb/tty/ttyUSB0", "ID_VENDOR_ID": "0403"}
    return Event("udev", 1, {**fields, "ID_SERIAL_SHORT": f"A{number:07}"})

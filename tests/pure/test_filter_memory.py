"""What filters keep, and what they do for it: neither grows with events, keys or devices that have been."""

import heapq
from collections.abc import Iterable, Iterator

import pytest

from bridge.mapping import timers
from bridge.model.events import DeviceGone, Event, Field
from bridge.testing.replay import Replay
from tests.pure.filter_weight import weight
from tests.pure.said import table_of

ALL = """\
[[condition]]
name = "some-key"
source = "evdev"
match = { type = "EV_KEY", value = 1, since = { min = "1us" } }

[[rule]]
match = { code = "KEY_A", value = 1 }
while = [{ code = "KEY_B", value = 1 }, { not = "some-key" }]
edge = true
holdoff = "3us"

[[rule]]
match = { code = "KEY_A", value = 1, since = { below = "5us" } }
key = "{device} {since}"
holdoff = "2us"

[[rule]]
match = { code = "KEY_A", value = 1 }
until = { value = 0 }
debounce = "2us"
start_state = "if-changed"

[[rule]]
match = { code = "KEY_A" }
while = [{ code = "KEY_B" }]
hold_for = "7us"
key = "{value}"

[[rule]]
match = { code = ["KEY_A", "KEY_B", "REL_X"] }
quiet_for = "3us"
count = { min = 2 }
holdoff = "1h"

[[rule]]
source = "udev"
match = { subsystem = "block" }
while = [{ P = 1 }, "some-key"]
hold_for = "1us"
holdoff = "2us"
key = "{P}"
"""
Place = tuple[int, int, int, timers.Timed]
"""What a timer has in the queue."""
HOUR = 3_600 * 1_000_000


class Heap:
    """Counts what the queue of timers does, and how long it gets."""

    def __init__(self) -> None:
        self.pushed = self.popped = self.longest = 0

    def push(self, queue: list[Place], each: Place) -> None:
        heapq.heappush(queue, each)
        self.pushed += 1
        self.longest = max(self.longest, len(queue))

    def pop(self, queue: list[Place]) -> Place:
        self.popped += 1
        return heapq.heappop(queue)


@pytest.fixture
def heap(monkeypatch: pytest.MonkeyPatch) -> Heap:
    heap = Heap()
    monkeypatch.setattr(timers, "heappush", heap.push)
    monkeypatch.setattr(timers, "heappop", heap.pop)
    return heap


def key(at: int, value: int, code: str = "KEY_A", device: str = "kbd") -> Event:
    return Event("evdev", at, {"device": device, "type": "EV_KEY", "code": code, "value": value})


def an_hour(rule: str) -> Replay:
    """A key pressed and let go 36 000 times within an hour."""
    replay = Replay(table_of(f'[[rule]]\nmatch = {{ code = "KEY_A", value = 1 }}\n{rule}'))
    for number in range(36_000):
        list(replay.tell(key(number * HOUR // 36_000, 1 - number % 2)))
    return replay


@pytest.mark.parametrize(
    ("rule", "most"),
    [('quiet_for = "5m"', 40), ('quiet_for = "2h"', 1), ('debounce = "5m"', 40), ('debounce = "2h"', 1)],
)
def test_an_hour_in_which_a_timer_is_put_off_36_000_times_files_it_when_its_old_time_is_up_and_not_before(
    heap: Heap, rule: str, most: int
) -> None:
    an_hour(rule)

    assert 0 < heap.pushed <= most
    assert heap.longest <= 2


@pytest.mark.parametrize("rule", ["edge = true", 'holdoff = "5m"', ""])
def test_rules_that_wait_for_nothing_file_no_timers(heap: Heap, rule: str) -> None:
    an_hour(rule)

    assert heap.pushed == 0


def test_an_hour_of_presses_that_are_too_short_files_one_timer_for_each_and_forgets_it(heap: Heap) -> None:
    an_hour('hold_for = "5m"')

    assert heap.pushed <= 18_000
    assert heap.longest <= 200


def test_an_hour_of_a_keyboard_that_comes_and_goes_leaves_no_timers_behind(heap: Heap) -> None:
    replay = Replay(table_of('[[rule]]\nmatch = { code = "KEY_A", value = 1 }\ndebounce = "2h"'))
    for number in range(18_000):
        list(replay.tell(key(number * HOUR // 18_000, 1)))
        list(replay.tell(DeviceGone("evdev", number * HOUR // 18_000, "kbd")))

    assert heap.longest <= 200


def visits(devices: Iterable[int]) -> Iterator[Event | DeviceGone]:
    """Devices come, are used, and go; the higher its number, the later."""
    for number in devices:
        at, device = number * 10, f"device {number}"
        for step, (code, value) in enumerate([("KEY_B", 1), ("KEY_A", 1), ("KEY_A", 2), ("KEY_A", 0), ("KEY_A", 1)]):
            yield key(at + step, value, code, device)
        yield Event("evdev", at + 5, {"device": device, "type": "EV_REL", "code": "REL_X", "value": 1})
        yield DeviceGone("evdev", at + 6, device)
        for step, action in enumerate(("add", "remove")):
            fields: dict[str, Field] = {"action": action, "devpath": device, "subsystem": "block", "P": "1"}
            yield Event("udev", at + 7 + step, fields)


def weight_after(replay: Replay, facts: Iterable[Event | DeviceGone]) -> int:
    for _ in replay.events(facts):
        pass
    list(replay.advance(replay.now + 2 * HOUR))
    return weight(replay)


def test_devices_that_came_and_went_leave_nothing_behind() -> None:
    replay = Replay(table_of(ALL))
    weight_after(replay, visits(range(2)))
    few = weight_after(replay, visits([10**9]))
    weight_after(replay, visits(range(10**10, 10**10 + 1_000)))

    assert weight_after(replay, visits([10**11])) == few


def presses(values: Iterable[int], begin: int) -> Iterator[Event]:
    return (
        Event("evdev", begin + value, {"device": "d", "type": "EV_ABS", "code": "ABS_X", "value": value})
        for value in values
    )


@pytest.mark.parametrize("filter_", ["", 'quiet_for = "3us"', 'debounce = "3us"', 'hold_for = "3us"', "edge = true"])
def test_keys_that_raised_and_have_run_out_leave_nothing_behind(filter_: str) -> None:
    rule = f'[[rule]]\nmatch = {{ code = "ABS_X" }}\nkey = "{{value}}"\nholdoff = "1m"\n{filter_}'
    replay = Replay(table_of(rule))
    few = weight_after(replay, presses([0], 0))
    weight_after(replay, presses(range(1_000), replay.now))

    assert weight_after(replay, presses([0], replay.now)) == few

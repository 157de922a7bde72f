"""Whatever happens while the udev monitor lists, re-subscribes or overflows: in the end it told what is true."""

import logging
import select
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest
from fake_machine import FakeDevice, FakeMachine, Properties, asking
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.mapping.interest import Interest
from bridge.model.events import DeviceGone, Event, Fields, Origin
from bridge.monitors.udev import UdevMonitor


@pytest.fixture(scope="module", autouse=True)
def _no_line_for_each_loss() -> Iterator[None]:
    log = logging.getLogger("bridge.monitors.udev")
    log.disabled = True
    yield
    log.disabled = False


PATHS = tuple(f"/devices/{subsystem}{number}" for subsystem in ("tty", "input", "block") for number in (0, 1))
ASKS = (
    asking(),
    asking({"subsystem": "tty"}),
    asking({"subsystem": ["tty", "input"]}),
    asking({"action": "*"}),
)
LEVEL_FIELDS = ("V", "SUBSYSTEM", "TAGS")


class World:
    """A machine to which Hypothesis lets things happen, a monitor that watches it, and all that the monitor told."""

    def __init__(self, data: st.DataObject, *, room: int = 1 << 20, may_lag: bool) -> None:
        self._data = data
        self._may_lag = may_lag
        self._untold: deque[FakeDevice] = deque()
        self._versions = 0
        self.sent: Counter[int] = Counter()
        self.told: list[Event | DeviceGone] = []
        self.machine = FakeMachine(room=room, meanwhile=self.some_things_happen)
        self.monitor = UdevMonitor(clock=lambda: 0, machine=self.machine)
        self.state: dict[str, Properties] = {}

    def some_things_happen(self) -> None:
        for _ in range(self._data.draw(st.integers(0, 3))):
            self.something_happens()

    def something_happens(self) -> None:
        path = self._data.draw(st.sampled_from(PATHS))
        self._untold.append(self._event_at(path))
        while self._untold and not (self._may_lag and self._data.draw(st.booleans())):
            self._send(self._untold.popleft())

    def _event_at(self, path: str) -> FakeDevice:
        self._versions += 1
        new = {
            "DEVPATH": path,
            "SUBSYSTEM": path.removeprefix("/devices/")[:-1],
            "V": str(self._versions),
            "COMING": str(self._versions),
            **({"TAGS": ":hwbridge:"} if path.endswith("1") else {}),
        }
        there = self.machine.devices_now.get(path)
        if there is None:
            return self.machine.happen("add", new)
        new["COMING"] = there["COMING"]
        action = self._data.draw(st.sampled_from(["remove", "remove", "change", "synthetic add", "move"]))
        if action == "remove":
            return self.machine.happen("remove", there)
        if action == "synthetic add":
            return self.machine.happen("add", {**there, "SYNTH_UUID": "0"})
        other = path.replace("0", "2") if "0" in path else path.replace("1", "0")
        if action == "move" and "TAGS" not in there and other not in self.machine.devices_now:
            return self.machine.happen("move", {**new, "DEVPATH": other, "DEVPATH_OLD": path})
        return self.machine.happen("change", new)

    def _send(self, event: FakeDevice) -> None:
        if any(subscription.filter.passes(event.properties) for subscription in self.machine.open):
            self.sent[event.sequence_number] += 1
        self.machine.tell(event)

    def watch(self, asks: Interest) -> None:
        self.hear(self.monitor.watch(asks))
        self.state = {path: level for path, level in self.state.items() if self._is_watched(level)}

    def read(self) -> None:
        self.hear(self.monitor.read())

    def hear(self, told: Sequence[Event | DeviceGone]) -> None:
        self.told += told
        for one in told:
            if isinstance(one, DeviceGone):
                self.state.pop(one.owner, None)
            elif one.fields["action"] == "remove":
                self.state.pop(str(one.fields["devpath"]), None)
            else:
                self.state[str(one.fields["devpath"])] = _level(one.fields)

    def read_all(self) -> None:
        while self._untold:
            self._send(self._untold.popleft())
        self.machine.meanwhile = lambda: None
        while select.select([self.monitor], [], [], 0)[0]:
            self.read()

    def live_numbers(self) -> Counter[int]:
        return Counter(
            int(str(event.fields["SEQNUM"]))
            for event in self.told
            if isinstance(event, Event) and event.origin is Origin.LIVE
        )

    def truth(self) -> dict[str, Properties]:
        """The devices that are there and watched."""
        return {path: _level(now) for path, now in self.machine.devices_now.items() if self._is_watched(now)}

    def _is_watched(self, properties: Properties) -> bool:
        return any(subscription.filter.passes(properties) for subscription in self.machine.open)


def _level(properties: Fields) -> Properties:
    return {name: str(properties[name]) for name in LEVEL_FIELDS if name in properties}


def arrivals(told: Sequence[Event | DeviceGone]) -> Counter[tuple[str, str]]:
    """How often it was told that a device came to a devpath, for each coming."""
    return Counter(
        (str(one.fields["COMING"]), str(one.fields["devpath"]))
        for one in told
        if isinstance(one, Event) and one.fields["action"] == "add" and "SYNTH_UUID" not in one.fields
    )


@settings(deadline=None, max_examples=100)
@given(st.data(), st.sampled_from(ASKS))
def test_what_happens_while_devices_are_listed_is_neither_missed_nor_told_twice(
    data: st.DataObject, asks: Interest
) -> None:
    world = World(data, may_lag=False)
    world.some_things_happen()

    with closing(world.monitor):
        world.watch(asks)
        world.some_things_happen()
        world.read_all()

        assert world.state == world.truth()
        assert world.live_numbers() == world.sent
        assert set(arrivals(world.told).values()) <= {1}


@settings(deadline=None, max_examples=100)
@given(st.data(), st.lists(st.sampled_from(ASKS), min_size=2, max_size=4))
def test_a_reload_loses_nothing_that_waits_and_tells_nothing_again(data: st.DataObject, rules: list[Interest]) -> None:
    world = World(data, may_lag=False)

    with closing(world.monitor):
        for asks in rules:
            world.watch(asks)
            world.some_things_happen()
        world.read_all()

        assert world.state == world.truth()
        assert world.live_numbers() == world.sent


@settings(deadline=None, max_examples=100)
@given(st.data(), st.sampled_from(ASKS), st.integers(1, 4))
def test_after_lost_events_the_state_told_is_the_true_one(data: st.DataObject, asks: Interest, room: int) -> None:
    world = World(data, room=room, may_lag=False)

    with closing(world.monitor):
        world.watch(asks)
        for _ in range(3):
            world.some_things_happen()
            world.some_things_happen()
            world.read()
        world.read_all()

        assert world.state == world.truth()
        assert not world.live_numbers() - world.sent
        assert set(arrivals(world.told).values()) <= {1}


@settings(deadline=None, max_examples=100)
@given(st.data(), st.sampled_from(ASKS), st.integers(1, 4))
def test_a_udevd_that_tells_late_leads_to_the_true_state_too(data: st.DataObject, asks: Interest, room: int) -> None:
    world = World(data, room=room, may_lag=True)

    with closing(world.monitor):
        world.watch(asks)
        for _ in range(3):
            world.some_things_happen()
            world.read()
        world.read_all()

        assert world.state == world.truth()
        assert not world.live_numbers() - world.sent


@settings(deadline=None, max_examples=100)
@given(st.data(), st.sampled_from(ASKS), st.integers(1, 4))
def test_a_look_at_everything_at_any_moment_leads_to_the_true_state(
    data: st.DataObject, asks: Interest, room: int
) -> None:
    world = World(data, room=room, may_lag=True)

    with closing(world.monitor):
        world.watch(asks)
        for _ in range(3):
            world.some_things_happen()
            world.hear(world.monitor.resync())
        world.read_all()

        assert world.state == world.truth()
        assert not world.live_numbers() - world.sent

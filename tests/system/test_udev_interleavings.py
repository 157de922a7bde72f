"""Whatever happens while the udev monitor lists, re-subscribes or overflows: what it told in the end is what is true."""

import select
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import closing

from fake_machine import Asks, FakeDevice, FakeMachine, Properties
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.model.events import DeviceGone, Event, Origin
from bridge.monitors.udev import UdevMonitor

PATHS = tuple(f"/devices/{subsystem}{number}" for subsystem in ("tty", "input", "block") for number in (0, 1))
ASKS = (
    Asks(),
    Asks(frozenset({"tty"})),
    Asks(frozenset({"tty", "input"})),
    Asks(None),
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
        self.asked = Asks()

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
            **({"TAGS": ":hwbridge:"} if path.endswith("1") else {}),
        }
        there = self.machine.devices_now.get(path)
        if there is None:
            return self.machine.happen("add", new)
        action = self._data.draw(st.sampled_from(["remove", "remove", "change", "bind", "synthetic add", "move"]))
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

    def watch(self, asks: Asks) -> Sequence[Event | DeviceGone]:
        told = self.monitor.watch(asks)
        self.told += told
        self.asked = asks
        return told

    def read_all(self) -> None:
        while self._untold:
            self._send(self._untold.popleft())
        self.machine.meanwhile = lambda: None
        while select.select([self.monitor], [], [], 0)[0]:
            self.told += self.monitor.read()

    def live_numbers(self) -> Counter[int]:
        return Counter(
            int(str(event.fields["SEQNUM"]))
            for event in self.told
            if isinstance(event, Event) and event.origin is Origin.LIVE
        )

    def truth(self) -> dict[str, Properties]:
        return {
            devpath: _level(properties)
            for devpath, properties in self.machine.devices_now.items()
            if any(subscription.filter.passes(properties) for subscription in self.machine.open)
        }

    def told_state(self) -> dict[str, Properties]:
        state: dict[str, Properties] = {}
        for told in self.told:
            if isinstance(told, DeviceGone):
                state.pop(told.owner, None)
            elif told.fields["action"] == "remove":
                state.pop(str(told.fields["devpath"]), None)
            else:
                state[str(told.fields["devpath"])] = _level(told.fields)
        filters = [subscription.filter for subscription in self.machine.open]
        return {path: level for path, level in state.items() if any(one.passes(level) for one in filters)}


def _level(properties: object) -> Properties:
    assert isinstance(properties, dict)
    return {name: str(properties[name]) for name in LEVEL_FIELDS if name in properties}


def arrivals_of_what_is_there(told: Sequence[Event | DeviceGone]) -> Iterator[Event]:
    """Events that say a second time that a device came."""
    there: set[str] = set()
    for one in told:
        if isinstance(one, DeviceGone):
            there.discard(one.owner)
            continue
        devpath = str(one.fields["devpath"])
        if one.fields["action"] == "add" and devpath in there and "SYNTH_UUID" not in one.fields:
            yield one
        there.add(devpath)
        if one.fields["action"] == "remove":
            there.discard(devpath)


@settings(deadline=None, max_examples=150)
@given(st.data(), st.sampled_from(ASKS))
def test_what_happens_while_devices_are_listed_is_neither_missed_nor_told_twice(
    data: st.DataObject, asks: Asks
) -> None:
    world = World(data, may_lag=False)
    world.some_things_happen()

    with closing(world.monitor):
        world.watch(asks)
        world.some_things_happen()
        world.read_all()

        assert world.told_state() == world.truth()
        assert world.live_numbers() == world.sent
        assert list(arrivals_of_what_is_there(world.told)) == []


@settings(deadline=None, max_examples=150)
@given(st.data(), st.lists(st.sampled_from(ASKS), min_size=2, max_size=4))
def test_a_reload_loses_nothing_that_waits_and_tells_nothing_again(data: st.DataObject, reloads: list[Asks]) -> None:
    world = World(data, may_lag=False)

    with closing(world.monitor):
        for asks in reloads:
            world.watch(asks)
            world.some_things_happen()
        world.read_all()

        assert world.told_state() == world.truth()
        assert world.live_numbers() == world.sent


@settings(deadline=None, max_examples=150)
@given(st.data(), st.sampled_from(ASKS), st.integers(1, 4))
def test_after_lost_events_the_state_told_is_the_true_one(data: st.DataObject, asks: Asks, room: int) -> None:
    world = World(data, room=room, may_lag=False)

    with closing(world.monitor):
        world.watch(asks)
        for _ in range(3):
            world.some_things_happen()
            world.some_things_happen()
            world.told += world.monitor.read()
        world.read_all()

        assert world.told_state() == world.truth()
        assert not world.live_numbers() - world.sent
        assert list(arrivals_of_what_is_there(world.told)) == []


@settings(deadline=None, max_examples=150)
@given(st.data(), st.sampled_from(ASKS), st.integers(1, 4))
def test_a_udevd_that_tells_late_leads_to_the_true_state_too(data: st.DataObject, asks: Asks, room: int) -> None:
    world = World(data, room=room, may_lag=True)

    with closing(world.monitor):
        world.watch(asks)
        for _ in range(3):
            world.some_things_happen()
            world.told += world.monitor.read()
        world.read_all()

        assert world.told_state() == world.truth()
        assert not world.live_numbers() - world.sent

"""Whatever happens while devices are listed, heard of and lost, each is told to arrive and to leave in turn."""

import logging
import select
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing

import pytest
from fake_device_machine import FakeDeviceMachine
from hypothesis import given, settings
from hypothesis import strategies as st
from made_devices import at_port

from bridge.mapping.interest import Interest
from bridge.mapping.match import parse_test
from bridge.mapping.rules import Rule
from bridge.model.events import DeviceGone, Event, Origin
from bridge.model.guid import Guid
from bridge.model.templates import Template
from bridge.monitors.device import DeviceMonitor
from bridge.sources.device import DEVICE
from tests.pure.plugs import MOST, QUIET, plug, pull

PORTS = (3, 4, 5)
USB = Interest(
    "device",
    (
        Rule(
            name="usb",
            source=DEVICE,
            match=(("subsystem", parse_test("usb")),),
            trigger=Guid.parse("{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"),
            key=Template.parse("{id}"),
        ),
    ),
)


@pytest.fixture(autouse=True, scope="module")
def no_log() -> Iterator[None]:
    """Each loss is a line; here are thousands."""
    log = logging.getLogger("bridge.monitors.device")
    log.disabled = True
    yield
    log.disabled = False


class World:
    """A machine at which sticks come and go uevent by uevent, also while the monitor looks, and all that it told."""

    def __init__(self, data: st.DataObject, room: int) -> None:
        self._data = data
        self._number = 10
        self._scripts: dict[int, deque[Mapping[str, str]]] = {port: deque() for port in PORTS}
        self._plugged: dict[int, int] = {}
        self._at = 60_000_000
        self.told: list[Event] = []
        self._occasions = 0
        self.machine = FakeDeviceMachine(room=room, meanwhile=self.on_an_occasion)
        self.monitor = DeviceMonitor(
            clock=lambda: self._at, machine=self.machine, settings={"settle": QUIET, "most": MOST}
        )

    def some_things_happen(self) -> None:
        self._occasions = self._data.draw(st.integers(0, 8))
        port = self._data.draw(st.sampled_from(PORTS))
        for _ in range(self._data.draw(st.integers(0, 30))):
            self._one_happens(port)

    def on_an_occasion(self) -> None:
        """While the monitor looks, the next things happen at some port, as often as there is occasion."""
        if self._occasions:
            self._occasions -= 1
            port = self._data.draw(st.sampled_from(PORTS))
            for _ in range(self._data.draw(st.integers(0, 12))):
                self._one_happens(port)

    def time_goes_on(self) -> None:
        self._at += self._data.draw(st.sampled_from([1, QUIET // 2, QUIET, MOST]))

    def hear(self, told: Sequence[Event | DeviceGone]) -> None:
        self.told += [one for one in told if isinstance(one, Event)]

    def end(self) -> None:
        """Every plug is pushed in or pulled out to its end, and all is heard."""
        self.machine.meanwhile = lambda: None
        for port, script in self._scripts.items():
            while script:
                self._one_happens(port)
        while select.select([self.monitor], [], [], 0)[0]:
            self.hear(self.monitor.read())
        while (due := self.monitor.deadline()) is not None:
            self._at = max(due, self._at)
            self.hear(self.monitor.read())

    def truth(self) -> dict[str, str]:
        return {f"usb-1d6b:0104-LAB-{port}": f"{number:03}" for port, number in self._plugged.items()}

    def levels(self) -> dict[str, str]:
        levels: dict[str, str] = {}
        for event in self.told:
            known = str(event.fields["id"])
            assert (event.fields["state"] == "left") == (known in levels), "arrived and left take turns"
            if levels.pop(known, None) is None:
                levels[known] = str(event.fields["nodes"]).split()[0].rpartition("/")[2]
        return levels

    def _one_happens(self, port: int) -> None:
        script = self._scripts[port]
        if not script:
            if port in self._plugged:
                script += at_port(pull(self._plugged.pop(port)), port)
            else:
                self._number += 1
                self._plugged[port] = self._number
                script += at_port(plug(self._number), port)
        self.machine.plays([script.popleft()])


@settings(deadline=None, max_examples=60)
@given(st.data(), st.sampled_from([1, 4, 16, 1 << 20]), st.integers(1, 6))
def test_what_is_told_takes_turns_and_ends_in_the_truth(data: st.DataObject, room: int, steps: int) -> None:
    world = World(data, room)
    world.some_things_happen()

    with closing(world.monitor):
        world.hear(world.monitor.watch(USB))
        for _ in range(steps):
            world.some_things_happen()
            world.time_goes_on()
            look = data.draw(st.sampled_from([world.monitor.read, world.monitor.resync]))
            world.hear(look())
        world.end()

        assert world.levels() == world.truth()


@settings(deadline=None, max_examples=60)
@given(st.data(), st.integers(1, 6))
def test_without_a_loss_nothing_is_told_as_repaired(data: st.DataObject, steps: int) -> None:
    world = World(data, 1 << 20)

    with closing(world.monitor):
        world.hear(world.monitor.watch(USB))
        for _ in range(steps):
            world.some_things_happen()
            world.time_goes_on()
            world.hear(world.monitor.read())
        world.end()

        assert world.levels() == world.truth()
        assert Origin.RESYNC not in {event.origin for event in world.told}

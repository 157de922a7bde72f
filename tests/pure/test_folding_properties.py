"""However uevents of plugs are split, mixed and lost: each device arrives once, leaves once, and the end is true."""

from collections import Counter, deque
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.model.events import Origin
from bridge.sources.physical import node_of
from tests.pure.plugs import HUB, MOST, QUIET, STICK, Desk, Properties, acted, plug, pull, stick

ID = "usb-1d6b:0104-LAB7"
PORTS = ("1-1.2", "1-1.3", "1-1.4")


@st.composite
def mixed(draw: st.DrawFn, messages: Sequence[Properties]) -> list[Properties]:
    """These uevents in another order: what is said of one kernel device stays in its order."""
    queues: dict[str, deque[Properties]] = {}
    for message in messages:
        queues.setdefault(message["DEVPATH"], deque()).append(message)
    order = draw(st.permutations([message["DEVPATH"] for message in messages]))
    return [queues[devpath].popleft() for devpath in order]


@given(mixed(plug()), mixed(pull()), st.lists(st.integers(0, QUIET - 1), min_size=len(plug()), max_size=len(plug())))
def test_a_plug_in_any_order_and_at_any_pace_is_one_device(
    coming: list[Properties], going: list[Properties], pauses: list[int]
) -> None:
    desk = Desk()
    for heard, (message, pause) in enumerate(zip(coming, pauses, strict=True)):
        desk.hear([message])
        knows_the_stick = any(each["DEVPATH"] == STICK for each in coming[: heard + 1])
        desk.wait(pause if knows_the_stick else 0)  # udevd tells of nothing long before what is above it
    desk.wait(QUIET)
    for message in going:
        desk.hear([message])
    desk.wait(MOST)

    assert desk.in_short() == [("live", "arrived", ID), ("live", "left", ID)]


@given(mixed(plug()), mixed(pull()), st.integers(0, 40), st.integers(0, QUIET - 1))
def test_one_that_goes_while_it_comes_is_never_told(
    coming: list[Properties], going: list[Properties], heard: int, pause: int
) -> None:
    desk = Desk()
    desk.hear(coming[:heard])
    desk.wait(pause)
    desk.hear(coming[heard:])
    desk.hear(going)
    desk.wait(MOST)

    assert desk.told == []
    assert desk.folding.deadline is None


def at_port(devices: Sequence[Properties], port: str) -> list[Properties]:
    """The same, of a stick with another serial number that is plugged in there."""
    place = STICK.rpartition("/")[2]
    return [
        {
            name: value.replace(place, port).replace("LAB7", f"LAB-{port}").replace("/dev/", f"/dev/{port}-")
            for name, value in device.items()
        }
        for device in devices
    ]


class World:
    """Sticks that come and go at ports, a kernel that tells of it in order, and a queue that may overflow."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data
        self._plugged: dict[str, int] = {}
        self._forgotten: Counter[str] = Counter()
        self._number = 10
        self._untold: deque[Properties] = deque()
        self.desk = Desk()
        self.steps = (self.something_happens, self.udevd_is_made_to_forget_one, self.some_is_heard)

    def something_happens(self) -> None:
        port = self._data.draw(st.sampled_from(PORTS))
        if port in self._plugged:
            self._untold += self._seen(pull(self._plugged.pop(port)), port)
        else:
            self._number += 1
            self._plugged[port] = self._number
            self._forgotten[port] = 0
            self._untold += self._seen(plug(self._number), port)

    def udevd_is_made_to_forget_one(self) -> None:
        """`udevadm trigger --action=remove`: of what udevd sees of it later, it takes the time for the first."""
        if self._plugged:
            port = self._data.draw(st.sampled_from([*self._plugged]))
            self._untold += self._seen(acted("remove", stick(self._plugged[port]), SYNTH_UUID="0"), port)
            self._forgotten[port] += 1

    def some_is_heard(self) -> None:
        for _ in range(self._data.draw(st.integers(0, len(self._untold)))):
            self.desk.hear([self._untold.popleft()])
        self.desk.wait(self._data.draw(st.sampled_from([0, 1, QUIET - 1, QUIET, MOST])))

    def the_rest_is_lost(self) -> None:
        """And what is there now is listed; of that, nothing is heard any more."""
        self._untold.clear()
        there = [device for port, number in self._plugged.items() for device in self._seen(stick(number), port)]
        hub = {"DEVPATH": HUB, "SUBSYSTEM": "usb", "DEVTYPE": "usb_interface"}
        nodes = [node_of(device, is_initialised=True) for device in [hub, *there]]
        self.desk.told += self.desk.folding.find(nodes, self.desk.at, Origin.RESYNC)

    def all_is_heard(self) -> None:
        self.desk.hear(self._untold)
        self._untold.clear()
        self.desk.wait(MOST)

    def _seen(self, devices: Sequence[Properties], port: str) -> list[Properties]:
        later = 100_000 * self._forgotten[port]
        return [
            {**device, "USEC_INITIALIZED": str(int(device["USEC_INITIALIZED"]) + later)}
            if "DEVNAME" in device
            else device
            for device in at_port(devices, port)
        ]

    def truth(self) -> dict[str, str]:
        return {f"usb-1d6b:0104-LAB-{port}": f"{number:03}" for port, number in self._plugged.items()}


@settings(deadline=None)
@given(st.data(), st.integers(1, 12))
def test_after_lost_events_exactly_what_is_there_has_arrived(data: st.DataObject, steps: int) -> None:
    world = World(data)
    for _ in range(steps):
        step = data.draw(st.sampled_from([*world.steps, world.the_rest_is_lost]))
        step()
    world.all_is_heard()

    there: dict[str, str] = {}
    for event in world.desk.told:
        known = str(event.fields["id"])
        assert (event.fields["state"] == "left") == (known in there), "arrived and left take turns"
        if there.pop(known, None) is None:
            there[known] = str(event.fields["nodes"]).split()[0].rpartition("/")[2]
    assert there == world.truth()


@settings(deadline=None)
@given(st.data(), st.integers(1, 12))
def test_what_is_lost_is_told_as_repaired_and_nothing_else_is(data: st.DataObject, steps: int) -> None:
    world = World(data)
    for _ in range(steps):
        step = data.draw(st.sampled_from(world.steps))
        step()
    world.all_is_heard()

    assert {origin for origin, _, _ in world.desk.in_short()} <= {"live"}


def test_the_events_of_sticks_at_other_ports_do_not_delay_each_other() -> None:
    desk = Desk()
    first, second = (at_port(plug(), port) for port in PORTS[:2])
    desk.hear(first)
    for message in second:
        desk.wait(QUIET // len(second))
        desk.hear([message])
    desk.wait(QUIET // len(second))

    assert desk.in_short() == [("live", "arrived", f"usb-1d6b:0104-LAB-{PORTS[0]}")]
    desk.hear(acted("remove", at_port(stick(), PORTS[1])[:1]))
    assert desk.folding.deadline is None

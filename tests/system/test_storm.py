"""20 000 uevents at a reader that stalls: in the end every rule is true or false exactly as its device is.

The queues are small, so that most is lost; what is heard of a storm is its beginning.
"""

import select
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from fake_udevd import RUN, FakeUdevd, write_down
from made_devices import MadeDevices, at_port
from namespace import in_namespace

from bridge.mapping.load.rules import load_rules
from bridge.model.events import DeviceGone, Event
from bridge.monitors.device import DeviceMonitor
from bridge.monitors.merged import Filter
from bridge.monitors.monitor import Monitor, TimedMonitor
from bridge.monitors.udev import Libudev, UdevMonitor
from bridge.monitors.uevents import UeventSocket
from bridge.pipeline.facts import Declared
from bridge.pipeline.pipeline import Pipeline
from bridge.service.clock import monotonic
from bridge.toml.document import parse
from tests.pure.plugs import acted, plug, pull, stick

STORM = 20_000
SMALL = 64 << 10
MEM = "/devices/virtual/mem"
NET = "/devices/virtual/net"
needs_ip = pytest.mark.skipif(shutil.which("ip") is None, reason="ip (iproute2) is not installed")
Matches = Mapping[str, str]
"""Conditions by name: each is true while a device is there that its match matches."""


class SmallQueues(Libudev):
    """Libudev with sockets that a few hundred events overflow."""

    def subscribe(self, one: Filter) -> UeventSocket:
        return UeventSocket(group=self.group, subsystems=one.subsystems, tag=one.tag, receive_buffer=SMALL)


class Listener:
    """A monitor of `source`, and a pipeline that hears all that it tells."""

    def __init__(self, source: str, monitor: Monitor, matches: Matches) -> None:
        rules = "".join(
            f'[[condition]]\nname = "{name}"\nsource = "{source}"\nmatch = {{ {match} }}\n'
            f'[[rule]]\nname = "{name}"\nsource = "{source}"\nmatch = {{ {match} }}\nedge = true\n'
            'raise = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"\n'
            for name, match in matches.items()
        )
        table, problems = load_rules([parse("storm.toml", rules.encode())])
        assert problems == []
        self.monitor = monitor
        self.told: list[Event | DeviceGone] = []
        self._conditions = tuple(matches)
        self._pipeline = Pipeline(lambda: "")
        self._pipeline.receive(Declared(at=0, rules=table, tasks=()))
        self._hear(monitor.watch(self._pipeline.interest(source)))

    def read_all(self) -> None:
        """Hears until nothing waits, and nothing has a deadline."""
        while self._is_readable():
            self._hear(self.monitor.read())

    def levels(self) -> dict[str, bool]:
        """Which of the conditions hold; one of which nothing is known does not."""
        states = {name: self._pipeline.state_of(name) for name in self._conditions}
        return {name: state is not None and state.holds for name, state in states.items()}

    def _is_readable(self) -> bool:
        due = self.monitor.deadline() if isinstance(self.monitor, TimedMonitor) else None
        seconds = 0.0 if due is None else max(0, due - monotonic()) / 1e6 + 0.001
        return bool(select.select([self.monitor], [], [], seconds)[0]) or due is not None

    def _hear(self, told: Iterable[Event | DeviceGone]) -> None:
        for one in told:
            self.told.append(one)
            self._pipeline.receive(one)


@in_namespace
def test_a_storm_of_udevds_events_ends_in_the_true_state() -> None:
    real = sorted(path.name for path in Path("/sys/class/mem").iterdir())
    names = [*real, *(f"ghost{number}" for number in range(50))]
    numbers = {name: (Path("/sys/class/mem") / name / "dev").read_text().strip() for name in real}
    for name in real:
        write_down(f"c{numbers[name]}", tags=["hwbridge"], STATE="off")
    matches = {
        **{f"{name} is there": f'devpath = "{MEM}/{name}"' for name in names},
        **{f"{name} is on": f'devpath = "{MEM}/{name}", STATE = "on"' for name in names},
    }
    with FakeUdevd() as udevd, closing(UdevMonitor(clock=monotonic, machine=SmallQueues("udev"))) as monitor:
        listener = Listener("udev", monitor, {name: f'subsystem = "mem", {match}' for name, match in matches.items()})
        assert listener.levels() == {name: name in {f"{each} is there" for each in real} for name in matches}

        state: dict[str, str] = dict.fromkeys(real, "off")
        for step in range(STORM):
            name = names[step % len(names)]
            now = ("on", "off")[(step + step // len(names)) % 2]
            action = "change" if name in real else "remove" if name in state else "add"
            udevd.send(action, f"{MEM}/{name}", "mem", tags=["hwbridge"] if name in real else [], STATE=now)
            state[name] = now
            if action == "remove":
                del state[name]
        for name in real:  # what udevd has written down by the end
            (RUN / "data" / f"c{numbers[name]}").unlink()
            write_down(f"c{numbers[name]}", tags=["hwbridge"], STATE=state[name])
        there = {name: state[name] for name in real}  # sysfs does not have the others: their going was lost
        listener.read_all()

        assert listener.levels() == {
            **{f"{name} is there": name in there for name in names},
            **{f"{name} is on": there.get(name) == "on" for name in names},
        }
        assert {"on", "off"} <= set(there.values()), "a storm that ends with all devices alike shows little"
        assert monitor.report().lost > 0
        assert len(listener.told) < STORM // 2


@needs_ip
@in_namespace
def test_a_storm_of_the_kernels_own_events_ends_in_the_true_state() -> None:
    links = [f"x{number}" for number in range(60)]
    matches = {name: f'subsystem = "net", INTERFACE = "{name}"' for name in [*links, *(f"y{link}" for link in links)]}
    numbered = Path("/sys/kernel/uevent_seqnum")
    with closing(UdevMonitor(clock=monotonic, machine=SmallQueues("kernel"))) as monitor:
        listener = Listener("udev", monitor, matches)
        before = int(numbered.read_text())

        _ip(f"link add {link} type bridge" for link in links)
        for _ in range(STORM // len(links)):
            for link in links:
                Path(f"/sys/class/net/{link}/uevent").write_text("change")
        _ip(line for link in links for line in (f"link set {link} name z{link}", f"link set z{link} name {link}"))
        _ip(f"link del {link}" for link in links[::3])
        _ip(f"link set {link} name y{link}" for link in links[1::3])
        assert int(numbered.read_text()) - before >= STORM
        listener.read_all()

        there = {path.name for path in Path("/sys/class/net").iterdir() if path.is_dir()}
        assert listener.levels() == {name: name in there for name in matches}
        assert {*links[1::3]}.isdisjoint(there)
        assert {*links[2::3]} <= there
        assert monitor.report().lost > 0


@in_namespace
def test_a_storm_of_plugs_ends_in_exactly_the_devices_that_are_there() -> None:
    ports = range(2, 30)
    machine = MadeDevices()
    monitor = DeviceMonitor(clock=monotonic, machine=machine, settings={"settle": 10_000, "most": 1_000_000})
    matches = {f"LAB-{port}": f'state = "arrived", serial = "LAB-{port}"' for port in ports}
    with closing(monitor):
        for port in ports[::2]:
            machine.plays(at_port(plug(), port))
        listener = Listener("device", monitor, matches)
        listener.read_all()
        assert listener.levels() == {f"LAB-{port}": port in ports[::2] for port in ports}
        first = [one.fields["id"] for one in listener.told if isinstance(one, Event)]

        sent, plugged, number = 0, dict.fromkeys(ports[::2], 7), 7
        while sent < STORM:
            port = ports[number * 5 % len(ports)]
            number += 1
            events = pull(plugged.pop(port)) if port in plugged else plug(number)
            if events[0]["ACTION"] == "add":
                plugged[port] = number
            machine.plays(at_port(events, port))
            sent += len(events)
        listener.read_all()

        assert listener.levels() == {f"LAB-{port}": port in plugged for port in ports}
        assert 0 < len(plugged) < len(ports)
        assert monitor.report().lost > 0
        taken_turns: set[object] = set()
        for one in listener.told:
            assert isinstance(one, Event)
            assert (one.fields["state"] == "left") == (one.fields["id"] in taken_turns)
            taken_turns ^= {one.fields["id"]}
        assert first
        assert taken_turns == {f"usb-1d6b:0104-LAB-{port}" for port in plugged}
        machine.plays(at_port(acted("remove", reversed(stick(plugged[min(plugged)]))), min(plugged)))
        assert [one.fields["state"] for one in monitor.read() if isinstance(one, Event)] == ["left"]
        machine.end()


def _ip(lines: Iterable[str]) -> None:
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines) + "\n", text=True, check=True)

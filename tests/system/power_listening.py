"""Listening to the monitor of power with a clock that stands still until the monitor's own time is due."""

import select
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

from bridge.mapping.asking import interest_of
from bridge.mapping.interest import Interest
from bridge.mapping.load.rules import load_rules
from bridge.model.events import Event
from bridge.monitors.power import PowerMonitor, connect_upower
from bridge.monitors.power_machine import Machine, ThisMachine
from bridge.monitors.power_settings import PowerSettings
from bridge.monitors.upower import UPower
from bridge.toml.document import parse

BEGIN = 1_000_000
DEADLINE_SECONDS = 30
POWER, COST, NOT_HIGH = "PowerStateChange", "BackgroundWorkCostChange", "BackgroundWorkCostNotHigh"
CALM = PowerSettings(pressure={}, upower=False)
"""Settings by which only supplies count: whatever else this machine does meanwhile is of no matter."""


def asking_for(*names: str) -> Interest:
    """The interest of a rule that wants these names of the source `system`; of no rule without any."""
    listed = ", ".join(f'"{name}"' for name in names)
    text = f'[[rule]]\nname = "r"\nsource = "system"\nmatch = {{ name = [{listed}] }}\n'
    text += 'raise = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"\n'
    table, problems = load_rules([parse("rules.toml", (text if names else "").encode())])
    assert not problems
    return interest_of("system", table)


def words(events: Sequence[Event]) -> list[str]:
    """Events as `power 1 80 Charging` (mains, capacity, status), `cost 2`, `not high 0`; with origins but `live`."""
    return [_word(event) for event in events]


def _word(event: Event) -> str:
    name, *rest = (str(value) for value in event.fields.values())
    origin = [] if event.origin == "live" else [f"({event.origin})"]
    return " ".join([{POWER: "power", COST: "cost", NOT_HIGH: "not high"}[name], *rest, *origin])


class Listening:
    """A monitor, and its time."""

    def __init__(self, monitor: PowerMonitor, time: list[int]) -> None:
        self.monitor = monitor
        self._time = time

    def watch(self, *names: str) -> list[str]:
        """Watches for these names from now on."""
        return words(self.monitor.watch(asking_for(*names)))

    def read(self) -> list[str]:
        """What the monitor has to tell, at the time that it is."""
        return words(self.monitor.read())

    def is_woken(self, seconds: float = DEADLINE_SECONDS) -> bool:
        """Whether the monitor can be read, within this time."""
        return bool(select.select([self.monitor], [], [], seconds)[0])

    def hear(self) -> list[str]:
        """Waits until the monitor is woken; what it has to tell when uevents are over."""
        assert self.is_woken()
        return [*self.read(), *self.due()]

    def hear_until(self, last: str) -> list[str]:
        """Everything that is told, each when uevents are over, until this is."""
        told: list[str] = []
        while told[-1:] != [last]:
            assert self.is_woken(), f"waited for {last!r}, told was {told}"
            told += self.read()
            if self.left() is not None:
                told += self.due()
        return told

    def left(self) -> int | None:
        """The microseconds to the monitor's deadline."""
        deadline = self.monitor.deadline()
        return None if deadline is None else deadline - self._time[0]

    def due(self) -> list[str]:
        """What the monitor tells at its deadline."""
        deadline = self.monitor.deadline()
        assert deadline is not None
        self.later(deadline - self._time[0])
        return self.read()

    def later(self, microseconds: int) -> None:
        """Lets time go by."""
        self._time[0] += microseconds


@contextmanager
def listening(
    settings: PowerSettings = CALM,
    machine: Machine | None = None,
    connect: Callable[[], UPower | None] = connect_upower,
) -> Iterator[Listening]:
    """A monitor of this machine, or of one that is made up; nothing is watched yet."""
    time = [BEGIN]
    monitor = PowerMonitor(clock=lambda: time[0], settings=settings, machine=machine or ThisMachine(), connect=connect)
    with closing(monitor):
        yield Listening(monitor, time)

"""What work in the background costs now: Windows' `BackgroundWorkCostValue`. Nothing here reads a battery or a clock.

It is low on mains, medium on battery, and high on a battery that is low, or while something is short: processor, memory
or disk. What begins at one value ends at another, so that it does not flap.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from bridge.sources.power import Power

CHANGE = "BackgroundWorkCostChange"
NOT_HIGH = "BackgroundWorkCostNotHigh"
"""The names of the events that tell of it: the moment, and the level."""
RESOURCES = ("cpu", "memory", "io")
"""What can be short, as the kernel's pressure stall information names it (Documentation/accounting/psi.rst)."""
ABOVE_LOW = 5
"""Percent that a battery has to gain before it is not low any more."""


class Cost(IntEnum):
    """Windows' numbers."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2


@dataclass(slots=True)
class WorkCost:
    """The cost, and what it remembers of before.

    A battery is low with `low` percent or less. A resource is short from the percentage of time on that `thresholds`
    have of it (in which some process waited for it), until it is less than half of that.
    """

    low: int
    thresholds: Mapping[str, int]
    _is_low: bool = False
    _short: set[str] = field(default_factory=set)

    @property
    def is_under_pressure(self) -> bool:
        """Whether something is short."""
        return bool(self._short)

    def reasons(self) -> str:
        """Why it is high, for people; nothing where it is not."""
        return ", ".join(
            [*(["the battery is low"] if self._is_low else []), *(f"{each} is short" for each in sorted(self._short))]
        )

    def look(self, power: Power, pressure: Mapping[str, float]) -> Cost:
        """The cost, with this power and with processes that wait this percentage of the time.

        >>> cost = WorkCost(low=20, thresholds={"cpu": 60})
        >>> [cost.look(Power(mains=False, capacity=each), {"cpu": 0.0}).name for each in (50, 20, 22, 25)]
        ['MEDIUM', 'HIGH', 'HIGH', 'MEDIUM']
        """
        self._short = {name for name in self.thresholds if pressure.get(name, 0.0) >= self._bound(name)}
        self._is_low = self._looks_low(power)
        if self._is_low or self._short:
            return Cost.HIGH
        return Cost.MEDIUM if power.mains is False else Cost.LOW

    def _bound(self, name: str) -> float:
        return self.thresholds[name] / 2 if name in self._short else self.thresholds[name]

    def _looks_low(self, power: Power) -> bool:
        if power.mains is not False or power.capacity is None:
            return False
        return power.capacity <= self.low or (self._is_low and power.capacity < self.low + ABOVE_LOW)

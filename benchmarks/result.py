"""A benchmark's result, and how two sides are measured in one run. Nothing here is printed."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

ROUNDS = 7
"""Both sides take turns this often; medians then bear the same noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One row: `value` in `unit`, the same for the `baseline`, and the goal that the design sets.

    `compared` is what the goal speaks of, the value or its ratio to the baseline; `at_most` or `at_least` bounds it.
    """

    name: str
    value: float
    unit: str
    against: str = ""
    baseline: float | None = None
    at_most: float | None = None
    at_least: float | None = None

    @property
    def ratio(self) -> float | None:
        """Value to baseline."""
        return self.value / self.baseline if self.baseline else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        compared = self.value if self.ratio is None or self.at_least is not None else self.ratio
        if self.at_most is not None:
            return compared <= self.at_most
        return compared >= self.at_least if self.at_least is not None else None

    @property
    def goal(self) -> str:
        """The goal as the table shows it."""
        if self.at_most is not None:
            return f"<= {self.at_most:g}{' x' if self.ratio is not None else ''}"
        return f">= {self.at_least:g}" if self.at_least is not None else ""


@dataclass(frozen=True, slots=True)
class Missing:
    """A benchmark that cannot be run here, and why."""

    name: str
    reason: str


def in_turns(*sides: Callable[[], float], rounds: int = ROUNDS) -> Sequence[float]:
    """The median of each side's measurements, made in turns."""
    measured = [[side() for side in sides] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*measured, strict=True)]

"""What came of each rule: how often it raised, and if it never did, what came closest. Nothing here matches an event.

Whoever replays hands `Tally.withheld` to the mapper and tells `Tally.raised` of every raise; both keep a few values for
each rule, however much is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.mapping.explain.reasons import (
    Broken,
    Deaf,
    Miscounted,
    Mismatch,
    NotHeld,
    Refused,
    Settled,
    Waits,
    Withheld,
)
from bridge.mapping.rules import Rule
from bridge.mapping.table import RuleTable
from bridge.model.durations import format_at
from bridge.model.text import count_of
from bridge.model.triggers import Raised

Nearness = tuple[int, float, int]
"""How close a rule came to raising: how many of the steps to it were taken, how much of the next, and a last word."""


@dataclass(slots=True)
class Summary:
    """One rule: how often it raised, and of the events for which it did not the closest, the first of equals."""

    rule: Rule
    raised: int = 0
    closest: Withheld | None = None
    _nearest: Nearness = (-1, 0, 0)

    def withheld(self, withheld: Withheld) -> None:
        """The rule did not raise."""
        nearness = _nearness(withheld)
        if nearness > self._nearest:
            self.closest, self._nearest = withheld, nearness

    def __str__(self) -> str:
        if self.raised:
            return f"raised {count_of(self.raised, 'time')}"
        if self.closest is None:
            return f"never: no event of {self.rule.source.name} came"
        reason = self.closest.reason
        held = f" ({reason.held} of {count_of(reason.tests, 'test')} held)" if isinstance(reason, Mismatch) else ""
        return f"never: closest at {format_at(self.closest.at)}: {reason}{held}"


class Tally:
    """A summary for each rule of a table."""

    def __init__(self, rules: RuleTable) -> None:
        self._of_rules = {rule: Summary(rule) for rule in rules.rules}
        self._of_names = {rule.name: summary for rule, summary in self._of_rules.items()}

    def withheld(self, withheld: Withheld) -> None:
        """A rule did not raise, and why."""
        self._of_rules[withheld.rule].withheld(withheld)

    def raised(self, raised: Raised) -> None:
        """A trigger was raised, perhaps by one of the rules."""
        summary = self._of_names.get(raised.rule or "")
        if summary is not None:
            summary.raised += 1

    def summaries(self) -> Sequence[Summary]:
        """What came of each rule, in the rules' order."""
        return list(self._of_rules.values())


def _nearness(withheld: Withheld) -> Nearness:
    match withheld.reason:
        case Mismatch(held=held):
            return 0, held, _identified(withheld)
        case NotHeld() if withheld.at > withheld.event.at:  # all the time of `hold_for` went by
            return 3, 0, 0
        case Waits():
            return 2, 0, 0
        case Broken(lasted=lasted):
            return 2, lasted, 0
        case Miscounted(filter=asked, matches=matches):
            return 3, -max(asked.minimum - matches, matches - (asked.maximum or matches)), 0
        case Settled() | Deaf() | Refused():
            return 4, 0, 0
        case _:
            return 1, 0, 0


def _identified(withheld: Withheld) -> int:
    """How many tests of what the event is about held: the right switch in the wrong position is closer."""
    rule, fields = withheld.rule, withheld.event.fields
    return sum(rule.source.identifies(name) and test(fields.get(name)) for name, test in rule.match)

"""What came of rules, gathered from a replay: the raises, and the rules that did not raise. Nothing here prints."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from bridge.cli.errors import show_error
from bridge.cli.explanations import Group, Verdict
from bridge.mapping.explain.reasons import Withheld
from bridge.mapping.raising import Refusal
from bridge.mapping.table import RuleTable
from bridge.model.triggers import Raised
from bridge.pipeline.pipeline import Outcome


class Verdicts:
    """Verdicts on the rules of a table; a replay tells `withheld` why rules do not raise."""

    def __init__(self, rules: RuleTable) -> None:
        self._places = {rule.name: place for rule, place in rules.places.items()}
        self._withheld: list[Withheld] = []

    def withheld(self, withheld: Withheld) -> None:
        """A rule did not raise."""
        self._withheld.append(withheld)

    def of(self, outcomes: Iterable[Outcome]) -> list[Verdict]:
        """What these outcomes say of rules, and what was told meanwhile: by time, then in the rules' order."""
        verdicts: list[Verdict] = [*_raised(outcomes), *self._withheld]
        self._withheld.clear()
        return sorted(verdicts, key=lambda verdict: (verdict.at, self._place(verdict)))

    def _place(self, verdict: Verdict) -> int:
        name = verdict.rule.name if isinstance(verdict, Withheld) else verdict.rule or ""
        return self._places.get(name, len(self._places))


def timers(verdicts: Iterable[Verdict]) -> Iterator[Group]:
    """Those that came when timers were due, each time by itself."""
    for at, due in groupby(verdicts, key=lambda verdict: verdict.at):
        yield Group(at, None, list(due))


def _raised(outcomes: Iterable[Outcome]) -> Iterator[Raised]:
    for outcome in outcomes:
        match outcome:
            case Raised():
                yield outcome
            case Refusal(message=message):
                show_error(f"hwbridge: {message}")

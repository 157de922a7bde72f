"""Tells why rules do not raise, with what the mapper saw when it decided that. Nothing here decides it.

There is a teller only where somebody wants to know: it costs more than to raise.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bridge.mapping.bursts import Burst, DeafTimes
from bridge.mapping.conditions import Conditions
from bridge.mapping.explain.reasons import (
    AlreadyTrue,
    Broken,
    Deaf,
    Ended,
    Explain,
    Found,
    Miscounted,
    Momentary,
    NotHeld,
    Reason,
    Refused,
    Repeated,
    Settled,
    Waits,
    Withheld,
    mismatch_of,
)
from bridge.mapping.rules import HoldFor, QuietFor, Rule, StartState
from bridge.mapping.standings import Standing
from bridge.model.events import Event


@dataclass(frozen=True, slots=True)
class Teller:
    """What the mapper has at hand, and whom it is told."""

    explain: Explain
    conditions: Conditions
    deaf: DeafTimes

    def unheard(self, rules: Sequence[Rule], heard: Collection[Rule], event: Event, owner: str) -> None:
        """Of these rules only those in `heard` have tests and guards that hold for the event."""
        for rule in rules:
            if rule in heard:
                continue
            mismatch = mismatch_of(rule.match, event.fields)
            if mismatch is not None:
                self._tell(event.at, rule, event, mismatch)
            else:
                self._not_held(event.at, rule, event, owner, since=event.at)

    def silent(self, rule: Rule, event: Event, standing: Standing | None, *, may_raise: bool, is_level: bool) -> None:
        """A rule that is heard does not raise at this event; `standing` is how it stands now."""
        if not may_raise:
            self._tell(event.at, rule, event, Found(rule.start_state))
        elif rule.source.repeats(event.fields):
            self._tell(event.at, rule, event, Repeated())
        elif isinstance(rule.filter, QuietFor):
            return  # told by what counts it
        elif not is_level:
            self._tell(event.at, rule, event, Momentary())
        elif standing is None or not standing.true:
            self._tell(event.at, rule, event, Ended(rule.until))
        elif standing.due is not None:
            self._tell(event.at, rule, event, Waits(rule.filter, standing.due))
        else:
            self._tell(event.at, rule, event, AlreadyTrue(standing.since))

    def counted(self, burst: Burst) -> None:
        """The latest event is one of a burst that is not over."""
        if burst.due is not None:
            self._tell(burst.event.at, burst.rule, burst.event, Waits(burst.rule.filter, burst.due))

    def miscounted(self, burst: Burst, at: int) -> None:
        """A burst is over, and has another size than its rule asks for."""
        if isinstance(burst.rule.filter, QuietFor):
            self._tell(at, burst.rule, burst.event, Miscounted(burst.rule.filter, burst.matches))

    def broken(self, standing: Standing, at: int) -> None:
        """What is true turns false; that is of interest where it was to last, and did not."""
        if standing.true and not standing.settled and standing.due is not None and standing.event is not None:
            self._tell(at, standing.rule, standing.event, Broken(standing.rule.filter, at - standing.since))

    def let_pass(self, standing: Standing, event: Event, at: int) -> None:
        """The timer of a level was up, and its rule does not raise."""
        if isinstance(standing.rule.filter, HoldFor):
            self._not_held(at, standing.rule, event, standing.subject[0], since=standing.since)
        elif standing.true:
            self._tell(at, standing.rule, event, Settled())

    def is_deaf(self, rule: Rule, event: Event, key: str, at: int) -> None:
        """The rule is deaf for this key."""
        if rule.holdoff is not None:
            self._tell(at, rule, event, Deaf(rule.holdoff, self.deaf.until(rule, key)))

    def raised_before(self, rule: Rule, event: Event, at: int) -> None:
        """The rule raised for this key in this boot already."""
        self._tell(at, rule, event, Found(StartState.BOOT))

    def refused(self, rule: Rule, event: Event, error: Exception, at: int) -> None:
        """The rule's key or details are not allowed."""
        self._tell(at, rule, event, Refused(str(error)))

    def _not_held(self, at: int, rule: Rule, event: Event, owner: str, *, since: int) -> None:
        """Tells of the first guard that does not hold, or has not since then."""
        for guard in rule.guards:
            known = self.conditions.state(guard, owner)
            if known is None or not known.holds or known.since > since:
                self._tell(at, rule, event, NotHeld(guard, known))
                return

    def _tell(self, at: int, rule: Rule, event: Event, reason: Reason) -> None:
        self.explain(Withheld(at, rule, event, reason))

"""Bursts and deaf times: what the filters `quiet_for`, `count` and `holdoff` keep, per rule and key.

Nothing here raises a trigger, and nothing is kept longer than it matters, however many keys there are.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.mapping.rules import QuietFor, Rule
from bridge.mapping.timers import Timers
from bridge.model.events import Event


@dataclass(slots=True, eq=False)
class Burst:
    """The matches of one rule and key since it was last quiet, and the last of them."""

    rule: Rule
    key: str
    event: Event
    matches: int = 0
    due: int | None = None
    number: int = 0
    filed: int | None = None


@dataclass(slots=True)
class Bursts:
    """All bursts that have not ended."""

    timers: Timers
    """Shared with what else has timers."""
    _all: dict[tuple[Rule, str], Burst] = field(default_factory=dict)

    def hear(self, rule: Rule, span: int, key: str, event: Event) -> Burst:
        """One more match of a rule that waits for quiet, and the burst that it belongs to."""
        burst = self._all.get((rule, key))
        if burst is None:
            burst = self._all[rule, key] = Burst(rule, key, event)
        burst.matches += 1
        burst.event = event
        self.timers.set(burst, event.at + span)
        return burst

    def is_up(self, burst: Burst) -> bool:
        """It has been quiet: whether the burst raises, for `burst.event`."""
        del self._all[burst.rule, burst.key]
        filter_ = burst.rule.filter
        return isinstance(filter_, QuietFor) and filter_.counts(burst.matches)

    def follow(self, successors: Mapping[Rule, Rule]) -> None:
        """Goes on with the rules that replace others and filter as they did."""
        there = list(self._all.values())
        self._all = {}
        for burst in there:
            before, after = burst.rule, successors.get(burst.rule)
            if after is None or after.filter != before.filter:
                self.timers.cancel(burst)
                continue
            burst.rule = after
            self._all[after, burst.key] = burst


@dataclass(slots=True)
class DeafTimes:
    """Until when rules with `holdoff` are deaf, by rule and key."""

    _until: dict[Rule, OrderedDict[str, int]] = field(default_factory=dict)
    """Of each rule in the order in which they began, as all of one rule last equally long."""

    def is_deaf(self, rule: Rule, key: str, at: int) -> bool:
        """Whether a raise at this time comes too soon after the last one."""
        keys = self._until.get(rule)
        while keys and keys[next(iter(keys))] <= at:
            keys.popitem(last=False)
        return keys is not None and keys.get(key, at) > at

    def until(self, rule: Rule, key: str) -> int:
        """Until when a rule is deaf that is."""
        return self._until[rule][key]

    def raised(self, rule: Rule, key: str, at: int) -> None:
        """The rule raised, and is deaf from now on."""
        if rule.holdoff is not None:
            keys = self._until.setdefault(rule, OrderedDict())
            keys[key] = at + rule.holdoff
            keys.move_to_end(key)

    def follow(self, successors: Mapping[Rule, Rule]) -> None:
        """Goes on with the rules that replace others and are deaf for as long."""
        self._until = {
            successors[rule]: keys
            for rule, keys in self._until.items()
            if rule in successors and successors[rule].holdoff == rule.holdoff
        }

"""What the pipeline was told in a test, to ask afterwards why a rule did not raise. It is asked only if the test fails.

Of a test that plays many events only the last are kept.
"""

from collections import deque
from typing import TypeVar

import msgspec

from bridge.mapping.memory import Memory
from bridge.mapping.table import RuleTable
from bridge.model.events import DeviceGone, Event
from bridge.pipeline.facts import ConditionSet, Declared
from bridge.pipeline.pipeline import Fact

MOST_FACTS = 20_000
"""So many are held, and looked at again in about a second where there are a hundred rules."""


class Restarted(msgspec.Struct, frozen=True, kw_only=True):
    """The daemon was started again, with these rules and this memory."""

    at: int
    rules: RuleTable
    memory: Memory


Noted = Event | DeviceGone | ConditionSet | Declared | Restarted
"""What rules hear of."""
T = TypeVar("T", bound=Fact | Restarted)


class Journal:
    """The last facts, and the rules that were in force before the first of them."""

    def __init__(self, rules: RuleTable) -> None:
        self.rules = rules
        self.lost = 0
        """How many facts are not held any more."""
        self.facts: deque[Noted] = deque()

    def noted(self, fact: T) -> T:
        """The same fact, held from now on if rules hear of it."""
        if not isinstance(fact, Noted):
            return fact
        if len(self.facts) == MOST_FACTS:
            first = self.facts.popleft()
            self.lost += 1
            if isinstance(first, Declared | Restarted):
                self.rules = first.rules
        self.facts.append(fact)
        return fact


def copy_of(memory: Memory) -> Memory:
    """The same memory, which does not change with the first."""
    return Memory(raised_this_boot=set(memory.raised_this_boot), true=set(memory.true))

"""What one transaction has to hold, may hold and held so far. It judges nothing."""

from collections import Counter
from dataclasses import dataclass, field

from bridge.dispatch.kept import Kept
from bridge.model.tasks import CancellationReason
from tests.pure.contract.books import Activation, Place, Run

Reasons = dict[str, set[CancellationReason]]


@dataclass
class Transaction:
    """Gathered while the outcomes of one fact are gone through."""

    at: int
    must_cancel: Reasons = field(default_factory=dict)
    may_cancel: Reasons = field(default_factory=dict)
    must_answer: set[int] = field(default_factory=set)
    must_owe: set[int] = field(default_factory=set)
    over: set[int] = field(default_factory=set)
    """Activations whose last run ended."""
    to_answer: set[int] = field(default_factory=set)
    """Those that the store is told not to owe any more."""
    answered: dict[int, Activation] = field(default_factory=dict)
    kept: dict[int, Kept] = field(default_factory=dict)
    """What the store is told of each activation in the end."""
    filled: set[int] = field(default_factory=set)
    number_of: dict[str, int] = field(default_factory=dict)
    """By instance id, the activation that was written down with it."""
    revoked: set[Place] = field(default_factory=set)
    unregistered: set[str] = field(default_factory=set)
    replaced: set[str] = field(default_factory=set)
    """Tasks that are registered otherwise from now on."""
    dropped: "Counter[Place]" = field(default_factory=Counter)
    full: set[str] = field(default_factory=set)
    """Tasks whose queue was said to be full."""
    started: set[int] = field(default_factory=set)
    forgotten: "Counter[Place]" = field(default_factory=Counter)
    latched: "Counter[Place]" = field(default_factory=Counter)
    latched_as: dict[Place, int] = field(default_factory=dict)
    """Of how many raises a latch was said to be made last."""
    must_latch: "Counter[Place]" = field(default_factory=Counter)
    must_quarantine: set[str] = field(default_factory=set)
    must_tell: set[tuple[str, str]] = field(default_factory=set)
    spent: dict[str, set[int]] = field(default_factory=dict)
    """By task, the triggers that went off last."""

    def cancel(self, runs: list[Run], reason: CancellationReason, *, must: bool) -> None:
        """These runs have to end, or may, for this reason, if nothing has ended them already."""
        for run in runs:
            if run.canceled is None:
                reasons = self.must_cancel if must else self.may_cancel
                reasons.setdefault(run.instance.instance_id, set()).add(reason)

    def allows(self, instance_id: str) -> set[CancellationReason]:
        """For which reasons a run may be canceled, besides its own limit."""
        return self.must_cancel.get(instance_id, set()) | self.may_cancel.get(instance_id, set())

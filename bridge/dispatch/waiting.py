"""The raises of one task that wait for a run: which become one, which are dropped. Nothing here knows what runs.

What waits is kept in the order in which it came; `queue_limit` bounds the raises that are remembered one by one.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from bridge.dispatch.kept import Kept
from bridge.model.tasks import Concurrency
from bridge.model.triggers import OwnTrigger, Raised

_CAUSED = "\0"
"""No key has it."""


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A run that is owed: the newest raise that it answers, how many it answers, and of a batch the details of each.

    `number` orders what is owed; `attempt` counts the runs of it from 1, but for those that asked to be run `again`.
    It does not start before `due`. `is_echo` tells that all its raises may be due to runs of its task, from `first_at`
    on; `causes` are the tasks of the runs that raised for each other until it came to this one, `depth` so many.
    """

    number: int
    raised: Raised
    merged: int = 1
    batch: tuple[Mapping[str, str], ...] = ()
    attempt: int = 1
    again: int = 0
    due: int | None = None
    latched: bool = False
    redelivered: bool = False
    is_of_earlier_boot: bool = False
    is_echo: bool = False
    first_at: int = 0
    causes: frozenset[str] = frozenset()
    depth: int = 0

    @property
    def key(self) -> str:
        """What it is about."""
        return self.raised.key

    def streak(self, task: str) -> str:
        """What tells its task's loops apart: its key, but not where a run of the task is known to be the cause."""
        return _CAUSED if task in self.causes else self.key

    def is_due(self, at: int) -> bool:
        """Whether it may be started by then, as far as time says."""
        return self.due is None or self.due <= at

    @property
    def has_run(self) -> bool:
        """Whether it has been started before; so it is not in the queue any more, and is brought to an end."""
        return self.redelivered or self.attempt > 1 or self.again > 0

    @property
    def weight(self) -> int:
        """How many raises of the queue are remembered one by one."""
        return 0 if self.has_run else max(1, len(self.batch))

    @property
    def needs_mains(self) -> bool:
        """Whether every raise that it answers is one of maintenance."""
        return self.raised.trigger is OwnTrigger.MAINTENANCE

    def kept(self, task: str, instance_id: str | None = None) -> Kept:
        """What the store is to know of it, but for its batch."""
        return Kept(
            number=self.number,
            task=task,
            raised=self.raised,
            merged=self.merged,
            instance_id=instance_id,
            attempt=self.attempt,
            again=self.again,
            due=self.due,
            latched=self.latched,
            redelivered=self.redelivered,
        )


def pending_of(number: int, raised: Raised, concurrency: Concurrency) -> Pending:
    """The run that answers one raise."""
    batch = raised.batch or ((raised.details,) if concurrency is Concurrency.BATCH else ())
    own = replace(raised, batch=()) if raised.batch else raised
    return Pending(number=number, raised=own, batch=batch, first_at=seen_at(raised))


def seen_at(raised: Raised) -> int:
    """When that came which led to the raise."""
    return raised.at if raised.seen_at is None else raised.seen_at


def pending_of_kept(kept: Kept, *, is_of_earlier_boot: bool = False) -> Pending:
    """What was owed when the daemon ended; what had been started then may have run."""
    return Pending(
        number=kept.number,
        raised=kept.raised,
        merged=kept.merged,
        batch=kept.batch,
        attempt=kept.attempt,
        again=kept.again,
        due=kept.due,
        latched=kept.latched,
        redelivered=kept.redelivered or kept.instance_id is not None,
        is_of_earlier_boot=is_of_earlier_boot,
    )


def joined(old: Pending, new: Pending) -> Pending:
    """One run for both: it is `old`, with what is newest. Maintenance can wait for the mains, others cannot."""
    raised = old.raised if new.needs_mains and not old.needs_mains else new.raised
    return replace(
        old,
        raised=raised,
        merged=old.merged + new.merged,
        batch=old.batch + new.batch,
        attempt=1,
        again=0,
        due=None,
        redelivered=old.redelivered or new.redelivered,
        is_of_earlier_boot=new.is_of_earlier_boot,
        is_echo=old.is_echo and new.is_echo,
        causes=old.causes | new.causes,
        depth=max(old.depth, new.depth),
    )


MERGING = frozenset({Concurrency.LATEST, Concurrency.BATCH, Concurrency.RESTART})
"""Under these a raise joins the one of its key that waits already."""


def _number(pending: Pending) -> int:
    return pending.number


@dataclass(slots=True)
class Tally:
    """What waits of all tasks together: `runs` that are owed, and the `raises` that these answer."""

    runs: int = 0
    raises: int = 0


class Waiting:
    """The raises of one task that wait; `tally` counts them, and those of others."""

    def __init__(self, tally: Tally | None = None) -> None:
        self._tally = tally or Tally()
        self._pending: list[Pending] = []
        self._of_key: dict[str, list[Pending]] = {}
        self._weight = 0
        self._with_due = 0

    def __len__(self) -> int:
        """How many raises of the queue are remembered one by one."""
        return self._weight

    def __iter__(self) -> Iterator[Pending]:
        """What waits, in the order in which it came."""
        return iter(tuple(self._pending))

    @property
    def has_dues(self) -> bool:
        """Whether something waits for a time."""
        return self._with_due > 0

    def holds(self, key: str) -> bool:
        """Whether a raise of this key waits."""
        return key in self._of_key

    def to_join(self, key: str, concurrency: Concurrency, *, latches: bool) -> Pending | None:
        """The waiting one that a new raise of this key becomes one with; what latches joins what latched before."""
        of_key = self._of_key.get(key)
        if of_key is None:
            return None
        last = of_key[-1]
        joins = not last.has_run and (concurrency in MERGING or (latches and last.latched))
        return last if joins or concurrency is Concurrency.RESTART else None

    def add(self, pending: Pending) -> None:
        """Lets it wait, in its place."""
        insort(self._pending, pending, key=_number)
        insort(self._of_key.setdefault(pending.key, []), pending, key=_number)
        self._count(pending, 1)

    def change(self, pending: Pending) -> None:
        """Puts it where the one of its number and key was."""
        place, old = self._find(pending.number)
        self._pending[place] = pending
        of_key = self._of_key[pending.key]
        of_key[of_key.index(old)] = pending
        self._count(old, -1)
        self._count(pending, 1)

    def remove(self, pending: Pending) -> None:
        """The one of its number does not wait any more."""
        place, old = self._find(pending.number)
        del self._pending[place]
        of_key = self._of_key[old.key]
        of_key.remove(old)
        if not of_key:
            del self._of_key[old.key]
        self._count(old, -1)

    def _find(self, number: int) -> tuple[int, Pending]:
        place = bisect_left(self._pending, number, key=_number)
        return place, self._pending[place]

    def _count(self, pending: Pending, times: int) -> None:
        self._tally.runs += times
        self._tally.raises += times * max(1, pending.weight)
        self._weight += times * pending.weight
        self._with_due += times * (pending.due is not None)

    def oldest(self) -> Pending:
        """The one of the queue that came first."""
        return next(pending for pending in self._pending if not pending.has_run)

    def ready(self, may_start: Callable[[Pending], bool], *, alone: bool) -> Pending | None:
        """The first that may start; with `alone`, none starts before an earlier one of its key."""
        blocked: set[str] = set()
        for pending in self._pending:
            if pending.key in blocked:
                continue
            if may_start(pending):
                return pending
            if alone:
                blocked.add(pending.key)
        return None

    def take_all(self) -> tuple[Pending, ...]:
        """Everything; nothing waits any more."""
        taken, self._pending = tuple(self._pending), []
        self._of_key.clear()
        for pending in taken:
            self._count(pending, -1)
        return taken

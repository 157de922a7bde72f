"""The raises of one task that wait for a run: which become one, which are dropped. Nothing here knows what runs.

What waits is kept in the order in which it came; `queue_limit` bounds the raises that are remembered one by one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bridge.model.tasks import Concurrency
from bridge.model.triggers import Raised


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A run to come: the newest raise that it answers, how many it answers, and for `batch` the details of each."""

    raised: Raised
    merged: int = 1
    batch: tuple[Mapping[str, str], ...] = ()

    @property
    def weight(self) -> int:
        """How many raises are remembered one by one."""
        return max(1, len(self.batch))


def pending_of(raised: Raised, concurrency: Concurrency) -> Pending:
    """The run that answers one raise."""
    return Pending(raised=raised, batch=(raised.details,) if concurrency is Concurrency.BATCH else ())


MERGING = frozenset({Concurrency.LATEST, Concurrency.BATCH, Concurrency.RESTART})
"""Under these a raise joins the one of its key that waits already."""


class Waiting:
    """The raises of one task that wait."""

    def __init__(self) -> None:
        self._pending: list[Pending] = []
        self._weight = 0

    def __len__(self) -> int:
        """How many raises are remembered one by one."""
        return self._weight

    def holds(self, key: str) -> bool:
        """Whether a raise of this key waits."""
        return any(pending.raised.key == key for pending in self._pending)

    def add(self, raised: Raised, concurrency: Concurrency) -> None:
        """Lets a raise wait, joined with the waiting one of its key where the concurrency says so."""
        self._join(pending_of(raised, concurrency), concurrency)

    def follow(self, concurrency: Concurrency) -> None:
        """Goes on under another concurrency: what waits is joined, or not, as if it had come under this one."""
        for pending in self.take_all():
            batch = pending.batch or (pending.raised.details,) if concurrency is Concurrency.BATCH else ()
            self._join(replace(pending, batch=batch), concurrency)

    def _join(self, new: Pending, concurrency: Concurrency) -> None:
        if concurrency in MERGING:
            for place, old in enumerate(self._pending):
                if old.raised.key == new.raised.key:
                    joined = replace(new, merged=old.merged + new.merged, batch=old.batch + new.batch)
                    self._pending[place] = joined
                    self._weight += joined.weight - old.weight
                    return
        self._pending.append(new)
        self._weight += new.weight

    def drop_oldest(self) -> Pending:
        """Forgets the raise that came first, and returns it."""
        oldest = self._pending[0]
        self._weight -= 1
        if len(oldest.batch) < 2:
            return self._pending.pop(0)
        self._pending[0] = replace(oldest, merged=oldest.merged - 1, batch=oldest.batch[1:])
        return Pending(raised=oldest.raised, batch=oldest.batch[:1])

    def take(self, ready: Callable[[str], bool]) -> Pending | None:
        """The first that came of those whose key is ready; it does not wait any more."""
        for place, pending in enumerate(self._pending):
            if ready(pending.raised.key):
                self._weight -= pending.weight
                return self._pending.pop(place)
        return None

    def take_all(self) -> tuple[Pending, ...]:
        """Everything; nothing waits any more."""
        taken, self._pending, self._weight = tuple(self._pending), [], 0
        return taken

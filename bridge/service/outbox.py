"""Carries decisions out in their order, none before what it needs has been written down. It decides and writes nothing.

A run starts, and a caller is answered, only when the store has what they are about. To cancel or to kill needs nothing
to be written, but must not come before the start.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bridge.dispatch.decisions import Activate, Cancel, Finished, Kill, Progressed
from bridge.model.tasks import Instance
from bridge.pipeline.pipeline import Outcome
from bridge.service.clock import times
from bridge.service.telling import Telling
from bridge.store.store import Store, writes
from bridge.store.values import HistoryRow

NOTED_EVERY = 1_000_000
"""Microseconds: of what one run says of its progress in that time, one is written down."""

MOST_WAITING = 10_000
"""Decisions that are not written down yet: on a full disk, what is only told does not wait behind them."""

Then = Callable[[str], None]
"""Who is told that something is written down, or why it cannot be now; nothing is wrong where that is empty."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """What is carried out when the store has written what belongs to it, and then who is told."""

    outcomes: list[Outcome] = field(default_factory=list)
    then: Then | None = None
    is_written: bool = False


class Outbox:
    """Between the pipeline and those who do its will. Without a store everything is carried out at once."""

    def __init__(
        self, store: Store | None, carry_out: Callable[[Outcome], None], telling: Telling | None = None
    ) -> None:
        self._store = store
        self._carry_out = carry_out
        self._telling = telling
        self._noted: dict[str, int] = {}
        """When the progress of a run was written down last."""
        self._waiting: deque[_Waiting] = deque()
        self._to_start: set[str] = set()

    def put(self, outcomes: Sequence[Outcome], *, flush: bool = False, then: Then | None = None) -> None:
        """Takes what one fact has led to; `then` is called when it is written, with `flush` on the disk itself."""
        store = self._store if writes(outcomes) and not self._is_in_between(outcomes) else None
        # What would not be there after a crash promises nothing: nobody waits until it is written.
        promises = store is not None and store.outlives_us
        waiting = _Waiting(is_written=store is None)
        for outcome in outcomes:
            if self._must_wait(outcome, to_write=promises):
                waiting.outcomes.append(outcome)
            else:
                self._carry_out(outcome)
        if promises or (store is None and (waiting.outcomes or self._waiting)):
            waiting.then = then
        elif then is not None:
            then("")
        if store is not None or waiting.outcomes or waiting.then is not None:
            self._waiting.append(waiting)
        if store is not None:
            store.write(outcomes, times(), flush=flush, token=waiting)
        if self._telling is not None and outcomes:
            self._tell(self._telling, self._telling.outcomes(outcomes, written=store is not None))

    def _tell(self, telling: Telling, unkept: Sequence[HistoryRow]) -> None:
        """Tells what the store does not keep behind what was decided before it, unless that takes too long."""
        if unkept and len(self._waiting) < MOST_WAITING:
            self.put((), then=lambda _: telling.lines(unkept))
        elif unkept:
            telling.lines(unkept)

    def _is_in_between(self, outcomes: Sequence[Outcome]) -> bool:
        """Whether it is only progress of a run that comes too soon after what is written of it; runs end here too."""
        for outcome in outcomes:
            match outcome:
                case Progressed(at=at, instance_id=instance_id):
                    noted_at = self._noted.get(instance_id)
                    if noted_at is not None and at - noted_at < NOTED_EVERY:
                        return True
                    self._noted[instance_id] = at
                case Finished(instance=instance):
                    self._noted.pop(instance.instance_id, None)
                case _:
                    pass
        return False

    def _must_wait(self, outcome: Outcome, *, to_write: bool) -> bool:
        match outcome:
            case Activate(instance=instance) if to_write:
                self._to_start.add(instance.instance_id)
                return True
            case Cancel(instance=instance) | Kill(instance=instance):
                return instance.instance_id in self._to_start
            case _:
                return False

    def rewrite(self, owed: Sequence[Outcome]) -> None:
        """Gives the store all that it has to keep, instead of what it has."""
        if self._store is not None:
            self._store.rewrite(owed, times())

    def written(self, tokens: Sequence[object]) -> None:
        """The store has written these."""
        for token in tokens:
            if isinstance(token, _Waiting):
                token.is_written = True
        while self._waiting and self._waiting[0].is_written:
            self._do(self._waiting.popleft())

    def _do(self, waiting: _Waiting) -> None:
        for outcome in waiting.outcomes:
            if isinstance(outcome, Activate):
                self._to_start.discard(outcome.instance.instance_id)
            self._carry_out(outcome)
        if waiting.then is not None:
            waiting.then("")

    def refuse(self, why: str) -> None:
        """Tells those who wait that what they asked for cannot be written now; it is not forgotten for that."""
        for waiting in self._waiting:
            if waiting.then is not None and not waiting.is_written:
                waiting.then(why)
                waiting.then = None

    def abandon(self) -> list[Instance]:
        """The runs that have not been started, and now will not be."""
        instances: list[Instance] = []
        for waiting in self._waiting:
            instances += [each.instance for each in waiting.outcomes if isinstance(each, Activate)]
            waiting.outcomes = []
        self._to_start.clear()
        return instances

"""Carries decisions out in their order, none before what it needs has been written down. It decides and writes nothing.

A run starts, and a caller is answered, only when the store has what they are about. To cancel or to kill needs nothing
to be written, but must not come before the start.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import get_args

from bridge.dispatch.decisions import Activate, Cancel, Kill, Told
from bridge.dispatch.kept import ToKeep
from bridge.model.tasks import Instance
from bridge.model.triggers import Raised
from bridge.pipeline.pipeline import Outcome
from bridge.service.clock import times
from bridge.store.store import Store, writes

DECISIONS = tuple(each for each in (*get_args(Told), *get_args(ToKeep)) if each is not Raised)
"""What the dispatcher answers a raise with."""


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

    def __init__(self, store: Store | None, carry_out: Callable[[Outcome], None]) -> None:
        self._store = store
        self._carry_out = carry_out
        self._waiting: deque[_Waiting] = deque()
        self._to_start: set[str] = set()

    def put(self, outcomes: Sequence[Outcome], *, flush: bool = False, then: Then | None = None) -> None:
        """Takes what one fact has led to; `then` is called when it is written, with `flush` on the disk itself."""
        written = _without_unheard(outcomes) if self._store is not None else []
        to_write = writes(written)
        waiting = _Waiting(then=then, is_written=not to_write)
        for outcome in outcomes:
            if self._must_wait(outcome, to_write=to_write):
                waiting.outcomes.append(outcome)
            else:
                self._carry_out(outcome)
        if to_write and self._store is not None:
            self._waiting.append(waiting)
            self._store.write(written, times(), flush=flush, token=waiting)
        elif waiting.outcomes or (then is not None and self._waiting):
            self._waiting.append(waiting)
        elif then is not None:
            then("")

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


def _without_unheard(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes without the raises that no task has heard: these are not kept."""
    heard = [*(isinstance(each, DECISIONS) for each in outcomes[1:]), False][: len(outcomes)]
    return [
        outcome
        for outcome, is_heard in zip(outcomes, heard, strict=True)
        if is_heard or not isinstance(outcome, Raised) or outcome.task is not None
    ]

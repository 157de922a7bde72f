"""Who wants to know what happens, and what they are told: lines that the store has committed, and what it keeps not.

Nothing is asked of the store, and nothing is made, while nobody wants to know. It knows neither callers nor rights.
"""

from collections.abc import Sequence
from typing import Protocol

from bridge.dispatch.decisions import Heard, Progressed
from bridge.dispatch.runs import Runs
from bridge.model.events import DeviceGone, Event
from bridge.model.triggers import Raised
from bridge.pipeline.pipeline import Outcome
from bridge.service.clock import wall_time
from bridge.service.following import Followers
from bridge.store.history import row_of_progress, row_of_raise
from bridge.store.store import Store
from bridge.store.values import HistoryRow


class Listener(Protocol):
    """One who wants to know."""

    @property
    def wants_events(self) -> bool:
        """Whether raw events are wanted too."""

    def lines(self, rows: Sequence[HistoryRow]) -> None:
        """What has happened, in order."""

    def events(self, events: Sequence[Event | DeviceGone]) -> None:
        """Raw events, before what they lead to."""


class Telling:
    """Between the pipeline with its store and those who listen."""

    def __init__(self, store: Store | None, runs: Runs) -> None:
        self._store = store
        self._runs = runs
        self._listeners: tuple[Listener, ...] = ()
        self.followers = Followers()
        """Who follows a raise to the end of what it led to."""

    def listen(self, listener: Listener) -> None:
        """Tells this one what happens from now on."""
        self._listeners = (*self._listeners, listener)
        if self._store is not None:
            self._store.tell(True)

    def listen_no_more(self, listener: Listener) -> None:
        """Tells this one nothing more."""
        self._listeners = tuple(other for other in self._listeners if other is not listener)
        if self._store is not None:
            self._store.tell(bool(self._listeners))

    def lines(self, rows: Sequence[HistoryRow]) -> None:
        """The store has committed these lines, or they are such as it does not keep."""
        for listener in self._listeners:
            listener.lines(rows)

    def events(self, events: Sequence[Event | DeviceGone]) -> None:
        """Monitors have told these."""
        for listener in self._listeners:
            if listener.wants_events:
                listener.events(events)

    def outcomes(self, outcomes: Sequence[Outcome], *, written: bool) -> Sequence[HistoryRow]:
        """What one fact has led to, and whether the store writes of it; the `lines` that it does not keep.

        They are raises that no task has heard, and progress between that which it keeps; none while nobody listens.
        """
        if self.followers:
            self.followers.take(outcomes)
        return self._unkept(outcomes, written=written) if self._listeners else ()

    def _unkept(self, outcomes: Sequence[Outcome], *, written: bool) -> list[HistoryRow]:
        heard = [outcome.raised for outcome in outcomes if isinstance(outcome, Heard)]
        rows = []
        for outcome in outcomes:
            match outcome:
                case Raised(at=at) if not any(outcome is raised for raised in heard):
                    rows.append(row_of_raise(outcome, wall_time(at)))
                case Progressed(at=at, instance_id=instance_id) if not written:
                    run = self._runs.get(instance_id)
                    if run is not None:
                        rows.append(row_of_progress(run.instance, outcome.progress, wall_time(at)))
                case _:
                    pass
        return rows

"""The method that says why a task does not run: what the pipeline knows, and what only a running daemon can look at.

It decides nothing and starts nothing; what a task's runs would find is looked up, not tried.
"""

import asyncio
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from bridge.dispatch.explaining import What, Why
from bridge.dispatch.task import Task
from bridge.model.durations import format_roughly
from bridge.model.text import printable
from bridge.monitors.monitor import Clock
from bridge.pipeline.explaining import Explaining, in_order
from bridge.service.access import reader_of, require_member, task_for
from bridge.service.bridge import Bridge
from bridge.service.callers import Caller
from bridge.service.clock import wall
from bridge.service.handlers_there import IsServed, handler_in_the_way
from bridge.service.present import Present
from bridge.service.varlink_server import Parameters, ServedMethod
from bridge.store.store import Store
from bridge.store.values import HistoryPage, Question

MOST_REASONS = 100
LONGEST_TEXT = 1000
"""Characters of a subject or message: what a member registers may be long, and an answer is one message."""
LOOKED_BACK = 100
"""Lines of a task's history in which its last run is looked for."""
_TOLD_OF_LAST_RUN = frozenset({What.READY, What.TRIGGER, What.DEVICE, What.MONITOR})
"""Where it helps to know when the task ran last."""


class ExplainMethods:
    """`Explain`."""

    def __init__(self, bridge: Bridge, clock: Clock, store: Store, is_served: IsServed) -> None:
        self._bridge = bridge
        self._clock = clock
        self._store = store
        self._is_served = is_served
        self._present = Present(bridge, clock)

    def methods(self) -> Mapping[str, ServedMethod]:
        """The method by its name."""
        return {"Explain": self.explain}

    def explain(self, caller: Caller, parameters: Parameters) -> asyncio.Future[Parameters]:
        """`Explain`: everything that is in the way of a task, the first thing first, or that nothing is."""
        require_member(caller, "Explain")
        task = task_for(caller, self._bridge.pipeline.dispatcher.tasks, parameters["name"])
        reasons = self._reasons(task)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Parameters] = loop.create_future()

        def give(page: HistoryPage) -> None:
            if not answer.done():
                answer.set_result({"reasons": [_view(why) for why in _with_last_run(reasons, last_run(page))]})

        def answered(page: HistoryPage) -> None:  # by the store's thread
            loop.call_soon_threadsafe(give, page)

        self._store.history(Question(limit=LOOKED_BACK, task=task.name, reader=reader_of(caller)), answered)
        return answer

    def _reasons(self, task: Task) -> list[Why]:
        pipeline = self._bridge.pipeline
        explaining = Explaining(pipeline, self._present.look, self._clock())
        refusal = "" if pipeline.dispatcher.accepts else self._bridge.refusal or "the store cannot write"
        found = in_order(
            [*explaining.in_the_way(task, refusal), *handler_in_the_way(task.registration, self._is_served)]
        )
        if not found:
            return [Why(what=What.READY, message=f"nothing is in its way: {explaining.what_raises(task)}")]
        left = len(found) - MOST_REASONS
        more = [Why(what=found[-1].what, message=f"and {left} more")] if left > 0 else []
        return [*found[:MOST_REASONS], *more]


def last_run(page: HistoryPage) -> str:
    """When a task ran last and how that ended, by the newest lines of its history; "" where they do not tell."""
    for row in reversed(page.rows):
        if row.what == "completed":
            detail = row.rest.get("detail")
            how = f"{row.rest.get('state')}{f' ({detail})' if detail and row.rest.get('state') != 'succeeded' else ''}"
            return f"its last run ended {_ago(row.wall)}: {how}"
        if row.what == "activated":
            return f"its last run began {_ago(row.wall)}"
    return "" if page.more else "no run of it is in the history"


def _ago(at: int) -> str:
    return f"{format_roughly(max(0, wall() - at))} ago"


def _with_last_run(reasons: Sequence[Why], last: str) -> Sequence[Why]:
    place = next((place for place, why in enumerate(reasons) if why.what in _TOLD_OF_LAST_RUN), None)
    if place is None or not last:
        return reasons
    told = replace(reasons[place], message=f"{reasons[place].message}; {last}")
    return [*reasons[:place], told, *reasons[place + 1 :]]


def _view(why: Why) -> Mapping[str, object]:
    subject = _cut(why.subject) if why.subject is not None else None
    return {"what": why.what, "subject": subject, "message": _cut(printable(why.message))}


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}..."

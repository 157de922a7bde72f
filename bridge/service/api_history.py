"""The method that tells what happened: lines of the store, as the interface has them. Nothing is remembered here."""

import asyncio
from collections.abc import Mapping

from bridge.dispatch.registry import Registry
from bridge.service.access import reader_of, require_member, require_own_name
from bridge.service.answers import invalid_parameter, page_of
from bridge.service.callers import Caller
from bridge.service.entries import entry_of
from bridge.service.varlink_server import Parameters, ServedMethod
from bridge.store.store import Store
from bridge.store.values import HistoryPage, Question

MOST_ENTRIES = 1000
USUAL_ENTRIES = 100


class HistoryMethods:
    """`History`."""

    def __init__(self, store: Store, tasks: Registry) -> None:
        self._store = store
        self._tasks = tasks

    def methods(self) -> Mapping[str, ServedMethod]:
        """The method by its name."""
        return {"History": self.history}

    def history(self, caller: Caller, parameters: Parameters) -> asyncio.Future[Parameters]:
        """`History`: the newest lines, or those after a line."""
        require_member(caller, "History")
        limit = parameters.get("limit")
        limit = USUAL_ENTRIES if limit is None else limit
        if not 1 <= limit <= MOST_ENTRIES:
            raise invalid_parameter("limit")
        since, task = asked_lines(caller, parameters, self._tasks)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Parameters] = loop.create_future()

        def give(page: HistoryPage) -> None:
            if not answer.done():
                answer.set_result(_fitting(page, newest=since is None))

        def answered(page: HistoryPage) -> None:  # by the store's thread
            loop.call_soon_threadsafe(give, page)

        self._store.history(Question(limit=limit, task=task, since=since, reader=reader_of(caller)), answered)
        return answer


def asked_lines(caller: Caller, parameters: Parameters, tasks: Registry) -> tuple[int | None, str | None]:
    """After which line, and about which task the caller asks. Raises InvalidParameter, and NotAllowed for another's."""
    since, task = parameters.get("since"), parameters.get("task")
    if since is not None and since < 0:
        raise invalid_parameter("since")
    if task == "":
        raise invalid_parameter("task")
    if task is not None:
        require_own_name(caller, tasks, task)
    return since, task


def _fitting(page: HistoryPage, *, newest: bool) -> Parameters:
    """As many lines as one answer holds: the newest of them, or the oldest."""
    entries, more = page_of(map(entry_of, reversed(page.rows) if newest else page.rows))
    return {"entries": entries[::-1] if newest else entries, "more": more or page.more}

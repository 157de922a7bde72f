"""The method that tells what happened: lines of the store, as the interface has them. Nothing is remembered here."""

import asyncio
from collections.abc import Mapping

from bridge.service.access import require_privilege
from bridge.service.answers import invalid_parameter, page_of
from bridge.service.callers import Caller
from bridge.service.varlink_server import Parameters, ServedMethod
from bridge.store.store import Store
from bridge.store.values import HistoryRow

MOST_ENTRIES = 1000
USUAL_ENTRIES = 100
_CALLED_OTHERWISE = {"why": "reason", "for": "held_for"}
"""What the interface calls some things that a line says."""


class HistoryMethods:
    """`History`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def methods(self) -> Mapping[str, ServedMethod]:
        """The method by its name."""
        return {"History": self.history}

    def history(self, caller: Caller, parameters: Parameters) -> asyncio.Future[Parameters]:
        """`History`: the newest lines, or those after a line."""
        require_privilege(caller, "History")
        limit, since = parameters.get("limit"), parameters.get("since")
        limit = USUAL_ENTRIES if limit is None else limit
        if not 1 <= limit <= MOST_ENTRIES:
            raise invalid_parameter("limit")
        if since is not None and since < 0:
            raise invalid_parameter("since")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Parameters] = loop.create_future()

        def give(rows: tuple[HistoryRow, ...]) -> None:
            if not answer.done():
                answer.set_result(_page(rows, newest=since is None))

        def answered(rows: tuple[HistoryRow, ...]) -> None:  # by the store's thread
            loop.call_soon_threadsafe(give, rows)

        self._store.history(limit, answered, task=parameters.get("task"), since=since)
        return answer


def _page(rows: tuple[HistoryRow, ...], *, newest: bool) -> Parameters:
    """As many lines as one answer holds: the newest of them, or the oldest."""
    entries, more = page_of(map(entry_of, reversed(rows) if newest else rows))
    return {"entries": entries[::-1] if newest else entries, "more": more}


def entry_of(row: HistoryRow) -> Mapping[str, object]:
    """A line of the history as the interface has it.

    >>> entry_of(HistoryRow(seq=7, wall=1, what="quarantined", task="lamp", rest={"why": "it failed"}))
    {'seq': 7, 'at': 1, 'what': 'quarantined', 'task': 'lamp', 'reason': 'it failed'}
    """
    entry: dict[str, object] = {"seq": row.seq, "at": row.wall, "what": row.what}
    if row.task:
        entry["task"] = row.task
    if row.instance:
        entry["instance_id"] = row.instance
    if row.trigger:
        entry["trigger"] = row.trigger
    if row.key:
        entry["key"] = row.key
    for name, value in row.rest.items():
        if value is not None:
            entry[_CALLED_OTHERWISE.get(name, name)] = value
    return entry

"""Answers of the daemon that come page by page, put together. Nothing here shows or judges what they hold."""

from collections import deque
from collections.abc import Iterator

from bridge.client.connection import Connection

TYPE_CHECKING = False  # typing's own would load typing, which takes longer than everything else here
if TYPE_CHECKING:
    from typing import Any

MOST_ENTRIES = 1000
"""That one call of `History` may ask for."""


def all_tasks(connection: Connection, group: str | None = None) -> "Iterator[dict[str, Any]]":
    """Every task, or those of a group, in the order of their names, as the interface's type `Task` has it.

    Raises what `Connection.call` raises, and `KeyError` or `TypeError` for the answer of something else.
    """
    after = None
    while True:
        answer = connection.call("org.hwbridge.AllTasks", {"group": group, "after": after})
        yield from answer["tasks"]
        if not answer["more"]:
            return
        after = answer["tasks"][-1]["name"]


def newest_entries(connection: Connection, limit: int, task: str | None = None) -> "list[dict[str, Any]]":
    """The newest lines of the history, oldest first. Raises as `all_tasks`."""
    if limit <= MOST_ENTRIES:
        answer = connection.call("org.hwbridge.History", {"limit": limit, "task": task})
        if not answer["more"] or len(answer["entries"]) == limit:
            return list(answer["entries"])
    return list(deque(entries_since(connection, 0, task), maxlen=limit))  # one answer cannot hold them


def entries_since(connection: Connection, since: int, task: str | None = None) -> "Iterator[dict[str, Any]]":
    """The lines of the history after the one with that number, oldest first. Raises as `all_tasks`."""
    while True:
        asked = {"limit": MOST_ENTRIES, "task": task, "since": since}
        answer = connection.call("org.hwbridge.History", asked)
        yield from answer["entries"]
        if not answer["more"]:
            return
        since = answer["entries"][-1]["seq"]

"""Words that the shells' completion offers and only the daemon knows. It says nothing of what goes wrong, and is quick.

    hwbridge complete KIND [WORD ...]   KIND: tasks triggers groups instances; the words of the line that is completed

Of those words it heeds which daemon is meant. Each word that can be completed is printed on a line of its own.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from bridge.cli.exit_codes import DONE
from bridge.client.connection import Connection
from bridge.client.pages import all_tasks
from bridge.errors import BridgeError
from bridge.model.sockets import sockets_meant

PATIENCE_SECONDS = 0.5
"""A person who has pressed the tabulator key waits for it."""
Task = Mapping[str, Any]


def complete(words: Sequence[str]) -> int:
    """Prints the words, or nothing."""
    kind, *line = words or [""]
    offer = _OFFERED.get(kind)
    if offer is not None:
        with suppress(BridgeError, LookupError, TypeError):
            found = sorted({word for task in _tasks(line) for word in offer(task)})
            print("".join([f"{word}\n" for word in found if word.isprintable()]), end="")
    return DONE


def _tasks(line: Sequence[str]) -> list[Task]:
    given = None
    for word, following in zip(line, [*line[1:], ""], strict=True):
        if word == "--socket":
            given = following or None
        given = word.partition("=")[2] or given if word.startswith("--socket=") else given
    flags = {"user": "--user" in line, "system": "--system" in line}
    for socket in sockets_meant(os.environ, os.getuid(), given, **flags):
        with suppress(BridgeError), Connection(socket, timeout_seconds=PATIENCE_SECONDS) as connection:
            return list(all_tasks(connection))
    return []


def _triggers(task: Task) -> Iterator[str]:
    """Of those that can be raised: the name that a rules file gives, or else the GUID."""
    return (each.get("name") or each["trigger"] for each in task["triggers"] if each["trigger"].startswith("{"))


_OFFERED: Mapping[str, Callable[[Task], Iterator[str]]] = {
    "tasks": lambda task: iter([task["name"]]),
    "triggers": _triggers,
    "groups": lambda task: iter([task["group"]] if task["group"] else []),
    "instances": lambda task: (run["instance_id"] for run in task["running"]),
}

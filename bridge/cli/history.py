"""`hwbridge history`: what the daemon has written down of raises, runs and registrations. It changes nothing."""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from bridge.cli.asking import connected
from bridge.cli.columns import aligned, length, moment
from bridge.cli.given import text
from bridge.cli.places import add_daemon_options
from bridge.client.pages import entries_since, newest_entries
from bridge.errors import InvalidValueError
from bridge.model.text import count_of

USUAL = 100
MOST_SHOWN_OUTPUT = 200
"""Characters, of the last line that a handler printed."""
_HEAD = ("SEQ", "TIME", "WHAT", "TASK", "INSTANCE", "")


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `history`."""
    parser.add_argument("--task", metavar="NAME", type=text, help="only what is about this task")
    parser.add_argument(
        "--limit", metavar="N", type=int, help=f"at most so many lines: the newest {USUAL}, or all with --since"
    )
    parser.add_argument("--since", metavar="SEQ", type=int, help="only lines after the one with this number")
    parser.add_argument("--json", action="store_true", help="print one JSON object for each line")
    add_daemon_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints lines, oldest first."""
    limit, since = arguments.limit, arguments.since
    if limit is not None and limit < 1:
        raise InvalidValueError(f"--limit is at least 1, found {limit}")
    if since is not None and since < 0:
        raise InvalidValueError(f"--since is the number of a line, found {since}")
    with connected(arguments) as daemon:
        if since is None:
            entries = newest_entries(daemon, limit or USUAL, arguments.task)
        else:
            entries = list(islice(entries_since(daemon, since, arguments.task), limit))
        lines = list(map(json.dumps, entries)) if arguments.json else _lines(entries)
    for line in lines:
        print(line)
    return 0


def _lines(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        (
            str(entry["seq"]),
            moment(entry["at"]),
            entry["what"],
            entry.get("task") or "-",
            entry.get("instance_id") or "-",
            ", ".join(_about(entry)),
        )
        for entry in entries
    ]
    return aligned([_HEAD, *rows]) if rows else []


def _about(entry: Mapping[str, Any]) -> Iterator[str]:
    for field, said in _SAID.items():
        value = entry.get(field)
        if value and value != _USUALLY.get(field):
            yield said(value)


def _last_line(output: str) -> str:
    return f"printed: {output.rstrip().rpartition(chr(10))[2][-MOST_SHOWN_OUTPUT:]}"


_SAID: Mapping[str, Callable[[Any], str]] = {
    "trigger": str,
    "rule": "by {}".format,
    "key": "key {}".format,
    "state": str,
    "detail": str,
    "reason": str,
    "merged": lambda merged: count_of(merged, "raise"),
    "attempt": "attempt {}".format,
    "redelivered": lambda _: "redelivered",
    "replaced": lambda _: "replaced another one",
    "duration": lambda duration: f"took {length(duration)}",
    "again_in": lambda again_in: f"again in {length(again_in)}",
    "held_for": lambda held_for: f"held for {length(held_for)}",
    "suspended": "suspended {} times".format,
    "throttled": "throttled {} times".format,
    "output": _last_line,
}
"""What is said of an entry's fields, in this order, where they are there and say something."""
_USUALLY = {"merged": 1, "attempt": 1}

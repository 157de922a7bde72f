"""Lines of the history as people read them. It knows the interface's type `Entry`, and asks nobody."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from bridge.cli.columns import moment
from bridge.cli.tables import table_lines
from bridge.model.durations import format_roughly
from bridge.model.text import count_of

Entry = Mapping[str, Any]
HEAD = ("SEQ", "TIME", "WHAT", "TASK", "INSTANCE", "")
MOST_SHOWN_OUTPUT = 200
"""Characters, of the last line that a handler printed."""


def lines_of_entries(entries: Sequence[Entry]) -> list[str]:
    """A line for each entry, below a head."""
    return table_lines(HEAD, [row_of(entry) for entry in entries])


def row_of(entry: Entry) -> tuple[str, str, str, str, str, str]:
    """The cells below `HEAD`."""
    seq = entry.get("seq")
    return (
        "-" if seq is None else str(seq),
        moment(entry["at"]),
        entry["what"],
        entry.get("task") or "-",
        entry.get("instance_id") or "-",
        about(entry),
    )


def about(entry: Entry) -> str:
    """What there is to say of it besides when, what and whose it is."""
    return ", ".join(_said(entry))


def _said(entry: Entry) -> Iterator[str]:
    for field, said in _SAID.items():
        value = entry.get(field)
        if value and value != _USUALLY.get(field):
            yield said(value)


def _last_line(output: str) -> str:
    return f"printed: {output.rstrip().rpartition(chr(10))[2][-MOST_SHOWN_OUTPUT:]}"


def _details(details: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in details.items())


_SAID: Mapping[str, Callable[[Any], str]] = {
    "trigger": str,
    "rule": "by {}".format,
    "key": "key {}".format,
    "origin": "found at {}".format,
    "cause": "raised by run {}".format,
    "progress": str,
    "state": str,
    "reason": str,
    "detail": str,
    "merged": lambda merged: count_of(merged, "raise"),
    "attempt": "attempt {}".format,
    "redelivered": lambda _: "redelivered",
    "replaced": lambda _: "replaced another one",
    "duration": lambda duration: f"took {format_roughly(duration)}",
    "again_in": lambda again_in: f"again in {format_roughly(again_in)}",
    "held_for": lambda held_for: f"held for {format_roughly(held_for)}",
    "suspended": "suspended {} times".format,
    "throttled": "throttled {} times".format,
    "details": _details,
    "output": _last_line,
}
"""What is said of an entry's fields, in this order, where they are there and say something."""
_USUALLY = {"merged": 1, "attempt": 1, "origin": "live"}

"""What the history says of each decision, and how it is asked. Nothing here decides what is worth telling whom."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from bridge.dispatch.decisions import (
    Activate,
    Cancel,
    Dropped,
    Finished,
    Kill,
    Latched,
    Quarantined,
    Registered,
    Reset,
    Slowed,
    Unregistered,
)
from bridge.model.tasks import Instance
from bridge.model.triggers import Raised
from bridge.store.content import read, written
from bridge.store.values import HistoryRow, Times

if TYPE_CHECKING:
    import sqlite3

MOST_OUTPUT = 8 * 1024
"""Bytes: the end of what a run printed."""
TOLD = (
    Raised
    | Latched
    | Activate
    | Cancel
    | Kill
    | Finished
    | Dropped
    | Quarantined
    | Slowed
    | Registered
    | Unregistered
    | Reset
)


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of the history as it is written, beside its number, its task and its time."""

    what: str
    instance: str = ""
    trigger: str = ""
    key: str = ""
    rest: Mapping[str, object] = msgspec.field(default_factory=dict)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines are wanted: the newest, or where `since` is given, the first ones after that; at most `limit`."""

    limit: int
    task: str | None = None
    since: int | None = None


class History:
    """Makes lines of decisions; of a run that ends it knows when it began."""

    def __init__(self) -> None:
        self._began: dict[str, int] = {}

    def rows(self, outcomes: Iterable[object], times: Times) -> list[tuple[int, str, str]]:
        """For each decision that is worth a line its wall time, its task, and the line."""
        rows = []
        for outcome in outcomes:
            if isinstance(outcome, TOLD):
                task, line = self._line(outcome)
                rows.append((outcome.at + times.wall_offset, task, written(line)))
        return rows

    def _line(self, outcome: TOLD) -> tuple[str, Line]:
        match outcome:
            case Raised(trigger=trigger, key=key, details=details):
                rest: dict[str, object] = {"rule": outcome.rule, "origin": outcome.origin, "details": details}
                return outcome.task or "", Line(what="raised", trigger=str(trigger), key=key, rest=rest)
            case Activate(instance=instance):
                self._began[instance.instance_id] = outcome.at
                counts = {"merged": instance.merged, "attempt": instance.attempt, "redelivered": instance.redelivered}
                return _of_run("activated", instance, counts)
            case Finished(instance=instance):
                return _of_run("completed", instance, self._ending(outcome))
            case Cancel(instance=instance):
                return _of_run("canceled", instance, {"reason": outcome.reason.name})
            case Kill(instance=instance):
                return _of_run("killed", instance, {})
            case Latched(task=task, key=key):
                return task, Line(what="latched", key=key, rest={"merged": outcome.merged})
            case Dropped(task=task, key=key):
                return task, Line(what="dropped", key=key, rest={"reason": outcome.reason, "merged": outcome.merged})
            case Quarantined(task=task):
                return task, Line(what="quarantined", rest={"why": outcome.why})
            case Slowed(task=task, key=key):
                return task, Line(what="slowed", key=key, rest={"for": outcome.until - outcome.at})
            case Registered(task=registration):
                return registration.name, Line(what="registered", rest={"replaced": outcome.replaced})
            case Unregistered(task=task):
                return task, Line(what="unregistered")
            case Reset(task=task):
                return task, Line(what="reset")

    def _ending(self, finished: Finished) -> dict[str, object]:
        began = self._began.pop(finished.instance.instance_id, None)
        said = {
            "state": finished.state,
            "detail": finished.detail,
            "output": _end(finished.output),
            "duration": finished.at - began if began is not None else None,
            "again_in": finished.again_at - finished.at if finished.again_at is not None else None,
            "suspended": finished.suspended,
            "throttled": finished.throttled,
        }
        return {name: value for name, value in said.items() if value is not None}


def _of_run(what: str, instance: Instance, rest: Mapping[str, object]) -> tuple[str, Line]:
    raised = instance.raised
    line = Line(what=what, instance=instance.instance_id, trigger=str(raised.trigger), key=raised.key, rest=rest)
    return instance.task.name, line


def _end(output: str) -> str:
    if len(output) * 4 <= MOST_OUTPUT:
        return output
    return output.encode(errors="backslashreplace")[-MOST_OUTPUT:].decode(errors="ignore")


def asked(connection: "sqlite3.Connection", question: Question) -> tuple[HistoryRow, ...]:
    """The lines that are asked for, oldest first."""
    limit, task, since = question.limit, question.task, question.since
    order = "desc" if since is None else "asc"
    statement = (
        "select seq, wall, task, content from history where seq > ?1 and (?2 is null or task = cast(?2 as text))"
        f" order by seq {order} limit ?3"
    )
    named = task.encode(errors="surrogatepass") if task is not None else None
    rows = connection.execute(statement, (since if since is not None else -1, named, limit)).fetchall()
    return tuple(_row(*row) for row in (rows if since is not None else reversed(rows)))


def _row(seq: int, wall: int, task: bytes, content: bytes) -> HistoryRow:
    try:
        line = read(content, Line)
    except ValueError:  # a flipped bit: one line less is known, and the others are as they were
        line = Line(what="unreadable")
    return HistoryRow(
        seq=seq,
        wall=wall,
        what=line.what,
        task=task.decode(errors="replace"),
        instance=line.instance,
        trigger=line.trigger,
        key=line.key,
        rest=line.rest,
    )

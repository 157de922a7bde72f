"""What the history says of each decision, and how it is asked. Nothing here decides what is worth telling whom."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from bridge.dispatch.decisions import (
    Activate,
    Cancel,
    Dropped,
    Finished,
    Heard,
    Kill,
    Latched,
    Merged,
    Progressed,
    Quarantined,
    Registered,
    Reset,
    Slowed,
    Unregistered,
)
from bridge.model.tasks import Instance
from bridge.model.triggers import Raised, TriggerId
from bridge.store.content import read, written
from bridge.store.values import HistoryPage, HistoryRow, Question, Times

if TYPE_CHECKING:
    import sqlite3

MOST_OUTPUT = 8 * 1024
"""Bytes: the end of what a run printed."""
MOST_PAGE_BYTES = 256 * 1024
"""Of content in one answer, unless one line has more."""
TOLD = (
    Heard
    | Merged
    | Latched
    | Activate
    | Progressed
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


class Content(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a line of the history says, as it is written, beside its number, its time, its task and its readers."""

    what: str
    instance: str = ""
    trigger: str = ""
    key: str = ""
    rest: Mapping[str, object] = msgspec.field(default_factory=dict)


class Line(NamedTuple):
    """A line as it goes into the table, and what it says. `readers`: `,1000,1001,`, each between two commas."""

    wall: int
    task: str
    content: str
    readers: str
    said: Content


class _Begun(msgspec.Struct, frozen=True):
    at: int
    instance: Instance


class History:
    """Makes lines of decisions; of a run that goes on it knows which it is and when it began."""

    def __init__(self) -> None:
        self._begun: dict[str, _Begun] = {}

    def lines(self, outcomes: Iterable[object], times: Times) -> list[Line]:
        """A line for each decision that is worth one."""
        lines = []
        for outcome in outcomes:
            if isinstance(outcome, TOLD):
                owners, task, content = self._content(outcome)
                wall = outcome.at + times.wall_offset
                lines.append(Line(wall, task, written(content), _readers(owners), content))
        return lines

    def _content(self, outcome: TOLD) -> tuple[Iterable[int | None], str, Content]:
        """Whose it is, which task it is about, and what it says."""
        match outcome:
            case Heard(raised=raised, owners=owners):
                return owners, raised.task or "", _of_raise(raised)
            case Activate(instance=instance):
                self._begun[instance.instance_id] = _Begun(outcome.at, instance)
                counts = {"merged": instance.merged, "attempt": instance.attempt, "redelivered": instance.redelivered}
                return _of_run("activated", instance, counts)
            case Progressed(instance_id=instance_id, progress=progress):
                begun = self._begun.get(instance_id)
                if begun is None:
                    return (), "", Content(what="progress", instance=instance_id, rest={"progress": progress})
                return _of_run("progress", begun.instance, {"progress": progress})
            case Finished(instance=instance):
                return _of_run("completed", instance, self._ending(outcome))
            case Cancel(instance=instance):
                return _of_run("canceled", instance, {"reason": outcome.reason.name})
            case Kill(instance=instance):
                return _of_run("killed", instance, {})
            case Merged(trigger=trigger):
                return _of_key("merged", outcome, trigger, {"merged": outcome.merged})
            case Latched(trigger=trigger):
                return _of_key("latched", outcome, trigger, {"merged": outcome.merged})
            case Dropped(raised=newest, merged=merged):
                trigger = newest.trigger if newest is not None else None
                return _of_key("dropped", outcome, trigger, {"reason": outcome.reason, "merged": merged})
            case Slowed(trigger=trigger):
                return _of_key("slowed", outcome, trigger, {"for": outcome.until - outcome.at})
            case Registered(task=registration):
                rest = {"replaced": outcome.replaced}
                return (registration.owner,), registration.name, Content(what="registered", rest=rest)
            case Quarantined(task=task, owner=owner):
                return (owner,), task, Content(what="quarantined", rest={"why": outcome.why})
            case Unregistered(task=task, owner=owner):
                return (owner,), task, Content(what="unregistered")
            case Reset(task=task, owner=owner):
                return (owner,), task, Content(what="reset")

    def _ending(self, finished: Finished) -> dict[str, object]:
        begun = self._begun.pop(finished.instance.instance_id, None)
        said = {
            "state": finished.state,
            "reason": finished.reason.name if finished.reason is not None else None,
            "detail": finished.detail,
            "output": end_of(finished.output),
            "progress": finished.progress or None,
            "duration": finished.at - begun.at if begun is not None else None,
            "again_in": finished.again_at - finished.at if finished.again_at is not None else None,
            "suspended": finished.suspended,
            "throttled": finished.throttled,
        }
        return {name: value for name, value in said.items() if value is not None}


def row_of_raise(raised: Raised, wall: int) -> HistoryRow:
    """What is told of a raise that no task has heard, and that is not kept."""
    return _row_of(raised.task or "", _of_raise(raised), (), wall)


def row_of_progress(instance: Instance, progress: int, wall: int) -> HistoryRow:
    """What is told of a run's progress that is not kept."""
    owners, task, content = _of_run("progress", instance, {"progress": progress})
    return _row_of(task, content, owners, wall)


def _row_of(task: str, content: Content, owners: Iterable[int | None], wall: int, seq: int | None = None) -> HistoryRow:
    return HistoryRow(
        seq=seq,
        wall=wall,
        what=content.what,
        task=task,
        instance=content.instance,
        trigger=content.trigger,
        key=content.key,
        rest=content.rest,
        readers=frozenset(owner for owner in owners if owner is not None),
    )


def _of_raise(raised: Raised) -> Content:
    rest = {"rule": raised.rule, "origin": raised.origin, "cause": raised.cause, "details": raised.details}
    said = {name: value for name, value in rest.items() if value is not None}
    return Content(what="raised", trigger=str(raised.trigger), key=raised.key, rest=said)


def _of_run(what: str, instance: Instance, rest: Mapping[str, object]) -> tuple[Iterable[int | None], str, Content]:
    raised, task = instance.raised, instance.task
    content = Content(what=what, instance=instance.instance_id, trigger=str(raised.trigger), key=raised.key, rest=rest)
    return (task.owner,), task.name, content


def _of_key(
    what: str, outcome: Merged | Latched | Dropped | Slowed, trigger: TriggerId | None, rest: Mapping[str, object]
) -> tuple[Iterable[int | None], str, Content]:
    named = str(trigger) if trigger is not None else ""
    return (outcome.owner,), outcome.task, Content(what=what, trigger=named, key=outcome.key, rest=rest)


def _readers(owners: Iterable[int | None]) -> str:
    uids = [owner for owner in owners if owner is not None]
    return f",{','.join(map(str, sorted(uids)))}," if uids else ""


def end_of(output: str, most: int = MOST_OUTPUT) -> str:
    """The end of what a run printed, of at most so many bytes."""
    if len(output) * 4 <= most:
        return output
    return output.encode(errors="backslashreplace")[-most:].decode(errors="ignore")


_ASKED = """
select seq, wall, task, content, readers from history where seq > ?1
    and (?2 is null or task = cast(?2 as text))
    and (?3 is null or instr(readers, ?3) > 0)
    and case when ?4 is null then 1 when json_valid(content) then json_extract(content, '$.trigger') = ?4 else 0 end
    order by seq {order} limit ?5
"""
"""A flipped bit can make a content that is no JSON: that is not to fail for."""


def asked(connection: "sqlite3.Connection", question: Question) -> HistoryPage:
    """The lines that are asked for."""
    since, task = question.since, question.task
    parameters = (
        since if since is not None else -1,
        task.encode(errors="surrogatepass") if task is not None else None,
        f",{question.reader}," if question.reader is not None else None,
        question.trigger,
        question.limit + 1,
    )
    rows: list[HistoryRow] = []
    size, more = 0, False
    cursor = connection.execute(_ASKED.format(order="desc" if since is None else "asc"), parameters)
    for row in cursor:
        size += len(row[3])
        more = len(rows) == question.limit or bool(rows and size > MOST_PAGE_BYTES)
        if more:
            break
        rows.append(_row(*row))
    cursor.close()
    oldest, newest = connection.execute("select min(seq), max(seq) from history").fetchone()
    if since is None:
        rows.reverse()
    return HistoryPage(rows=tuple(rows), more=more, oldest=oldest or 0, newest=newest or 0)


def told(lines: Iterable[Line], first: int) -> list[HistoryRow]:
    """The rows that these lines are in the table, the first with this number."""
    return [
        _row_of(line.task, line.said, _uids(line.readers), line.wall, seq)
        for seq, line in enumerate(lines, start=first)
    ]


def _row(seq: int, wall: int, task: bytes, content: bytes, readers: bytes) -> HistoryRow:
    try:
        said = read(content, Content)
    except ValueError:  # a flipped bit: one line less is known, and the others are as they were
        said = Content(what="unreadable")
    return _row_of(task.decode(errors="replace"), said, _uids(readers.decode(errors="replace")), wall, seq)


def _uids(readers: str) -> Iterable[int]:
    return [int(uid) for uid in readers.split(",") if uid.isdecimal()] if readers else ()

"""What one write means for each table, as rows. Nothing here touches a database.

Rows of many writes become one JSON array per table, so that SQLite takes them in one statement, without the
interpreter: the threads of the daemon need not wait for each other row by row.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from bridge.dispatch.kept import Answered, Kept, TaskForgotten, TaskKept
from bridge.mapping.memory import ForgottenThisBoot, LevelTurned, RaisedThisBoot
from bridge.store.content import OwedContent, Row, TaskContent, checksum, checksum_of_named, written
from bridge.store.history import TOLD, History, Line
from bridge.store.values import Times

KEPT = Kept | Answered | TaskKept | TaskForgotten | LevelTurned | RaisedThisBoot | ForgottenThisBoot
WRITTEN = KEPT | TOLD
"""What the store writes down; everything else is passed over."""

Named = tuple[str, str | None, int]
"""A task's name, its content or None where it is forgotten, and the checksum of both."""
Level = LevelTurned | RaisedThisBoot | ForgottenThisBoot
_LEVELS = object()


@dataclass(slots=True)
class Rows:
    """Rows for each table; `size` is how many bytes of content they have."""

    owed: list[Row] = field(default_factory=list)
    batch: list[Row] = field(default_factory=list)
    forgotten: list[tuple[int, int]] = field(default_factory=list)
    """Numbers, and how many of the oldest details of their batch go."""
    answered: list[int] = field(default_factory=list)
    tasks: list[Named] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    history: list[Line] = field(default_factory=list)
    size: int = 0

    def add(self, other: "Rows") -> None:
        """What comes after these."""
        self.owed += other.owed
        self.batch += other.batch
        self.forgotten += other.forgotten
        self.answered += other.answered
        self.tasks += other.tasks
        self.levels += other.levels
        self.history += other.history
        self.size += other.size

    def touched(self) -> set[object]:
        """What these rows are about: those of two writes that share none may change places."""
        numbers = [*(row[0] for row in self.owed), *self.answered]
        return {*numbers, *(name for name, _, _ in self.tasks), *(_LEVELS for _ in self.levels[:1])}


def rows_of(outcomes: Iterable[object], times: Times, boot: str, history: History) -> Rows:
    """The rows that these outcomes of one fact change."""
    rows = Rows()
    for outcome in outcomes:
        match outcome:
            case Kept():
                rows.owed.append(_owed(outcome, times, boot))
                rows.batch += [_detail(outcome.number, details) for details in outcome.batch]
                if outcome.forgotten:
                    rows.forgotten.append((outcome.number, outcome.forgotten))
            case Answered(number=number):
                rows.answered.append(number)
            case TaskKept():
                rows.tasks.append(_task(outcome, times, boot))
            case TaskForgotten(name=name):
                rows.tasks.append((name, None, 0))
            case LevelTurned() | RaisedThisBoot() | ForgottenThisBoot():
                rows.levels.append(outcome)
    rows.history = history.lines(outcomes, times)
    rows.size = (
        sum(len(content) for _, content, _ in rows.owed)
        + sum(len(content) for _, content, _ in rows.batch)
        + sum(len(content or "") for _, content, _ in rows.tasks)
        + sum(len(line.content) for line in rows.history)
    )
    return rows


def _owed(kept: Kept, times: Times, boot: str) -> Row:
    raised = kept.raised
    content = written(
        OwedContent(
            boot=boot,
            task=kept.task,
            at=raised.at + times.asleep,
            wall=raised.at + times.wall_offset,
            trigger=str(raised.trigger),
            rule=raised.rule,
            key=raised.key,
            details=raised.details,
            origin=raised.origin,
            only_task=raised.task,
            merged=kept.merged,
            instance_id=kept.instance_id,
            attempt=kept.attempt,
            again=kept.again,
            due=kept.due + times.asleep if kept.due is not None else None,
            wall_due=kept.due + times.wall_offset if kept.due is not None else None,
            latched=kept.latched,
            redelivered=kept.redelivered,
        )
    )
    return kept.number, content, checksum(content.encode(), kept.number)


def _detail(number: int, details: object) -> Row:
    content = written(details)
    return number, content, checksum(content.encode(), number)


def _task(kept: TaskKept, times: Times, boot: str) -> Named:
    state, registration = kept.state, kept.registration
    content = written(
        TaskContent(
            boot=boot,
            name=state.name,
            definition=state.definition,
            from_file=registration.from_file,
            owner=registration.owner,
            spent=tuple(sorted(state.spent)),
            spent_in_boot=tuple(sorted(state.spent_in_boot)),
            due={place: (due + times.asleep, due + times.wall_offset) for place, due in state.due.items()},
            failures=state.failures,
            quarantined=state.quarantined,
            package=state.package,
        )
    )
    return state.name, content, checksum_of_named(content.encode(), state.name.encode())


def as_json(rows: Sequence[object]) -> str:
    """The rows as one JSON array, for json_each()."""
    return msgspec.json.encode(rows).decode()

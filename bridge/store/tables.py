"""Rows into the tables of an open database, within its limits: the oldest history goes first. It commits nothing.

What is owed is never deleted to make room; whether there is too much of it is said, and others refuse what is new.
"""

from collections import Counter
from dataclasses import dataclass, field

from bridge.mapping.memory import ForgottenThisBoot, LevelTurned, RaisedThisBoot
from bridge.store.database import Database
from bridge.store.reading import Found
from bridge.store.rows import Level, Named, Rows, as_json
from bridge.store.values import Limits

_LEAST_TRIMMED = 64
_ROW = "json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]')"
_ROWS = f"select {_ROW} from json_each(?)"
_PUT_OWED = f"insert or replace into owed {_ROWS}"
_PUT_BATCH = f"insert into batch (number, content, checksum) {_ROWS}"
_PUT_TASKS = f"insert or replace into task {_ROWS}"
_PUT_HISTORY = (  # `key` counts from 0
    "insert into history (seq, wall, task, content, readers)"
    f" select ?1 + key, {_ROW}, json_extract(value, '$[3]') from json_each(?2)"
)
_FORGET_DETAILS = "delete from batch where id in (select id from batch where number = ? order by id limit ?)"
_PUT_TRUE = "insert or ignore into true_level values (cast(? as text), cast(? as text), cast(? as text))"
_DROP_TRUE = (
    "delete from true_level where rule = cast(? as text) and owner = cast(? as text) and rest = cast(? as text)"
)
_PUT_RAISED = "insert or ignore into raised_in_boot values (cast(? as text), cast(? as text), cast(? as text))"
_DROP_RAISED = (
    "delete from raised_in_boot where boot = cast(? as text) and rule = cast(? as text) and key = cast(? as text)"
)
_NUMBERS = "(select value from json_each(?))"


@dataclass(slots=True)
class _Change:
    """What a transaction changes of what is known about the tables."""

    oldest: int
    newest: int
    added: set[int] = field(default_factory=set)
    removed: set[int] = field(default_factory=set)
    is_cleared: bool = False
    is_claimed: bool = False


class Tables:
    """The tables of one database. Whoever commits what was put says so: `settled`."""

    def __init__(self, database: Database, limits: Limits) -> None:
        self._database = database
        self._connection = database.connection
        self._limits = limits
        self._owed = {number for (number,) in self._connection.execute("select number from owed")}
        self._oldest: int
        self._newest: int
        self._oldest, self._newest = self._connection.execute(
            "select coalesce(min(seq), 1), coalesce(max(seq), 0) from history"
        ).fetchone()
        self._is_claimed = False

    @property
    def newest_line(self) -> int:
        """The number of the newest line of the history that is committed."""
        return self._newest

    def number_from(self, newest: int) -> None:
        """Lines of the history are numbered on from this one, which was in another file."""
        if newest > self._newest:
            if self._oldest > self._newest:
                self._oldest = newest + 1
            self._newest = newest

    def begin(self) -> None:
        """A transaction begins: what `put` and the like change in it holds once it is `settled`."""
        self._change = _Change(self._oldest, self._newest)

    def claim(self, start: str, boot: str) -> None:
        """Says once that this start of the daemon uses the file; those before it are forgotten."""
        if not self._is_claimed:
            self._connection.execute("delete from start")
            self._connection.execute("insert into start values (?, ?)", (start, boot))
            self._connection.execute("delete from raised_in_boot where boot <> ?", (boot,))
            self._change.is_claimed = True

    def release(self) -> None:
        """The start of the daemon that claimed the file is over, and nothing of it is left."""
        if self._is_claimed:
            self._connection.execute("delete from start")

    def grow(self, rows: Rows) -> bool:
        """Whether these rows are more than those that are there: not only others in their places."""
        return bool(rows.batch or rows.tasks) or any(number not in self._owed for number, _, _ in rows.owed)

    def settled(self) -> None:
        """What was written since `begin` is committed."""
        change = self._change
        if change.is_cleared:
            self._owed.clear()
        self._owed |= change.added
        self._owed -= change.removed
        self._oldest, self._newest = change.oldest, change.newest
        self._is_claimed = self._is_claimed or change.is_claimed

    def clear_owed(self) -> None:
        """Forgets activations and tasks: what is to be kept of them comes anew."""
        for table in ("owed", "batch", "task"):
            self._connection.execute(f"delete from {table}")
        self._change.is_cleared = True

    def put_back(self, found: Found) -> None:
        """Puts in what was found in another file, as it stood there."""
        for statement, rows in (
            ("insert or ignore into owed values (?, cast(? as text), ?)", found.owed),
            ("insert or ignore into batch values (?, ?, cast(? as text), ?)", found.batch),
            ("insert or ignore into task values (cast(? as text), cast(? as text), ?)", found.tasks),
            (_PUT_TRUE, found.true_levels),
            (_PUT_RAISED, found.raised_in_boot),
            ("insert or ignore into start values (cast(? as text), cast(? as text))", found.starts),
        ):
            self._connection.executemany(statement, rows)
        self._change.added.update(number for number, _, _ in found.owed)

    def put(self, rows: Rows, boot: str) -> int:
        """Puts these rows in, deletes what they say is over, and the history that there is no room for.

        The number of the first line of their history, if they have some.
        """
        first = self._change.newest + 1
        self._put_owed(rows)
        self._put_tasks(rows.tasks)
        for level in rows.levels:
            self._put_level(level, boot)
        if rows.history:
            self._connection.execute(_PUT_HISTORY, (first, as_json([line[:4] for line in rows.history])))
            self._change.newest += len(rows.history)
        self._trim()
        return first

    def _put_owed(self, rows: Rows) -> None:
        kept = {row[0]: row for row in rows.owed}
        if kept:
            self._connection.execute(_PUT_OWED, (as_json(list(kept.values())),))
        if rows.batch:
            self._connection.execute(_PUT_BATCH, (as_json(rows.batch),))
        forgotten: Counter[int] = Counter()
        for number, count in rows.forgotten:
            forgotten[number] += count
        for number, count in forgotten.items():
            self._connection.execute(_FORGET_DETAILS, (number, count))
        if rows.answered:
            numbers = as_json(rows.answered)
            self._connection.execute(f"delete from owed where number in {_NUMBERS}", (numbers,))
            self._connection.execute(f"delete from batch where number in {_NUMBERS}", (numbers,))
        self._change.added |= kept.keys()
        self._change.removed.update(rows.answered)

    def _put_tasks(self, tasks: list[Named]) -> None:
        last = {name: (name, content, checksum) for name, content, checksum in tasks}
        gone = [name for name, content, _ in last.values() if content is None]
        kept = [row for row in last.values() if row[1] is not None]
        if gone:
            self._connection.execute(f"delete from task where name in {_NUMBERS}", (as_json(gone),))
        if kept:
            self._connection.execute(_PUT_TASKS, (as_json(kept),))

    def _put_level(self, level: Level, boot: str) -> None:
        match level:
            case LevelTurned(rule=rule, subject=(owner, rest)):
                named = (_text(rule), _text(owner), _text(rest))
                if level.true:
                    self._connection.execute(_PUT_TRUE, named)
                else:
                    self._connection.execute(_DROP_TRUE, named)
            case RaisedThisBoot(rule=rule, key=key):
                self._connection.execute(_PUT_RAISED, (boot.encode(), _text(rule), _text(key)))
            case ForgottenThisBoot(rule=rule, key=key):
                self._connection.execute(_DROP_RAISED, (boot.encode(), _text(rule), _text(key)))

    def _trim(self) -> None:
        """Deletes the oldest history beyond the limits, but the newest line, so that its numbers go on."""
        self._delete_history(self._change.newest - max(1, self._limits.rows - self._count()) + 1)
        while self._database.used() > self._limits.bytes and self.shed():
            pass

    def shed(self) -> bool:
        """Deletes some of the oldest history; whether there was some."""
        change = self._change
        if change.oldest >= change.newest:
            return False
        portion = max(_LEAST_TRIMMED, (change.newest - change.oldest) // 32)
        self._delete_history(min(change.newest, change.oldest + portion))
        return True

    def _count(self) -> int:
        """How many activations are owed once this is committed, or a few more."""
        before = 0 if self._change.is_cleared else len(self._owed)
        return before + len(self._change.added - self._owed) - len(self._change.removed & self._owed)

    def _delete_history(self, keep_from: int) -> None:
        if keep_from > self._change.oldest:
            self._connection.execute("delete from history where seq < ?", (keep_from,))
            self._change.oldest = keep_from

    def is_crowded(self, *, was: bool) -> bool:
        """Whether what is owed fills the limits; if it did before, until an eighth is free."""
        eighths = 7 if was else 8
        if len(self._owed) * 8 > self._limits.rows * eighths:
            return True
        return self._newest <= self._oldest and self._database.used() * 8 > self._limits.bytes * eighths


def _text(text: str) -> bytes:
    """As SQLite has text; halves of surrogate pairs, which stand for bytes in devices' names, stay what they are."""
    return text.encode(errors="surrogatepass")

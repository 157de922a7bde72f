"""Tables as people see them: aligned columns, and on a terminal colours and lines that fold. Nothing here prints.

What comes from outside is escaped here. rich, which draws, is loaded only where a person looks at a terminal.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from shutil import get_terminal_size
from typing import TYPE_CHECKING

from bridge.cli.columns import aligned
from bridge.model.text import printable

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

Row = Sequence[str]

_GOOD, _BAD, _HELD, _BUSY = "green", "red", "yellow", "cyan"
COLOURS: Mapping[str, str] = {
    **dict.fromkeys(("ready", "succeeded", "met", "Allowed", "registered"), _GOOD),
    **dict.fromkeys(("failed", "killed", "quarantined", "unreadable", "dropped", "store", "handler", "gap"), _BAD),
    **dict.fromkeys(("server", "user", "monitor", "device", "trigger"), _BAD),
    **dict.fromkeys(("latched", "waiting", "condition", "mains", "lost", "unknown", "slowed", "expired"), _HELD),
    **dict.fromkeys(("canceled", "again"), _HELD),
    **dict.fromkeys(("running", "activated", "progress"), _BUSY),
}
"""Words with a meaning that a colour shows."""
_COLOURED_COLUMNS = frozenset({"STATE", "WHAT", "", "state", "quarantined"})
"""The heads and labels beside which such words are looked for."""
_NARROWEST = 20
"""Columns; where a terminal says less, it does not know."""


def table_lines(head: Row, rows: Sequence[Row]) -> list[str]:
    """The rows below a head, as lines to print; without rows there are none.

    >>> table_lines(("NAME", "STATE"), [("lamp-on", "idle")])
    ['NAME     STATE', 'lamp-on  idle']
    """
    if not rows:
        return []
    return _drawn(_table(head, rows)) if is_person_looking() else aligned([head, *rows])


def record_lines(about: Iterable[tuple[str, Sequence[str]]]) -> list[str]:
    """What is known of one thing: labels, each with what is said, in lines below each other.

    >>> record_lines([("name", ["lamp"]), ("group", []), ("triggers", ["door", "window"])])
    ['name      lamp', 'triggers  door', '          window']
    """
    rows = [(label if place == 0 else "", said) for label, all_said in about for place, said in enumerate(all_said)]
    return _drawn(_record(rows)) if is_person_looking() else aligned(rows)


def alarming(line: str) -> str:
    """A line that a person should not overlook."""
    return _drawn(_text(line, _BAD))[0] if is_person_looking() else printable(line)


class GrowingTable:
    """A table whose rows come one by one, while it is printed: a column is as wide as the widest cell up to now.

    `widths` are those at the beginning, of all columns but the last.

    >>> table = GrowingTable(("SEQ", "WHAT", ""), (3, 8))
    >>> table.head_line(), table.line(("1", "raised", "door"))
    ('SEQ  WHAT', '1    raised    door')
    """

    def __init__(self, head: Row, widths: Sequence[int]) -> None:
        self._head = head
        self._widths = [max(width, len(name)) for width, name in zip(widths, head[:-1], strict=True)]

    def head_line(self) -> str:
        """The head."""
        line = "  ".join(self._padded(self._head)).rstrip()
        return _drawn(_text(line, "bold"))[0] if is_person_looking() else line

    def line(self, row: Row) -> str:
        """One more row."""
        cells = self._padded([printable(cell) for cell in row])
        if not is_person_looking():
            return "  ".join(cells).rstrip()
        return _drawn(_joined(_cells(cells, self._head), "  "))[0]

    def _padded(self, row: Row) -> list[str]:
        self._widths = [max(width, len(cell)) for width, cell in zip(self._widths, row[:-1], strict=True)]
        return [*(cell.ljust(width) for cell, width in zip(row[:-1], self._widths, strict=True)), row[-1]]


def is_person_looking() -> bool:
    """Whether stdout is a terminal that can do more than a typewriter."""
    return sys.stdout is not None and sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in {"", "dumb"}


def _drawn(thing: "Table | Text") -> list[str]:
    """The lines that show it on this terminal; a text is one, however long it is: terminals fold by themselves."""
    from rich.console import Console  # 50 ms, which only people are made to wait
    from rich.text import Text

    drawn = StringIO()
    console = Console(
        file=drawn,
        force_terminal=True,
        color_system=None if os.environ.get("NO_COLOR") else "auto",
        width=max(get_terminal_size().columns, _NARROWEST),
    )
    console.print(thing, soft_wrap=isinstance(thing, Text))
    return drawn.getvalue().removesuffix("\n").split("\n")


def _table(head: Row, rows: Sequence[Row]) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in head:
        table.add_column(name, overflow="fold")  # nothing is cut off: what is too long goes on below
    for row in rows:
        table.add_row(*_cells([printable(cell) for cell in row], head))
    return table


def _record(rows: Sequence[Row]) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for label, said in rows:
        table.add_row(_text(label), *_cells([printable(said)], [label]))
    return table


def _cells(cells: Sequence[str], columns: Sequence[str]) -> "Iterator[Text]":
    """The cells with their colours."""
    for cell, column in zip(cells, columns, strict=True):
        if column in _COLOURED_COLUMNS:
            yield _joined((_text(part, COLOURS.get(part.rstrip(), "")) for part in cell.split(", ")), ", ")
        else:
            yield _text(cell)


def _joined(parts: "Iterable[Text]", between: str) -> "Text":
    return _text(between).join(parts)


def _text(text: str, style: str = "") -> "Text":
    from rich.text import Text

    return Text(text, style)

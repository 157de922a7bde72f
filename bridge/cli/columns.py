"""Text for people: columns, moments. Nothing here prints, and control characters never get through."""

from collections.abc import Sequence
from datetime import UTC, datetime

from bridge.model.text import printable


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows as lines; each column but the last is as wide as the widest text in it.

    >>> aligned([("NAME", "STATE"), ("lamp-on", "idle")])
    ['NAME     STATE', 'lamp-on  idle']
    """
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown]


def moment(wall: int) -> str:
    """A time in microseconds since 1970, as the clock on the wall shows it here.

    Raises `OverflowError` or `ValueError` for one that no clock shows.
    """
    return f"{datetime.fromtimestamp(wall / 1_000_000, UTC).astimezone():%Y-%m-%d %H:%M:%S %Z}"

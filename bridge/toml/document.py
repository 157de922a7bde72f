"""A TOML file that was read, and the problems found in it. Nothing is opened here, and nothing raises for bad input.

A table that stands in no file, since a caller of the API gave it, is a document too, without lines.

A problem is a value: rules, tasks and configuration are checked to their end, then all problems are shown at once.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from bridge.model.nesting import is_deeper
from bridge.model.text import printable
from bridge.toml.lines import Path, lines_of
from bridge.toml.values import describe

SIZE_LIMIT = 16 * 1024 * 1024
"""Bytes in one file. Ten thousand rules have one MiB."""

_NAME_LENGTH = 200  # a longer name says less in a message than the table's number
DEEPEST = 32
"""How many tables and arrays may stand within each other. The deepest key that we know of has 6."""
TOO_DEEP = "arrays or inline tables nested too deeply"

_PLACE = re.compile(r"(.*) \(at (?:line ([0-9]+), column [0-9]+|end of document)\)", re.DOTALL)
_LONG_NUMBER = re.compile(r"[0-9_]{4301}")  # more digits than int() takes: sys.int_info.default_max_str_digits
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Problem(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One thing that is wrong in a file; sorted, problems stand in the order of their lines.

    `where` names the table as people find it: `rule "door"`, `rule 3` (counted from 1) if it has no usable name, or
    `triggers`. `key` is the key in that table; elements of arrays are counted from 1 too: `exec[2]`. Where there is no
    file, `line` is 0 and not shown.

    >>> print(Problem(file="a.toml", line=3, where='rule "door"', key="raise", message="unknown trigger"))
    a.toml:3: [rule "door"] raise: unknown trigger
    """

    file: str
    line: int
    where: str = ""
    key: str = ""
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        where = f"[{self.where}] " if self.where else ""
        key = f"{self.key}: " if self.key else ""
        return printable(f"{place}: {where}{key}{self.message}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One file's content, or a table without a file, whose `text` is None. If it has problems it has no tables."""

    file: str
    text: str | None = ""
    tables: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    _lines: dict[Path, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def line(self, path: Path) -> int:
        """The line on which the key at `path` is first written, or the nearest table around it that is there.

        The first call takes about as long as reading the document did; a good file is spared it. 0 without a file.
        """
        if self.text is None:
            return 0
        if not self._lines:
            self._lines.update({(): 1} | lines_of(self.text))
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]


def parse(file: str, data: bytes) -> Document:
    """The content of a TOML 1.0 file, or why it cannot be read; `file` is its name as people should see it.

    >>> print(parse("a.toml", b"name = oops").problems[0])
    a.toml:1: Invalid value
    """
    if len(data) > SIZE_LIMIT:
        return _unreadable(file, 1, f"{len(data)} bytes, more than the {SIZE_LIMIT} that a file may have")
    if data.startswith(_BYTE_ORDER_MARK):
        return _unreadable(file, 1, "begins with a byte order mark (EF BB BF); save it as UTF-8 without one")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return _unreadable(file, line, f"not UTF-8: byte 0x{data[error.start]:02x}")
    try:
        tables = tomllib.loads(text)
    except RecursionError:
        return _unreadable(file, 1, TOO_DEEP)
    except ValueError as error:
        return _unreadable(file, *_place_and_message(str(error), text))
    if is_deeper(tables, DEEPEST):
        return _unreadable(file, 1, TOO_DEEP)
    return Document(file=file, text=text, tables=tables)


def parse_json(kind: str, text: str) -> Document:
    """The one table, of this kind, that a JSON text is, or why it cannot be read; `file` is the table's name.

    >>> parse_json("task", '{"name": "sync"}').file, str(parse_json("task", "[]").problems[0])
    ('task "sync"', 'task: expected a table, found an array')
    """
    try:
        content = msgspec.json.decode(text)
    except RecursionError:
        return _refused(kind, TOO_DEEP)
    except ValueError as error:
        return _refused(kind, f"no JSON: {error}")
    if not isinstance(content, dict):
        return _refused(kind, f"expected a table, found {describe(content)}")
    name = shown_name(kind, content) or kind
    if text.count("{") + text.count("[") > DEEPEST and is_deeper(content, DEEPEST):
        return _refused(name, TOO_DEEP)
    return Document(file=name, text=None, tables=content)


def shown_name(kind: str, content: Mapping[str, Any]) -> str | None:
    """How messages call a table of this kind by its `name`: `rule "door"`; None where that says nothing."""
    name = content.get("name")
    usable = isinstance(name, str) and name.strip() and len(name) <= _NAME_LENGTH
    return f'{kind} "{name}"' if usable else None


def _refused(name: str, message: str) -> Document:
    return Document(file=name, text=None, problems=(Problem(file=name, line=0, message=message),))


def _unreadable(file: str, line: int, message: str) -> Document:
    return Document(file=file, problems=(Problem(file=file, line=line, message=message),))


def _place_and_message(message: str, text: str) -> tuple[int, str]:
    """Line and message of tomllib's error, which tells the line only in its text."""
    found = _PLACE.fullmatch(message)
    if found is None:  # not a TOMLDecodeError: int() refused
        number = _LONG_NUMBER.search(text)
        return _line_at(text, number.start() if number else 0), "a number with more than 4300 digits"
    return int(found[2]) if found[2] else _line_at(text, len(text.rstrip())), found[1]


def _line_at(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1

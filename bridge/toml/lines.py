"""Where each key of a TOML document stands, for messages that name file and line.

It judges nothing: tomllib has read the text before, this only finds the places. (tomllib tells no lines, tomlkit
takes ten times as long.)
"""

import re

from bridge.errors import InvalidValueError

Path = tuple[str | int, ...]
"""From the document's root: the keys of tables and the indexes in arrays, from 0, as tomllib nests them."""

# Repeats are unrolled, so that nothing is tried twice; possessive ones, which would say the same, go wrong around
# groups in Python 3.11.2, which Debian 12 has (bpo gh-101955).
_SPACE = re.compile(r"[ \t]*")
_BETWEEN = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")  # white space, line ends and comments
_KEY = re.compile(r"""(?P<bare>[A-Za-z0-9_-]+)|"(?P<basic>[^"\\\n]*(?:\\.[^"\\\n]*)*)"|'(?P<literal>[^'\n]*)'""")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2})|(.))")
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b", '"': '"', "\\": "\\"}
_SCALAR = re.compile(
    r'"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"{3,5}'  # up to two quotes may stand before the closing three
    r"|'''[^']*(?:'(?!'')[^']*)*'{3,5}"
    r'|"[^"\\\n]*(?:\\.[^"\\\n]*)*"'
    r"|'[^'\n]*'"
    r"|[^,\]}#\n\"'\[{]+",  # numbers, booleans, dates (which may hold a space)
    re.DOTALL,
)
_HEADER_END = re.compile(r"[ \t]*\]{1,2}")


def lines_of(text: str) -> dict[Path, int]:
    """The line, counted from 1, on which each key and each element of an array is first written.

    `text` is a TOML 1.0 document (https://toml.io/en/v1.0.0) that tomllib accepts; for some other texts this raises
    `InvalidValueError`.

    >>> lines_of('''# rules
    ... [[rule]]
    ... match = { code = 1 }
    ... ''')
    {('rule',): 2, ('rule', 0): 2, ('rule', 0, 'match'): 3, ('rule', 0, 'match', 'code'): 3}
    """
    reader = _Reader(text)
    reader.read_document()
    return reader.lines


class _Reader:
    """One pass over a text; every method reads one piece of TOML's grammar and moves on."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self._text = text
        self._at = 0
        self._line = 1
        self._lengths: dict[Path, int] = {}  # of the arrays of tables so far

    def read_document(self) -> None:
        table: Path = ()
        self._skip(_BETWEEN)
        while self._at < len(self._text):
            if self._found("[["):
                table = self._read_array_header()
            elif self._found("["):
                table = self._enter(self._read_keys())
                self._skip(_HEADER_END)
            else:
                self._read_pair(table)
            self._skip(_BETWEEN)

    def _read_array_header(self) -> Path:
        *parents, last = self._read_keys()
        array = (*self._enter(parents), last)
        index = self._lengths.get(array, 0)
        self._lengths[array] = index + 1
        self._note(array)
        self._note((*array, index))
        self._skip(_HEADER_END)
        return (*array, index)

    def _enter(self, keys: list[str]) -> Path:
        """The path that a header's keys mean: an array of tables on the way means its last element."""
        path: Path = ()
        for key in keys:
            path = (*path, key)
            self._note(path)
            if path in self._lengths:
                path = (*path, self._lengths[path] - 1)
        return path

    def _read_pair(self, table: Path) -> None:
        path = table
        for key in self._read_keys():
            path = (*path, key)
            self._note(path)
        self._found("=")
        self._skip(_SPACE)
        self._read_value(path)

    def _read_keys(self) -> list[str]:
        keys: list[str] = []
        while not keys or self._found("."):
            self._skip(_SPACE)
            keys.append(_key_text(self._skip(_KEY)))
            self._skip(_SPACE)
        return keys

    def _read_value(self, path: Path) -> None:
        if self._found("["):
            index = 0
            while not self._end_found("]"):
                self._note((*path, index))
                self._read_value((*path, index))
                index += 1
        elif self._found("{"):
            while not self._end_found("}"):
                self._read_pair(path)
        else:
            self._skip(_SCALAR)

    def _end_found(self, bracket: str) -> bool:
        self._skip(_BETWEEN)
        if self._found(","):
            self._skip(_BETWEEN)
        return self._found(bracket)

    def _note(self, path: Path) -> None:
        self.lines.setdefault(path, self._line)

    def _found(self, mark: str) -> bool:
        if self._text.startswith(mark, self._at):
            self._at += len(mark)
            return True
        return False

    def _skip(self, pattern: re.Pattern[str]) -> re.Match[str]:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise InvalidValueError(f"line {self._line} is not TOML")
        self._at = match.end()
        self._line += self._text.count("\n", match.start(), match.end())
        return match


def _key_text(match: re.Match[str]) -> str:
    if match["basic"] is not None:
        return _ESCAPE.sub(_escaped_character, match["basic"])
    return match["bare"] or match["literal"] or ""


def _escaped_character(match: re.Match[str]) -> str:
    return _ESCAPED[match[4]] if match[4] else chr(int(match[1] or match[2] or match[3], 16))

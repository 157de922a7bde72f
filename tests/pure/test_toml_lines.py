"""Where keys stand: lines known by construction, and every path of tomllib's for documents of all shapes."""

import tomllib
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import InvalidValueError
from bridge.toml.lines import Path, lines_of

DOCUMENT = '''\
# a comment with [brackets] = "and quotes
title = "x"  # line 2
"quoted key" = 'y'
'literal # key' = 1
"\\u00e9\\t\\"\\\\" = 2
a . b . c = 1.5
a.d = 1979-05-27 07:32:00
text = """
not = "a key"
four quotes: \\""" and \\\\"""""
after = \'\'\'
[not a table]
\'\'\'\'\'
list = [ # line 14
  "a]",
  [1, 2],  # line 16

  { x = 1, y = [ { z = "}" } ] },
]
[ servers . alpha ]
ip = "10.0.0.1"
[[rule]]
name = "first"
[rule.match]
code = 1
[[rule]]
match = { code = 2, "value" = { min = 1, max = 2 } }
[[rule.details]]
k = 1
[[rule.details]]
k = 2
[rule.details.deep]
k = 3
'''

LINES = {
    ("title",): 2,
    ("quoted key",): 3,
    ("literal # key",): 4,
    ('\u00e9\t"\\',): 5,
    ("a",): 6,
    ("a", "b"): 6,
    ("a", "b", "c"): 6,
    ("a", "d"): 7,
    ("text",): 8,
    ("after",): 11,
    ("list",): 14,
    ("list", 0): 15,
    ("list", 1): 16,
    ("list", 1, 0): 16,
    ("list", 1, 1): 16,
    ("list", 2): 18,
    ("list", 2, "x"): 18,
    ("list", 2, "y"): 18,
    ("list", 2, "y", 0): 18,
    ("list", 2, "y", 0, "z"): 18,
    ("servers",): 20,
    ("servers", "alpha"): 20,
    ("servers", "alpha", "ip"): 21,
    ("rule",): 22,
    ("rule", 0): 22,
    ("rule", 0, "name"): 23,
    ("rule", 0, "match"): 24,
    ("rule", 0, "match", "code"): 25,
    ("rule", 1): 26,
    ("rule", 1, "match"): 27,
    ("rule", 1, "match", "code"): 27,
    ("rule", 1, "match", "value"): 27,
    ("rule", 1, "match", "value", "min"): 27,
    ("rule", 1, "match", "value", "max"): 27,
    ("rule", 1, "details"): 28,
    ("rule", 1, "details", 0): 28,
    ("rule", 1, "details", 0, "k"): 29,
    ("rule", 1, "details", 1): 30,
    ("rule", 1, "details", 1, "k"): 31,
    ("rule", 1, "details", 1, "deep"): 32,
    ("rule", 1, "details", 1, "deep", "k"): 33,
}


def paths_of(value: Any, path: Path = ()) -> Iterator[Path]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in pairs:
        yield (*path, key)
        yield from paths_of(below, (*path, key))


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_every_key_of_a_document_has_its_line(line_end: str) -> None:
    text = DOCUMENT.replace("\n", line_end)

    assert lines_of(text) == LINES
    assert set(paths_of(tomllib.loads(text))) == LINES.keys()


def test_an_empty_document_has_no_keys() -> None:
    assert lines_of("") == lines_of("# only a comment") == lines_of("\n \t\n") == {}


def test_arrays_of_tables_begin_anew_in_each_table_around_them() -> None:
    text = "[[a]]\n[[a.b]]\n[[a.b]]\n[[a]]\n[[a.b]]\nc = 1\n"

    assert lines_of(text)[("a", 1, "b", 0, "c")] == 6
    assert ("a", 1, "b", 1) not in lines_of(text)


@pytest.mark.parametrize("text", ["\na = [", "\na = {", "\na = ", "\n= 1", '\n"a', "\n[[", '\na = """x', "\n[a]]]"])
def test_text_that_is_not_toml_is_refused_and_never_read_for_ever(text: str) -> None:
    with pytest.raises(InvalidValueError, match="line 2 is not TOML"):
        lines_of(text)


class Writer:
    """Writes random documents and notes on which line it writes each key."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.text = ""
        self.lines: dict[Path, int] = {}

    def put(self, text: str) -> None:
        self.text += text

    def note(self, path: Path) -> None:
        self.lines.setdefault(path, self.text.count("\n") + 1)

    def blank(self, *, lines: bool) -> None:
        self.put(self.random.choice(["", " ", "\t", " "] + (["\n", "\r\n", " # ] } = '\n", "\n\n"] if lines else [])))

    def key(self, path: Path) -> None:
        self.note(path)
        name = str(path[-1])
        escaped = "".join(f"\\u{ord(character):04x}" for character in name)
        forms = [f'"{escaped}"', '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"']
        forms += [name] if name and name.isascii() and name.isalnum() else []
        forms += [f"'{name}'"] if "'" not in name else []
        self.put(self.random.choice(forms))

    def value(self, path: Path, depth: int) -> None:
        kind = self.random.choice(["scalar"] * 3 + ["array", "inline"] * (depth > 0))
        if kind == "scalar":
            self.put(self.random.choice(SCALARS))
        elif kind == "array":
            self.put("[")
            for index in range(self.random.randint(0, 3)):
                self.put("," if index else "")
                self.blank(lines=True)
                self.note((*path, index))
                self.value((*path, index), depth - 1)
                self.blank(lines=True)
            self.put("]")
        else:
            self.put("{")
            for index, name in enumerate(self.names()):
                self.put(", " if index else "")
                self.pair((*path, name), depth - 1)
            self.put("}")

    def names(self) -> list[str]:
        return self.random.sample(NAMES, self.random.randint(0, 3))

    def pair(self, path: Path, depth: int) -> None:
        self.key(path)
        while self.random.random() < 0.2:
            self.blank(lines=False)
            self.put(".")
            self.blank(lines=False)
            path = (*path, self.random.choice(NAMES))
            self.key(path)
        self.blank(lines=False)
        self.put("=")
        self.blank(lines=False)
        self.value(path, depth)

    def table(self, path: Path, depth: int) -> None:
        for name in self.names():
            self.blank(lines=True)
            self.pair((*path, f"p{name}"), 3)
            self.put(self.random.choice(["\n", "\r\n", "  # = [\n"]))
        for name in self.names() if depth else []:
            self.blank(lines=True)
            below = (*path, f"t{name}")
            if self.random.random() < 0.5:
                self.header(below, "[", "]")
                self.table(below, depth - 1)
            else:
                for index in range(self.random.randint(1, 3)):
                    self.header(below, "[[", "]]")
                    self.lines.setdefault((*below, index), self.text[:-1].count("\n") + 1)
                    self.table((*below, index), depth - 1)

    def header(self, path: Path, begin: str, end: str) -> None:
        self.put(begin)
        keys = [position for position, key in enumerate(path) if isinstance(key, str)]
        for position in keys:
            self.put("." if position != keys[0] else "")
            self.key(path[: position + 1])
        self.put(f"{end}\n")


NAMES = ["a", "B2", "1", "", "with space", "dot.ted", "\u00e9", 'qu"ote', "back\\slash", "it's", "#", "]"]
SCALARS = [
    *("1", "0x1F", "-1_000.5e3", "true", "inf", "1979-05-27 07:32:00Z", "07:32:00"),
    *('"a # b"', '"\\"]"', "'\\'", '""', "''"),
    *('"""a\nb = 1\n"""', '"""""x"""""', '"""\\\n  y\\""""', "'''\n'x'\n'''", "''''''"),
]


@given(st.randoms(use_true_random=False))
def test_every_key_stands_where_it_was_written(random: Random) -> None:
    writer = Writer(random)
    writer.table((), 2)

    assert set(paths_of(tomllib.loads(writer.text))) == writer.lines.keys()
    assert lines_of(writer.text) == writer.lines

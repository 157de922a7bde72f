"""Reading tables of a TOML file key by key, so that every mistake in it is found. It knows no key of its own.

    problems = list(document.problems)
    root = root_table(document, problems)
    for rule in root.tables("rule"):
        name = rule.read("name", text, required=True)
        limit = rule.read("limit", text_as(parse_duration), default=0)
        rule.finish()
    root.finish()

A value that is missing or wrong is a `Problem` in the list, and its default (or None) comes back, so that the caller
goes on to the next key. Only a document without problems means anything.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, overload

from bridge.errors import InvalidValueError
from bridge.toml.document import Document, Problem, shown_name
from bridge.toml.lines import Path
from bridge.toml.values import NOT_THERE_YET, describe, did_you_mean

T = TypeVar("T")
D = TypeVar("D")

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(slots=True, kw_only=True)
class Table:
    """A view of one table, which remembers the keys that were asked for and collects what is wrong.

    Ask for every key that may be there, whether it is or not: `finish` reports the others as unknown.
    """

    document: Document
    problems: list[Problem]
    content: Mapping[str, Any]
    path: Path = ()
    where: str = ""  # how messages name the table: the first `named` elements of its path
    named: int = 0
    known: set[str] = field(default_factory=set)

    def __contains__(self, key: str) -> bool:
        return key in self.content

    def line(self, *keys: str | int) -> int:
        """The line of the key at `keys` below this table, of the table itself without any."""
        return self.document.line(self.path + keys)

    def problem(self, message: str, *keys: str | int) -> None:
        """Notes that the key at `keys` below this table is wrong: `match.problem("no regex", "code", "regex")`."""
        path = self.path + keys
        self.problems.append(
            Problem(
                file=self.document.file,
                line=self.document.line(path),
                where=self.where,
                key=_key_text(path[self.named :]),
                message=message,
            )
        )

    @overload
    def read(self, key: str, convert: Callable[[Any], T], *, required: bool = ...) -> T | None: ...
    @overload
    def read(self, key: str, convert: Callable[[Any], T], *, default: D) -> T | D: ...
    def read(self, key: str, convert: Callable[[Any], T], *, required: bool = False, default: object = None) -> object:
        """The value of `key` as `convert` makes it; `default` if it is not there or wrong.

        A `ValueError` of `convert` is a problem of this key, with the error's text as its message.
        """
        self.known.add(key)
        if key not in self.content:
            if required:
                self.problem("missing", key)
            return default
        try:
            return convert(self.content[key])
        except ValueError as error:
            self.problem(str(error), key)
            return default

    def read_each(self, converts: Mapping[str, Callable[[Any], object]]) -> dict[str, Any]:
        """The values of those of these keys that are there, each as its conversion makes it; None for a wrong one."""
        self.known.update(converts)
        return {key: self.read(key, converts[key]) for key in self.content if key in converts}

    def read_all(self, key: str, convert: Callable[[Any], T], *, required: bool = False) -> tuple[T, ...]:
        """The elements of the array `key`, each as `convert` makes it; each wrong one is a problem with its line."""
        converted = []
        for index, value in enumerate(self.read(key, _array, required=required) or ()):
            try:
                converted.append(convert(value))
            except ValueError as error:
                self.problem(str(error), key, index)
        return tuple(converted)

    def table(self, key: str, *, required: bool = False) -> "Table | None":
        """The table `key`, to be read and finished by itself."""
        content = self.read(key, _table, required=required)
        return self._below(content, key) if content is not None else None

    def tables(self, key: str, *, required: bool = False) -> "tuple[Table, ...]":
        """The tables of the array `key` (`[[rule]]`), each to be read and finished by itself."""
        elements = self.read(key, _array_of_tables, required=required) or ()
        for index, element in enumerate(elements):
            if not isinstance(element, dict):
                self.problem(f"expected a table, found {describe(element)}", key, index)
        return tuple(
            self._below(element, key, index) for index, element in enumerate(elements) if isinstance(element, dict)
        )

    def element(self, key: str, index: int) -> "Table":
        """The table at a place of the array `key`, whose other elements may be no tables; to be finished by itself."""
        return self._below(self.content[key][index], key, index)

    def entries(self) -> Iterator[tuple[str, Any]]:
        """Each key and value of a table whose keys the schema does not fix; `line(key)` is where it stands."""
        self.known.update(self.content)
        yield from self.content.items()

    def not_yet(self, accepted: Mapping[str, object]) -> None:
        """Refuses by name the keys that a later version brings, unless they have the value given here.

        That value is the key's default: it asks for nothing. `None`, which TOML does not have, accepts none.
        """
        for key, value in accepted.items():
            found = self.content.get(key)
            self.known.add(key)
            if key in self.content and (type(found) is not type(value) or found != value):
                self.problem(NOT_THERE_YET, key)

    def at_most_one(self, *keys: str) -> str | None:
        """The one of `keys` that is there; each further one is a problem. `key = false` counts as not there."""
        self.known.update(keys)
        present = [key for key, value in self.content.items() if key in keys and value is not False]
        for key in present[1:]:
            self.problem(f"cannot stand beside {present[0]}: at most one of {', '.join(keys)}", key)
        return present[0] if present else None

    def exactly_one(self, *keys: str) -> str | None:
        """As `at_most_one`, and it is a problem of the table if none of `keys` is there."""
        present = self.at_most_one(*keys)
        if present is None:
            self.problem(f"needs one of {', '.join(keys)}")
        return present

    def finish(self) -> None:
        """Reports the keys that nobody asked for; to be called once all others have been."""
        for key in self.content:
            if key not in self.known:
                meant = did_you_mean(key, self.known) or _listed(self.known)
                self.problem(f"unknown key{meant}", key)

    def _below(self, content: Mapping[str, Any], *keys: str | int) -> "Table":
        where, named = self.where, self.named
        if not self.path:
            where, named = _where(content, keys), len(keys)
        return Table(
            document=self.document,
            problems=self.problems,
            content=content,
            path=self.path + keys,
            where=where,
            named=named,
        )


def _listed(known: Collection[str]) -> str:
    return f"; known here: {', '.join(sorted(known))}" if known else "; there are no keys here"


def root_table(document: Document, problems: list[Problem]) -> Table:
    """The whole document as a table; what is wrong is added to `problems`."""
    return Table(document=document, problems=problems, content=document.tables)


def only_table(document: Document, problems: list[Problem], kind: str) -> Table:
    """The document as a table of this kind, and not as one that holds such tables: messages need not say which."""
    return Table(document=document, problems=problems, content=document.tables, path=(kind,), named=1)


def _where(content: Mapping[str, Any], path: Path) -> str:
    """How messages name a table of the document's root: `triggers`, `rule "door"` or `rule 3`."""
    last = path[-1]
    if not isinstance(last, int):
        return _key_text(path)
    return shown_name(str(path[0]), content) or f"{path[0]} {last + 1}"


def _key_text(path: Path) -> str:
    shown = ""
    for key in path:
        if isinstance(key, int):
            shown += f"[{key + 1}]"
        else:
            shown += ("." if shown else "") + (key if _BARE_KEY.fullmatch(key) else f'"{key}"')
    return shown


def _array(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidValueError(f"expected an array, found {describe(value)}")
    return value


def _table(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidValueError(f"expected a table, found {describe(value)}")
    return value


def _array_of_tables(value: object) -> list[Any]:
    if isinstance(value, dict):
        raise InvalidValueError("expected an array of tables, found a table; a table of the array begins with [[")
    return _array(value)

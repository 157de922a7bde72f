"""From a table of tests to tests, with every error in it: `match` and its like. Nothing here opens a file."""

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from bridge.errors import InvalidValueError
from bridge.mapping.lapse import parse_lapse
from bridge.mapping.match import AnyOf, is_glob, parse_test, searches
from bridge.model.checks import Test
from bridge.model.codes import code_names, code_of_type, type_name, type_names, type_number
from bridge.model.events import SINCE
from bridge.sources.source import Source
from bridge.toml.schema import Table
from bridge.toml.values import describe, nearest_or_all

Tests = Mapping[str, Test]


def load_match(table: Table, source: Source, key: str = "match") -> Tests:
    """The tests of the table `key`, which must be there; fields are those of `source`."""
    match = open_match(table, key)
    if match is None:
        return {}
    return load_tests(match, source)


def load_tests(match: Table, source: Source) -> Tests:
    """The tests that a table holds, for fields of `source`."""
    tests: dict[str, Test] = {}
    for name, value in match.entries():
        elements = value if isinstance(value, list) and value else [value]
        loaded = []
        for index, element in enumerate(elements):
            try:
                loaded.append(_load_test(source, name, element, match.content.get("type")))
            except InvalidValueError as error:
                match.problem(str(error), name, *([index] if elements is value else []))
        if loaded:
            tests[name] = AnyOf(tuple(loaded)) if elements is value else loaded[0]
    return tests


def open_match(table: Table, key: str = "match") -> Table | None:
    """The table `key` with tests in it; it is a problem where there are none."""
    match = table.table(key, required=True)
    if match is not None and not match.content:
        match.problem("an empty match would hold for every event; name at least one field")
    return match


def _load_test(source: Source, name: str, value: object, of_type: object) -> Test:
    if name == SINCE:
        return parse_lapse(value)
    if name in {"attr", "@attr"} and isinstance(value, dict):
        raise InvalidValueError(f'a name with a dot stands in quotes: "{name}.{next(iter(value), "NAME")}" = ...')
    if not source.knows(name):
        raise InvalidValueError(f"unknown field of {source.name}{nearest_or_all(name, source.fields)}")
    match name, source.name:
        case "type", "evdev":
            value = _canonical(value, lambda given: type_name(type_number(given)), type_names)
        case "code", "evdev":
            value = _canonical(value, partial(code_of_type, of_type), code_names)
    test = parse_test(value, hexadecimal=source.is_hexadecimal(name))
    words = source.words.get(name)
    if words is not None and not test(None) and not any(map(test, words)):
        raise InvalidValueError(f"{test} is no {name} of {source.name}; there are {', '.join(words)}")
    for group in (group for search in searches(test) for group in search.pattern.groupindex):
        if group in source.fields or group == SINCE:
            raise InvalidValueError(f"the group {group!r} would hide the field of that name; call it something else")
    return test


def _canonical(value: object, convert: Callable[[str], str], names: Callable[[], Sequence[str]]) -> object:
    """A test's value with every name checked against the fixed table, and aliases made the one canonical name."""
    match value:
        case str() if "|" in value:
            listed = ", ".join(f'"{each}"' for each in value.split("|"))
            raise InvalidValueError(f"{value!r} is no name; for alternatives write a list: [{listed}]")
        case str() if is_glob(value):
            if not fnmatch.filter(names(), value):
                raise InvalidValueError(f"no name matches {value!r}")
            return value
        case str():
            return convert(value)
        case list():
            return [_canonical(each, convert, names) for each in value]
        case {"is": str(name), **others} if not others:
            return {"is": convert(name)}
        case {"not": inner, **others} if not others:
            return {"not": _canonical(inner, convert, names)}
        case {"regex": _} | True:
            return value
        case _:
            raise InvalidValueError(f"{describe(value)} is no name; numbers without one are written '0x2ff'")


def fields_known(source: Source, tests: Tests) -> Callable[[str], bool]:
    """Which names templates may use: fields of the source, and groups of regular expressions in `tests`."""
    groups = {group for test in tests.values() for search in searches(test) for group in search.pattern.groupindex}
    return lambda name: source.knows(name) or name in groups or name == SINCE


def check_level(table: Table, source: Source, tests: Tests, *key: str) -> None:
    """Refuses what looks at levels where only moments can match: nothing stays true or false behind a moment."""
    if source.levels is None:
        return
    code = tests.get("code")
    codes = code.exact() if code is not None else None
    for kind in source.levels(codes or ()):
        if all(test(kind[name]) for name, test in tests.items() if name in kind):
            return
    table.problem("what matches are moments; they have no level that could turn true", *key)

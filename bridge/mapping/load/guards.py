"""From `while` to a rule's guards, with every error in them. Nothing here opens a file."""

from collections.abc import Mapping

from bridge.errors import InvalidValueError
from bridge.mapping.conditions import Condition, Guard, OnDevice
from bridge.mapping.load.tests import Tests, check_level, load_tests
from bridge.model.conditions import Named
from bridge.sources.source import Source
from bridge.toml.schema import Table
from bridge.toml.values import describe, nearest_or_all, text

KEY = "while"


def load_guards(
    table: Table, source: Source | None, tests: Tests, conditions: Mapping[str, Condition]
) -> tuple[Guard, ...]:
    """The guards of a rule that has these tests; `source` is None where the rule names none."""
    guards: list[Guard] = []
    for index, value in enumerate(table.read_all(KEY, lambda each: each)):
        try:
            guard = _load_guard(table, index, value, source, tests, conditions)
        except InvalidValueError as error:
            table.problem(str(error), KEY, index)
        else:
            guards += [guard] if guard is not None else []
    return tuple(guards)


def _load_guard(
    table: Table,
    index: int,
    value: object,
    source: Source | None,
    tests: Tests,
    conditions: Mapping[str, Condition],
) -> Guard | None:
    match value:
        case str():
            return Named(_known(value, conditions))
        case {"not": name, **others} if not others:
            return Named(_known(text(name), conditions), wanted=False)
        case dict() if not value:
            raise InvalidValueError("an empty test would hold for every event; name at least one field")
        case dict():
            return _on_device(table.element(KEY, index), source, tests) if source is not None else None
        case _:
            raise InvalidValueError(
                f"expected the name of a condition, {{ not = name }}, or a table of tests, found {describe(value)}"
            )


def _known(name: str, conditions: Mapping[str, Condition]) -> str:
    if name not in conditions:
        raise InvalidValueError(f"no [[condition]] has the name {name!r}{nearest_or_all(name, conditions)}")
    return name


def _on_device(table: Table, source: Source, tests: Tests) -> OnDevice:
    """The guard with the rule's own tests of which device it is, so that no other device is watched for it."""
    own = load_tests(table, source)
    check_level(table, source, own)
    owner = {name: test for name, test in tests.items() if source.names_owner(name)}
    return OnDevice(source, tuple({**owner, **own}.items()))

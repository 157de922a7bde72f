"""From rules files to a rule table, with every error of all files. Nothing here opens a file.

The keys are those of design.md, "Rules"; what a later version brings is refused by name.
"""

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from bridge.errors import InvalidGuidError, InvalidValueError
from bridge.mapping.match import AnyOf, Test, is_glob, parse_test, searches
from bridge.mapping.rules import Rule, StartState
from bridge.mapping.table import RuleTable
from bridge.model.codes import code_names, code_of_type, type_name, type_names, type_number
from bridge.model.details import MOST_NAMES, NAME
from bridge.model.guid import Guid
from bridge.model.templates import Template
from bridge.model.triggers import NamedTrigger, Principal
from bridge.sources import NOT_YET, SOURCES
from bridge.sources.source import Source
from bridge.toml.document import Document, Problem
from bridge.toml.names import claim_name, readable_name, resolve_trigger
from bridge.toml.schema import Table, root_table
from bridge.toml.values import NOT_THERE_YET, boolean, choice, describe, did_you_mean, text, text_as

TABLES = frozenset({"triggers", "rule", "condition", "serial", "input"})
"""The tables of a rules file."""
_TABLES_NOT_YET = {"condition": None, "serial": None, "input": None}
_KEYS_NOT_YET = dict.fromkeys(("debounce", "hold_for", "quiet_for", "count", "until", "holdoff", "while"))

Tests = Mapping[str, Test]


def load_rules(documents: Sequence[Document], naming: Sequence[Document] = ()) -> tuple[RuleTable, list[Problem]]:
    """The rules of these files, in order, and everything that is wrong in them.

    Only a table without problems means anything. Names given to triggers hold in all files; those of the files
    `naming` hold too, and nothing else is read there.
    """
    problems = [problem for document in documents for problem in document.problems]
    roots = [root_table(document, problems) for document in documents]
    names = _load_names([root_table(document, []) for document in naming]) | _load_names(roots)
    rules: list[Rule] = []
    places: dict[str, str] = {}
    for root in roots:
        for table in root.tables("rule"):
            claim_name(table, places, "rule")
            rule = _load_rule(table, names)
            if rule is not None:
                rules.append(rule)
        root.not_yet(_TABLES_NOT_YET)
        root.finish()
    order = {document.file: place for place, document in enumerate(documents)}
    return RuleTable(rules, names), sorted(problems, key=lambda problem: (order[problem.file], problem.line))


def _load_names(roots: Sequence[Table]) -> dict[str, NamedTrigger]:
    names: dict[str, NamedTrigger] = {}
    for root in roots:
        triggers = root.table("triggers")
        if triggers is None:
            continue
        for name, value in triggers.entries():
            trigger = _load_name(triggers, name, value)
            before = names.get(name)
            if trigger is None:
                continue
            if before is not None and before.guid != trigger.guid:
                triggers.problem(f"another file gives this name to {before.guid}", name)
            elif before is not None:
                names[name] = NamedTrigger(name=name, guid=trigger.guid, allow=before.allow | trigger.allow)
            else:
                names[name] = trigger
    return names


def _load_name(triggers: Table, name: str, value: object) -> NamedTrigger | None:
    try:
        if not name or not name.isprintable():
            raise InvalidValueError("a name is not empty, and all of it can be printed")
        if _is_guid(name):
            raise InvalidValueError("a GUID is no name")
        if isinstance(value, str):
            return NamedTrigger(name=name, guid=Guid.parse(value))
        if not isinstance(value, dict):
            raise InvalidValueError(f"expected a GUID, or a table with one and allow, found {describe(value)}")
    except InvalidValueError as error:
        triggers.problem(str(error), name)
        return None
    table = triggers.table(name)
    assert table is not None
    guid = table.read("guid", text_as(Guid.parse), required=True)
    allow = table.read_all("allow", text_as(Principal.parse))
    table.finish()
    return NamedTrigger(name=name, guid=guid, allow=frozenset(allow)) if guid is not None else None


def _is_guid(value: str) -> bool:
    try:
        Guid.parse(value)
    except InvalidGuidError:
        return False
    return True


def _load_rule(table: Table, names: Mapping[str, NamedTrigger]) -> Rule | None:
    before = len(table.problems)
    name = table.read("name", readable_name, required=True)
    source_name = table.read("source", choice(*SOURCES, later=NOT_YET), required=True)
    trigger = table.read("raise", text_as(partial(resolve_trigger, names)), required=True)
    start_state = table.read("start_state", choice(*StartState), default=StartState.IGNORE)
    edge = table.read("edge", boolean, default=False)
    table.not_yet(_KEYS_NOT_YET)
    if source_name is not None:
        source = SOURCES[source_name]
        tests = _load_match(table, source)
        known = _fields_known(source, tests)
        key = table.read("key", text_as(partial(_template, known)), default=Template.parse(source.default_key))
        details = _load_details(table, known)
        if edge or start_state == StartState.IF_CHANGED:
            _check_level(table, source, tests, "edge" if edge else "start_state")
    else:  # without a source no field is known, but the kinds of the values are
        _open_match(table)
        table.read("key", text_as(Template.parse))
        table.table("details")
    table.finish()
    if len(table.problems) > before or name is None or source_name is None or trigger is None:
        return None
    return Rule(
        name=name,
        source=source,
        match=tuple(tests.items()),
        trigger=trigger,
        key=key,
        details=details,
        start_state=StartState(start_state),
        edge=edge,
    )


def _load_match(table: Table, source: Source) -> Tests:
    match = _open_match(table)
    if match is None:
        return {}
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


def _open_match(table: Table) -> Table | None:
    match = table.table("match", required=True)
    if match is not None and not match.content:
        match.problem("an empty match would hold for every event; name at least one field")
    return match


def _load_test(source: Source, name: str, value: object, of_type: object) -> Test:
    if name == "since":
        raise InvalidValueError(NOT_THERE_YET)
    if not source.knows(name):
        meant = did_you_mean(name, source.fields) or f"; there are {', '.join(sorted(source.fields))}"
        raise InvalidValueError(f"unknown field of {source.name}{meant}")
    match name, source.name:
        case "type", "evdev":
            value = _canonical(value, lambda given: type_name(type_number(given)), type_names)
        case "code", "evdev":
            value = _canonical(value, partial(code_of_type, of_type), code_names)
    test = parse_test(value, hexadecimal=source.is_hexadecimal(name))
    for group in (group for search in searches(test) for group in search.pattern.groupindex):
        if group in source.fields:
            raise InvalidValueError(f"the group {group!r} would hide the field of that name; call it something else")
    return test


def _canonical(value: object, convert: Callable[[str], str], names: Callable[[], Sequence[str]]) -> object:
    """A test's value with every name checked against the fixed table, and aliases made the one canonical name."""
    match value:
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


def _fields_known(source: Source, tests: Tests) -> Callable[[str], bool]:
    groups = {group for test in tests.values() for search in searches(test) for group in search.pattern.groupindex}
    return lambda name: source.knows(name) or name in groups


def _template(known: Callable[[str], bool], value: str) -> Template:
    template = Template.parse(value)
    for name in template.names:
        if name == "since":
            raise InvalidValueError(f"{{since}} is {NOT_THERE_YET}")
        if not known(name):
            raise InvalidValueError(f"{{{name}}} is neither a field of the source nor a group of a regex in match")
    return template


def _load_details(table: Table, known: Callable[[str], bool]) -> tuple[tuple[str, Template], ...] | None:
    if "details" not in table:
        table.known.add("details")
        return None
    details = table.table("details")
    loaded: list[tuple[str, Template]] = []
    for name, value in details.entries() if details is not None else ():
        try:
            if not NAME.fullmatch(name):
                raise InvalidValueError("a name is a letter or _ and then letters, digits and _")
            loaded.append((name, _template(known, text(value))))
        except InvalidValueError as error:
            table.problem(str(error), "details", name)
    if len(loaded) > MOST_NAMES:
        table.problem(f"{len(loaded)} names, at most {MOST_NAMES}", "details")
    return tuple(loaded)


def _check_level(table: Table, source: Source, tests: Tests, key: str) -> None:
    """Refuses `edge` and its like where only moments can match: nothing stays true or false behind a moment."""
    if source.levels is None:
        return
    code = tests.get("code")
    codes = code.exact() if code is not None else None
    for kind in source.levels(codes or ()):
        if all(test(kind[name]) for name, test in tests.items() if name in kind):
            return
    table.problem("what matches are moments; they have no level that could turn true", key)

"""From rules files to a rule table, with every error of all files. Nothing here opens a file.

The keys are those of design.md, "Rules".
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from bridge.errors import InvalidValueError
from bridge.mapping.conditions import Condition
from bridge.mapping.load.filters import load_filters
from bridge.mapping.load.guards import load_guards
from bridge.mapping.load.names import load_trigger_names
from bridge.mapping.load.tests import check_level, fields_known, load_match, open_match
from bridge.mapping.rules import Rule, StartState
from bridge.mapping.system_levels import CONDITIONS
from bridge.mapping.table import NO_DEVICES, Devices, RuleTable
from bridge.model.conditions import MAINS, SYSTEM_CONDITIONS
from bridge.model.details import MOST_NAMES, NAME
from bridge.model.templates import Template
from bridge.model.triggers import NamedTrigger
from bridge.sources import SOURCES
from bridge.sources.source import Source
from bridge.toml.document import Document, Problem
from bridge.toml.names import claim_name, readable_name, resolve_trigger
from bridge.toml.schema import Table, root_table
from bridge.toml.values import choice, text, text_as

TABLES = frozenset({"triggers", "rule", "condition", "serial", "input"})
"""The tables of a rules file."""


def load_rules(documents: Sequence[Document], naming: Sequence[Document] = ()) -> tuple[RuleTable, list[Problem]]:
    """The rules of these files, in order, and everything that is wrong in them.

    Only a table without problems means anything. Names given to triggers and conditions hold in all files; those of
    the files `naming` hold too, and nothing else is read there.
    """
    problems = [problem for document in documents for problem in document.problems]
    roots = [root_table(document, problems) for document in documents]
    others = [root_table(document, []) for document in naming]
    names = load_trigger_names(others) | load_trigger_names(roots)
    given = [table for root in others for table in root.tables("condition")]
    declared = _claimed(roots, "condition")
    conditions = {each.name: each for each in CONDITIONS}
    conditions |= {each.name: each for table in (*given, *declared) for each in _load_condition(table)}
    devices = _load_devices(roots)
    rules = [rule for table in _claimed(roots, "rule") for rule in _load_rule(table, names, conditions)]
    for root in roots:
        root.finish()
    order = {document.file: place for place, document in enumerate(documents)}
    problems.sort(key=lambda problem: (order[problem.file], problem.line))
    return RuleTable(rules, names, tuple(conditions.values()), devices), problems


def _load_devices(roots: Sequence[Table]) -> Devices:
    for root in roots:
        root.known.update(("serial", "input"))
    if not any(key in root for root in roots for key in ("serial", "input")):
        return NO_DEVICES
    from bridge.mapping.load.ports import load_input_options, load_serial_ports  # most files need none of it

    claimed: dict[str, Table] = {}
    ports = [port for root in roots for port in load_serial_ports(root, claimed)]
    inputs = [options for root in roots for options in load_input_options(root)]
    return Devices(tuple(ports), tuple(inputs))


def _claimed(roots: Sequence[Table], kind: str) -> list[Table]:
    """The tables of one kind, each of which has a name of its own."""
    claimed: dict[str, Table] = {}
    tables = [table for root in roots for table in root.tables(kind)]
    for table in tables:
        claim_name(table, claimed, kind)
    return tables


def _load_condition(table: Table) -> Iterator[Condition]:
    name = table.read("name", _condition_name, required=True)
    source = table.read("source", _source, required=True)
    if source is None:
        open_match(table)
    else:
        tests = load_match(table, source)
        check_level(table, source, tests, "match")
        if name is not None and tests:
            yield Condition(name, source, tuple(tests.items()))
    table.finish()


def _source(value: object) -> Source:
    is_there = isinstance(value, str) and value in SOURCES
    return SOURCES[choice(*([str(value)] if is_there else SOURCES.names()))(value)]


def _condition_name(value: object) -> str:
    name = readable_name(value)
    if name in SYSTEM_CONDITIONS or name == MAINS:
        raise InvalidValueError(f"{name} is a condition of the system's own; give this one another name")
    return name


def _load_rule(table: Table, names: Mapping[str, NamedTrigger], conditions: Mapping[str, Condition]) -> Iterator[Rule]:
    before = len(table.problems)
    name = table.read("name", readable_name, required=True)
    source = table.read("source", _source, required=True)
    trigger = table.read("raise", text_as(partial(resolve_trigger, names)), required=True)
    start_state = table.read("start_state", choice(*StartState), default=StartState.IGNORE)
    if source is not None:
        tests = load_match(table, source)
        known = fields_known(source, tests)
        key = table.read("key", text_as(partial(_template, known)), default=Template.parse(source.default_key))
        details = _load_details(table, known)
        filters = load_filters(table, source, tests)
        guards = load_guards(table, source, tests, conditions)
        if start_state == StartState.IF_CHANGED:
            check_level(table, source, tests, "start_state")
    else:  # without a source no field is known, but the kinds of the values are
        open_match(table)
        table.read("key", text_as(Template.parse))
        table.table("details")
        load_filters(table, None, {})
        load_guards(table, None, {}, conditions)
    table.finish()
    if len(table.problems) > before or name is None or source is None or trigger is None:
        return
    yield Rule(
        name=name,
        source=source,
        match=tuple(tests.items()),
        trigger=trigger,
        key=key,
        details=details,
        start_state=StartState(start_state),
        guards=guards,
        filter=filters.filter,
        until=filters.until,
        holdoff=filters.holdoff,
    )


def _template(known: Callable[[str], bool], value: str) -> Template:
    template = Template.parse(value)
    for name in template.names:
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

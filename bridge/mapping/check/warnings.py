"""What is legal in rules and tasks files and surely wrong, with file and line. Nothing here refuses or opens a file.

It is asked of files without errors. A warning is a `Problem`, as an error is; who shows it says which it is.
"""

from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from itertools import chain

import msgspec

from bridge.mapping.check import doubts
from bridge.mapping.check.doubts import Doubt
from bridge.mapping.check.possible import can_pass
from bridge.mapping.conditions import Condition
from bridge.mapping.load.ports import load_input_options, load_serial_ports
from bridge.mapping.match import Present
from bridge.mapping.ports import LineFrame, SerialPort, undeclared_ports
from bridge.mapping.rules import Rule
from bridge.mapping.table import RuleTable
from bridge.model.conditions import Named
from bridge.model.tasks import Concurrency, Registration
from bridge.model.triggers import CustomSystemEventTrigger
from bridge.toml.document import Document, Problem
from bridge.toml.schema import Table, root_table
from bridge.toml.values import did_you_mean


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """Rules and tasks, and the files that they were read from.

    `naming` are files that only give names; `watched` are the sources that have a monitor here, and `told`, of those
    whose monitors tell parts, the values of `name` that they tell together.
    """

    rules: RuleTable
    tasks: Sequence[Registration]
    rule_files: Sequence[Document]
    task_files: Sequence[Document]
    naming: Sequence[Document] = ()
    watched: Collection[str]
    told: Mapping[str, Collection[str]] = {}


def warnings_of(written: Written) -> list[Problem]:
    """Every warning, in the order of the files and their lines."""
    found: list[Problem] = []
    rules, conditions, ports, tasks = (
        _tables(files, kind, found)
        for files, kind in (
            (written.rule_files, "rule"),
            (written.rule_files, "condition"),
            (written.rule_files, "serial"),
            (written.task_files, "task"),
        )
    )
    for rule in written.rules.rules:
        _add(rules[rule.name], (*_of_rule(rule, rules[rule.name]), *_untold(written, rule)))
    for condition in written.rules.conditions:
        if condition.name in conditions:
            _add(conditions[condition.name], _of_condition(condition, conditions[condition.name], written.watched))
            _add(conditions[condition.name], _untold(written, condition))
    for port in written.rules.devices.ports:
        _add(ports[port.name], (doubt for find in doubts.OF_PORTS for doubt in find(port)))
    for port, doubt in _the_same_port(written):
        _add(ports[port.name], [doubt])
    about_rules = (_unwatched(written, conditions), _undeclared(written), _otherwise_framed(written), _twice(written))
    for rule, doubt in chain.from_iterable(about_rules):
        _add(rules[rule.name], [doubt])
    for task, doubt in _lines_merged_away(written):
        _add(tasks[task.name], [doubt])
    order = {file.file: place for place, file in enumerate((*written.rule_files, *written.task_files))}
    return sorted(found, key=lambda problem: (order[problem.file], problem.line))


def _tables(files: Iterable[Document], kind: str, found: list[Problem]) -> dict[str, Table]:
    """By name the tables of one kind; problems that are noted in them go to `found`."""
    roots = [root_table(file, found) for file in files]
    return {table.content["name"]: table for root in roots for table in root.tables(kind)}


def _add(table: Table, found: Iterable[Doubt]) -> None:
    for doubt in found:
        table.problem(doubt.message, *doubt.keys)


def _of_rule(rule: Rule, table: Table) -> Iterator[Doubt]:
    for tests in doubts.tests_of_rule(rule, table.content):
        yield from (doubt for find in doubts.OF_TESTS for doubt in find(tests))
    yield from (doubt for find in doubts.OF_RULES for doubt in find(rule, table.content))


def _of_condition(condition: Condition, table: Table, watched: Collection[str]) -> Iterator[Doubt]:
    if condition.source.name not in watched:
        yield Doubt(f"nothing here watches {condition.source.name}: the condition is never known", ("source",))
    for tests in doubts.tests_of_condition(condition, table.content):
        yield from (doubt for find in doubts.OF_TESTS for doubt in find(tests))
    yield from (doubt for find in doubts.OF_CONDITIONS for doubt in find(condition, table.content))


def _untold(written: Written, one: Rule | Condition) -> Iterator[Doubt]:
    told = written.told.get(one.source.name)
    return doubts.untold(one.source, one.match, told) if told is not None else iter(())


def _unwatched(written: Written, declared: Container[str]) -> Iterator[tuple[Rule, Doubt]]:
    """Rules that hear of nothing here, and guards that are never known; of conditions `declared` it is said there."""
    unwatched = [each for each in written.rules.conditions if each.source.name not in written.watched]
    unknown = {each.name: each.source.name for each in unwatched if each.name not in declared}
    for rule in written.rules.rules:
        if rule.source.name not in written.watched:
            yield rule, Doubt(f"nothing here watches {rule.source.name}: the rule raises in a replay only", ("source",))
        for place, guard in enumerate(rule.guards):
            if isinstance(guard, Named) and guard.name in unknown:
                message = f"nothing here watches {unknown[guard.name]}: condition {guard.name!r} is never known"
                yield rule, Doubt(message, ("while", place))


def _undeclared(written: Written) -> Iterator[tuple[Rule, Doubt]]:
    """Rules about a serial port that nobody opens."""
    others = [root_table(file, []) for file in written.naming]
    ports = [*written.rules.devices.ports, *(port for root in others for port in load_serial_ports(root, {}))]
    inputs = [*written.rules.devices.inputs, *(options for root in others for options in load_input_options(root))]
    for rule, test in undeclared_ports(written.rules.rules, ports, inputs):
        meant = "".join(did_you_mean(str(name), [port.name for port in ports]) for name in test.exact() or ())
        message = f"no [[serial]] declares port = {test}, and no other port is opened{meant}"
        yield rule, Doubt(message, ("match", "port"))


def _the_same_port(written: Written) -> Iterator[tuple[SerialPort, Doubt]]:
    """Ports with the path of another one."""
    first: dict[str, SerialPort] = {}
    for port in written.rules.devices.ports:
        if port.port is not None and (same := first.setdefault(port.port, port)) is not port:
            yield port, Doubt(f'is the port "{same.name}", too, and is opened for one of them only', ("port",))


def _otherwise_framed(written: Written) -> Iterator[tuple[Rule, Doubt]]:
    """Rules that ask for lines of ports that tell frames, or for frames where there are lines."""
    declared = {port.name: port for port in written.rules.devices.ports}
    for rule in written.rules.rules:
        names = _ports_asked(rule)
        ports = [declared[name] for name in names if name in declared]
        if not ports or len(ports) < len(names):
            continue
        told = {"line" if isinstance(port.frame, LineFrame) else "frame" for port in ports}
        for asked in {"line", "frame"} - told:
            if _may_tell(rule, asked) and not any(_may_tell(rule, each) for each in ("state", "signal", *told)):
                yield rule, Doubt(f"what {ports[0].name} receives is told as {told.pop()}", ("match", asked))


def _ports_asked(rule: Rule) -> list[str]:
    """The serial ports that a rule lists; none where it lists none."""
    test = dict(rule.match).get("port") if rule.source.name == "serial" else None
    return sorted(map(str, (test.exact() or ()) if test is not None else ()))


def _may_tell(rule: Rule, told: str) -> bool:
    return can_pass(rule.source, (*rule.match, (told, Present())))


def _twice(written: Written) -> Iterator[tuple[Rule, Doubt]]:
    """Rules that raise the same trigger as another one, whenever that does."""
    first: dict[object, Rule] = {}
    for rule in written.rules.rules:
        same = first.setdefault(_raising(rule), rule)
        if same is not rule:
            yield rule, Doubt(f'raises the same trigger as rule "{same.name}" at the same events, for the same key')


def _raising(rule: Rule) -> object:
    """What two rules have in common that raise the same at the same events."""
    guards = frozenset(guard if isinstance(guard, Named) else frozenset(guard.match) for guard in rule.guards)
    tests = (frozenset(rule.match), frozenset(rule.until), guards)
    return rule.source.name, tests, rule.filter, rule.holdoff, rule.trigger, rule.key


def _lines_merged_away(written: Written) -> Iterator[tuple[Registration, Doubt]]:
    """Tasks that keep the newest of several raises, where each is a line or frame of its own."""
    for task in written.tasks:
        triggers = {trigger.guid for trigger in task.triggers if isinstance(trigger, CustomSystemEventTrigger)}
        why = _merging(task)
        for rule in written.rules.rules if why else ():
            if rule.trigger in triggers and _raises_for_every_line(rule):
                yield task, Doubt(why % f'lines of rule "{rule.name}"', ("concurrency",))


def _merging(task: Registration) -> str:
    """How a task merges raises, and what would not, with a place for their name; empty where it tells of each."""
    if task.conditions and task.concurrency is not Concurrency.BATCH:
        return "%s are merged while the conditions do not hold; write batch for one run of all"
    if task.concurrency is Concurrency.LATEST:
        return "latest merges away %s; write queue, or batch for one run of all"
    return ""


def _raises_for_every_line(rule: Rule) -> bool:
    if rule.source.name != "serial" or rule.filter is not None or rule.holdoff is not None:
        return False
    return any(_may_tell(rule, told) for told in ("line", "frame"))

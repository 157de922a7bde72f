"""From tasks files, or one task's table, to registrations, with every error in them. Nothing here opens a file.

The keys are those of design.md, "Tasks"; what a later version brings is refused by name.

    tasks, problems = load_tasks(documents, rules)
    task, problems = load_task({"name": "sync", "triggers": [...], "run": {...}}, rules, owner=1000)
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from bridge.errors import InvalidValueError
from bridge.mapping.table import RuleTable
from bridge.model.conditions import MAINS, SYSTEM_CONDITIONS
from bridge.model.durations import format_duration, parse_duration
from bridge.model.tasks import LONGEST_BACKOFF, Concurrency, Expiry, Registration, Retry
from bridge.pipeline.load.conditions import load_cancel_on_condition_loss, load_conditions
from bridge.pipeline.load.definitions import definition_of
from bridge.pipeline.load.runs import load_run
from bridge.pipeline.load.triggers import Names, load_cancel_on, load_triggers
from bridge.toml.document import Document, Problem, parse_json
from bridge.toml.names import claim_name, readable_name
from bridge.toml.schema import Table, only_table, root_table
from bridge.toml.values import choice, describe, did_you_mean, integer, text_as

TABLES = frozenset({"task", "server"})
"""The tables of a tasks file."""
MOST_ATTEMPTS = 1000
MOST_PROBLEMS = 50
MOST_DEFINITION_CHARACTERS = 64 * 1024
"""Of what one caller may have looked at and kept."""


class _Known(msgspec.Struct, frozen=True):
    """The names that a task may use: of triggers, and of conditions; None where those are not looked up."""

    triggers: Names
    conditions: Collection[str] | None


_NO_NAMES = _Known({}, None)


def load_tasks(documents: Sequence[Document], rules: RuleTable) -> tuple[tuple[Registration, ...], list[Problem]]:
    """The tasks of these files, in order, and everything that is wrong in them; `rules` has the names that they use.

    Only tasks without problems mean anything.
    """
    problems = [problem for document in documents for problem in document.problems]
    tasks: list[Registration] = []
    claimed: dict[str, Table] = {}
    known = _known_of(rules)
    for document in documents:
        root = root_table(document, problems)
        for table in root.tables("task"):
            claim_name(table, claimed, "task")
            task = _load_task(table, known)
            if task is not None:
                tasks.append(task)
        root.not_yet({"server": None})
        root.finish()
    order = {document.file: place for place, document in enumerate(documents)}
    return tuple(tasks), sorted(problems, key=lambda problem: (order[problem.file], problem.line))


def load_task(
    definition: str | Mapping[str, object], rules: RuleTable | None, *, owner: int | None
) -> tuple[Registration | None, tuple[Problem, ...]]:
    """One task that no file has, or everything that is wrong in it; what is said is JSON, or values that JSON has.

    `owner` is who registered it. Of what is wrong the first 50 are told: each is looked at for what was meant, and a
    caller may be anybody. Without `rules` it is a `definition` that was kept: names were looked up in it once,
    and those of conditions may be gone since.

    >>> load_task({"name": "x", "trigers": []}, None, owner=None)[1][0].message
    'missing'
    """
    text = definition if isinstance(definition, str) else msgspec.json.encode(dict(definition)).decode()
    document = parse_json("task", text)
    problems = _Problems(document.problems)
    if problems:
        return None, tuple(problems)
    table = only_table(document, problems, "task")
    if rules is not None and len(text) > MOST_DEFINITION_CHARACTERS:
        table.problem(f"a task has at most {MOST_DEFINITION_CHARACTERS} characters as JSON, this one has {len(text)}")
        return None, tuple(problems)
    try:
        task = _load_task(table, _NO_NAMES if rules is None else _known_of(rules), owner=owner, from_file=False)
    except _TooManyProblemsError:
        task = None
    return task, tuple(problems)


class _TooManyProblemsError(Exception):
    """Enough is known about what is wrong."""


class _Problems(list[Problem]):
    """Takes so many and no more."""

    def append(self, problem: Problem) -> None:
        super().append(problem)
        if len(self) >= MOST_PROBLEMS:
            raise _TooManyProblemsError


def _known_of(rules: RuleTable) -> _Known:
    conditions = {condition.name for condition in rules.conditions} | set(SYSTEM_CONDITIONS)
    return _Known(rules.names, conditions - {MAINS})


def _load_task(table: Table, known: _Known, *, owner: int | None = None, from_file: bool = True) -> Registration | None:
    before = len(table.problems)
    name = table.read("name", readable_name, required=True)
    triggers = load_triggers(table, known.triggers)
    run = table.table("run", required=True)
    program = load_run(run) if run is not None else None
    conditions = load_conditions(table, known.conditions)
    cancel_on_condition_loss = load_cancel_on_condition_loss(table)
    cancel_on = load_cancel_on(table, known.triggers, triggers)
    values: dict[str, Any] = table.read_each(_VALUES)
    if "retry" in table:
        values["retry"] = _load_retry(table)
    table.known.add("retry")
    table.finish()
    if len(table.problems) > before or name is None or program is None:
        return None
    return Registration(
        name=name,
        triggers=triggers,
        run=program,
        conditions=conditions,
        cancel_on_condition_loss=cancel_on_condition_loss,
        cancel_on=cancel_on,
        owner=owner,
        from_file=from_file,
        definition=definition_of(table.content, triggers, cancel_on),
        **values,
    )


def _load_retry(table: Table) -> Retry:
    retry = table.table("retry")
    if retry is None:
        return Retry()
    values: dict[str, Any] = retry.read_each(_OF_RETRY)
    retry.finish()
    return Retry(**{key: value for key, value in values.items() if value is not None})


def _limit(value: object) -> int | None:
    if value == "infinity":
        return None
    limit = _duration(value)
    if limit == 0:
        raise InvalidValueError('0 would end every run at once; for no limit write "infinity"')
    return limit


def _expiry(value: object) -> int | Expiry:
    if isinstance(value, str) and value in list(Expiry):
        return Expiry(value)
    try:
        age = parse_duration(value)
    except InvalidValueError as error:
        meant = did_you_mean(value, Expiry) if isinstance(value, str) else ""
        raise InvalidValueError(f"expected never, boot or a duration, found {describe(value)}{meant}") from error
    if age == 0:
        raise InvalidValueError('0 would drop every raise at once; for no limit write "never"')
    return age


def _backoff(value: object) -> int:
    backoff = _duration(value)
    if not 0 < backoff <= LONGEST_BACKOFF:
        longest = format_duration(LONGEST_BACKOFF)
        raise InvalidValueError(f"expected more than 0 and at most {longest}, where doubling ends, found {value!r}")
    return backoff


def _concurrency(value: object) -> Concurrency:
    return Concurrency(_WORDS(value))


_duration = text_as(parse_duration)
_WORDS = choice(*Concurrency)
_VALUES: Mapping[str, Callable[[object], object]] = {
    "expires": _expiry,
    "concurrency": _concurrency,
    "max_running": integer(minimum=1),
    "queue_limit": integer(minimum=1),
    "run_limit": _limit,
    "cancel_grace": _duration,
    "user": readable_name,
    "group": readable_name,
}
"""The keys that are one value, by the names of `Registration`, where what holds without them stands."""
_OF_RETRY: Mapping[str, Callable[[object], object]] = {
    "attempts": integer(minimum=1, maximum=MOST_ATTEMPTS),
    "backoff": _backoff,
}

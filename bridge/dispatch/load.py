"""From tasks files to registrations, with every error of all files. Nothing here opens a file.

The keys are those of design.md, "Tasks"; what a later version brings is refused by name.
"""

from collections.abc import Mapping, Sequence
from functools import partial

from bridge.errors import InvalidValueError
from bridge.model.details import NAME
from bridge.model.durations import parse_duration
from bridge.model.guid import Guid
from bridge.model.tasks import Concurrency, Exec, Registration
from bridge.model.templates import Template
from bridge.model.triggers import CustomSystemEventTrigger, NamedTrigger, Recurrence
from bridge.toml.document import Document, Problem
from bridge.toml.names import claim_name, readable_name, resolve_trigger
from bridge.toml.schema import Table, root_table
from bridge.toml.values import NOT_THERE_YET, choice, integer, text, text_as

TABLES = frozenset({"task", "server"})
"""The tables of a tasks file."""
_KEYS_NOT_YET: Mapping[str, object] = {
    "conditions": [],
    "cancel_on_condition_loss": False,
    "cancel_on": [],
    "expires": "never",
    "retry": {"attempts": 1, "backoff": "1s"},
}
_TRIGGERS_NOT_YET = ("system", "time", "maintenance", "application", "device_watcher")
_TRIGGER_OPTIONS = ("recurrence", "one_shot", "kinds")
_RUNS_NOT_YET = ("python", "clsid", "unit")
_RUN_OPTIONS = ("env", "cwd", "interpreter", "path", "job")
_DEFAULT = Registration(
    name="default",
    triggers=(CustomSystemEventTrigger(Guid("{FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF}")),),
    run=Exec(arguments=(Template.parse("true"),)),
)
"""Where the defaults of a task's keys stand: in the fields of `Registration`."""


def load_tasks(
    documents: Sequence[Document], names: Mapping[str, NamedTrigger]
) -> tuple[tuple[Registration, ...], list[Problem]]:
    """The tasks of these files, in order, and everything that is wrong in them; `names` are the triggers' names.

    Only tasks without problems mean anything.
    """
    problems = [problem for document in documents for problem in document.problems]
    tasks: list[Registration] = []
    places: dict[str, str] = {}
    for document in documents:
        root = root_table(document, problems)
        for table in root.tables("task"):
            claim_name(table, places, "task")
            task = _load_task(table, names)
            if task is not None:
                tasks.append(task)
        root.not_yet({"server": None})
        root.finish()
    order = {document.file: place for place, document in enumerate(documents)}
    return tuple(tasks), sorted(problems, key=lambda problem: (order[problem.file], problem.line))


def _load_task(table: Table, names: Mapping[str, NamedTrigger]) -> Registration | None:
    before = len(table.problems)
    name = table.read("name", readable_name, required=True)
    triggers = [_load_trigger(trigger, names) for trigger in table.tables("triggers", required=True)]
    if table.content.get("triggers") == []:
        table.problem("a task has at least one trigger", "triggers")
    run = table.table("run", required=True)
    program = _load_run(run) if run is not None else None
    concurrency = table.read("concurrency", choice(*Concurrency), default=_DEFAULT.concurrency)
    max_running = table.read("max_running", integer(minimum=1), default=_DEFAULT.max_running)
    queue_limit = table.read("queue_limit", integer(minimum=1), default=_DEFAULT.queue_limit)
    run_limit = table.read("run_limit", _limit, default=_DEFAULT.run_limit)
    cancel_grace = table.read("cancel_grace", text_as(parse_duration), default=_DEFAULT.cancel_grace)
    user = table.read("user", readable_name)
    table.not_yet(_KEYS_NOT_YET)
    table.finish()
    if len(table.problems) > before or name is None or program is None:
        return None
    return Registration(
        name=name,
        triggers=tuple(trigger for trigger in triggers if trigger is not None),
        run=program,
        concurrency=Concurrency(concurrency),
        max_running=max_running,
        queue_limit=queue_limit,
        run_limit=run_limit,
        cancel_grace=cancel_grace,
        user=user,
    )


def _limit(value: object) -> int | None:
    if value == "infinity":
        return None
    limit = text_as(parse_duration)(value)
    if limit == 0:
        raise InvalidValueError('0 would end every run at once; for no limit write "infinity"')
    return limit


def _load_trigger(table: Table, names: Mapping[str, NamedTrigger]) -> CustomSystemEventTrigger | None:
    kind = table.exactly_one("custom", *_TRIGGERS_NOT_YET)
    if kind is None:
        table.known.update(_TRIGGER_OPTIONS)
        table.finish()
        return None
    if kind != "custom":
        table.problem(NOT_THERE_YET, kind)
        table.known.update(table.content)
        return None
    guid = table.read("custom", text_as(partial(resolve_trigger, names)))
    table.read("recurrence", choice("always", later=("once", "one-shot")), default="always")
    table.finish()
    return CustomSystemEventTrigger(guid, Recurrence.ALWAYS) if guid is not None else None


def _load_run(table: Table) -> Exec | None:
    before = len(table.problems)
    kind = table.exactly_one("exec", *_RUNS_NOT_YET)
    if kind is None:
        table.known.update(_RUN_OPTIONS)
        table.finish()
        return None
    if kind != "exec":
        table.problem(NOT_THERE_YET, kind)
        table.known.update(table.content)
        return None
    arguments = table.read_all("exec", text_as(_argument))
    if table.content["exec"] in ([], [""]):
        table.problem("is empty: name the program and its arguments", "exec")
    environment = _load_environment(table)
    cwd = table.read("cwd", text_as(_absolute_path), default=_DEFAULT.run.cwd)
    table.finish()
    if len(table.problems) > before:
        return None
    return Exec(arguments=arguments, environment=environment, cwd=cwd)


def _argument(value: str) -> Template:
    template = Template.parse(value)
    for name in template.names:
        if not NAME.fullmatch(name):
            raise InvalidValueError(f"{{{name}}} names no detail; write {{{{ and }}}} for the braces themselves")
    return template


def _absolute_path(value: str) -> str:
    if not value.startswith("/") or "\0" in value:
        raise InvalidValueError(f"{value!r} is not an absolute path")
    return value


def _load_environment(table: Table) -> dict[str, str]:
    if "env" not in table:
        table.known.add("env")
        return {}
    environment: dict[str, str] = {}
    variables = table.table("env")
    for name, value in variables.entries() if variables is not None else ():
        try:
            if not name or "=" in name or "\0" in name:
                raise InvalidValueError("no name of an environment variable")
            if "\0" in text(value):
                raise InvalidValueError("a value may not hold NUL")
            environment[name] = text(value)
        except InvalidValueError as error:
            table.problem(str(error), "env", name)
    return environment

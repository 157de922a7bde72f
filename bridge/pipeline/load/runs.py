"""From the table `run` to what a task runs, with every error in it. Nothing here looks whether the program is there.

What a later version brings is refused by name.
"""

from collections.abc import Callable, Mapping
from itertools import chain

from bridge.errors import InvalidValueError
from bridge.model.details import NAME
from bridge.model.guid import Guid
from bridge.model.tasks import Exec, Handler, Python, ServedClass
from bridge.model.templates import Template
from bridge.toml.schema import Table
from bridge.toml.values import NOT_THERE_YET, text, text_as

_NOT_YET = {"unit": ("job",)}
"""What a later version brings, with its options."""
_OPTIONS = ("env", "cwd", "interpreter", "path", *chain.from_iterable(_NOT_YET.values()))
_DEFAULT = Exec(arguments=(Template.parse("true"),))
"""Where the defaults of the options stand."""


def load_run(table: Table) -> Handler | None:
    """What the table says is to be run; None where that is not clear."""
    before = len(table.problems)
    kind = table.exactly_one(*_KINDS, *_NOT_YET)
    if kind is None:
        table.known.update(_OPTIONS)
        table.finish()
        return None
    if kind in _NOT_YET:
        table.problem(NOT_THERE_YET, kind)
        table.known.update(table.content)
        return None
    handler = _KINDS[kind](table)
    table.finish()
    return handler if len(table.problems) == before else None


def _load_exec(table: Table) -> Exec:
    arguments = table.read_all("exec", text_as(_argument))
    if table.content["exec"] in ([], [""]):
        table.problem("is empty: name the program and its arguments", "exec")
    environment = _load_environment(table)
    cwd = table.read("cwd", text_as(_absolute_path), default=_DEFAULT.cwd)
    return Exec(arguments=arguments or _DEFAULT.arguments, environment=environment, cwd=cwd or _DEFAULT.cwd)


def _load_python(table: Table) -> Python | None:
    entry_point = table.read("python", text_as(_entry_point), required=True)
    interpreter = table.read("interpreter", text_as(_absolute_path))
    path = table.read_all("path", text_as(_absolute_path)) if "path" in table else ()
    table.known.add("path")
    return Python(entry_point=entry_point, interpreter=interpreter, path=path) if entry_point is not None else None


def _load_class(table: Table) -> ServedClass | None:
    clsid = table.read("clsid", text_as(Guid.parse), required=True)
    return ServedClass(clsid=clsid) if clsid is not None else None


_KINDS: Mapping[str, Callable[[Table], Handler | None]] = {
    "exec": _load_exec,
    "python": _load_python,
    "clsid": _load_class,
}


def _entry_point(value: str) -> str:
    return Python(entry_point=value).entry_point


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
            if name.startswith("HWBRIDGE_"):
                raise InvalidValueError("variables that begin with HWBRIDGE_ are what hwbridge itself tells")
            if "\0" in text(value):
                raise InvalidValueError("a value may not hold NUL")
            environment[name] = text(value)
        except InvalidValueError as error:
            table.problem(str(error), "env", name)
    return environment

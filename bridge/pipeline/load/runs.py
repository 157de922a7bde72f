"""From the table `run` to what a task runs, with every error in it. Nothing here looks whether the program is there.

What a later version brings is refused by name.
"""

from bridge.errors import InvalidValueError
from bridge.model.details import NAME
from bridge.model.tasks import Exec
from bridge.model.templates import Template
from bridge.toml.schema import Table
from bridge.toml.values import NOT_THERE_YET, text, text_as

_NOT_YET = ("python", "clsid", "unit")
_OPTIONS_NOT_YET = ("interpreter", "path", "job")
_OPTIONS = ("env", "cwd", *_OPTIONS_NOT_YET)
_DEFAULT = Exec(arguments=(Template.parse("true"),))
"""Where the defaults of the options stand."""


def load_run(table: Table) -> Exec | None:
    """What the table says is to be run; None where that is not clear."""
    before = len(table.problems)
    kind = table.exactly_one("exec", *_NOT_YET)
    if kind is None:
        table.known.update(_OPTIONS)
        table.finish()
        return None
    if kind != "exec":
        table.problem(NOT_THERE_YET, kind)
        table.known.update(table.content)
        return None
    for option in _OPTIONS_NOT_YET:
        if option in table:
            table.known.add(option)
            table.problem(NOT_THERE_YET, option)
    arguments = table.read_all("exec", text_as(_argument))
    if table.content["exec"] in ([], [""]):
        table.problem("is empty: name the program and its arguments", "exec")
    environment = _load_environment(table)
    cwd = table.read("cwd", text_as(_absolute_path), default=_DEFAULT.cwd)
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
            if name.startswith("HWBRIDGE_"):
                raise InvalidValueError("variables that begin with HWBRIDGE_ are what hwbridge itself tells")
            if "\0" in text(value):
                raise InvalidValueError("a value may not hold NUL")
            environment[name] = text(value)
        except InvalidValueError as error:
            table.problem(str(error), "env", name)
    return environment

"""What an `exec` handler is given: arguments, environment and its JSON object. Nothing here starts anything."""

from collections.abc import Mapping
from socket import socket

import msgspec

from bridge.errors import HandlerError
from bridge.hosts.accounts import Account
from bridge.hosts.marks import INSTANCE_ID
from bridge.model.details import Details
from bridge.model.tasks import Exec, Instance
from bridge.model.templates import Template

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LONGEST_DETAIL_VARIABLE = 8 * 1024
"""Bytes; a longer detail is in the JSON object only."""
_SHOWN_CHARACTERS = 40


class Invocation(msgspec.Struct, frozen=True, kw_only=True):
    """All that a handler is given: the whole of its environment, and the whole of its standard input.

    Standard input is bytes to be read, or a socket whose other end somebody else has.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    cwd: str
    standard_input: bytes | socket


def invocation_of(instance: Instance, account: Account, socket_path: str, raised_at: int) -> Invocation:
    """How `instance` is run as `account`, with our API at `socket_path`; `raised_at` in microseconds since 1970.

    Raises `HandlerError` if templates leave the program's name empty, and if an argument that is
    all template would be taken for an option.
    """
    program = instance.task.run
    assert isinstance(program, Exec), "each kind of handler has its own host"
    return Invocation(
        arguments=_arguments(program, instance),
        environment=_environment(program, instance, account, socket_path),
        cwd=program.cwd,
        standard_input=msgspec.json.encode(_json_object(instance, raised_at)) + b"\n",
    )


def _json_object(instance: Instance, raised_at: int) -> dict[str, object]:
    raised = instance.raised
    return {
        "task": instance.task.name,
        "instance_id": instance.instance_id,
        "trigger": str(raised.trigger),
        "key": raised.key,
        "details": dict(raised.details),
        "merged": instance.merged,
        "redelivered": instance.redelivered,
        "raised_at": raised_at,
        "batch": [dict(details) for details in instance.batch],
    }


def _arguments(program: Exec, instance: Instance) -> tuple[str, ...]:
    raised = instance.raised
    values: dict[str, str | int] = {
        **raised.details,
        "key": raised.key,
        "trigger": str(raised.trigger),
        "task": instance.task.name,
        "instance_id": instance.instance_id,
        "merged": instance.merged,
    }
    templates = enumerate(program.arguments, start=1)
    arguments = tuple(_argument(place, template, values) for place, template in templates)
    if not arguments[0]:
        raise HandlerError("exec[1] became empty: it names no program")
    return arguments


def _argument(place: int, template: Template, values: Mapping[str, str | int]) -> str:
    argument = template.expand(values)
    is_all_template = not any(template.texts)
    if is_all_template and argument.startswith("-"):
        raise HandlerError(
            f"exec[{place}] is all {{{template.names[0]}}} and became {argument[:_SHOWN_CHARACTERS]!r},"
            " which a program would take for an option"
        )
    return argument


def environment_of_user(account: Account) -> dict[str, str]:
    """What every handler finds in its environment, whatever it is."""
    return {
        "PATH": PATH,
        "LANG": "C.UTF-8",
        "HOME": account.home,
        "USER": account.name,
        "LOGNAME": account.name,
        "SHELL": account.shell,
    }


def _environment(program: Exec, instance: Instance, account: Account, socket_path: str) -> dict[str, str]:
    return {
        **environment_of_user(account),
        **program.environment,
        # Ours last: a run whose instance id were another's could not be told from it.
        **_detail_variables(instance.raised.details),
        "HWBRIDGE_TASK": instance.task.name,
        INSTANCE_ID: instance.instance_id,
        "HWBRIDGE_TRIGGER": str(instance.raised.trigger),
        "HWBRIDGE_KEY": instance.raised.key,
        "HWBRIDGE_MERGED": str(instance.merged),
        "HWBRIDGE_SOCKET": socket_path,
    }


def _detail_variables(details: Details) -> dict[str, str]:
    variables: dict[str, str] = {}
    for name, value in details.items():
        variables.setdefault(f"HWBRIDGE_DETAIL_{name.upper()}", value)
    return {name: value for name, value in variables.items() if len(value.encode()) <= LONGEST_DETAIL_VARIABLE}

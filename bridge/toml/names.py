"""The names that files give: to triggers, and to rules and tasks, which are unique over all files. It reads no key."""

from collections.abc import Mapping

from bridge.errors import InvalidGuidError, InvalidValueError, NilGuidError
from bridge.model.guid import Guid
from bridge.model.triggers import NamedTrigger
from bridge.toml.schema import Table
from bridge.toml.values import did_you_mean, text

MOST_NAME_CHARACTERS = 256


def resolve_trigger(names: Mapping[str, NamedTrigger], value: str) -> Guid:
    """The trigger that a name, or a GUID itself, stands for. Raises `InvalidGuidError` for neither.

    >>> resolve_trigger({}, "9118718b-ff80-4afe-baf1-d88a4525f3ab").text
    '{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}'
    """
    if value in names:
        return names[value].guid
    try:
        return Guid.parse(value)
    except NilGuidError:
        raise
    except InvalidGuidError as error:
        raise InvalidGuidError(value, f"a name in [triggers] or a GUID{did_you_mean(value, names)}") from error


def readable_name(value: object) -> str:
    """The conversion to a name that people can read in a message: not empty nor long, and all of it can be printed."""
    name = text(value)
    if len(name) > MOST_NAME_CHARACTERS:
        raise InvalidValueError(f"a name has at most {MOST_NAME_CHARACTERS} characters, this one has {len(name)}")
    if not name.strip() or not name.isprintable():
        raise InvalidValueError("a name is not empty or blank, and all of it can be printed")
    return name


def claim_name(table: Table, claimed: dict[str, Table], kind: str) -> None:
    """Notes where the table's `name` was given first; a second table with it is a problem that says where."""
    name = table.content.get("name")
    if not isinstance(name, str):
        return
    first = claimed.setdefault(name, table)
    if first is not table:
        place = f"{first.document.file}:{first.line('name')}"  # asked for only here: lines take their time
        table.problem(f'another {kind} has the name "{name}": {place}', "name")

"""From `[triggers]` of all files to the names of triggers, with every error in them. Nothing here opens a file."""

from collections.abc import Sequence

from bridge.errors import InvalidGuidError, InvalidValueError
from bridge.model.guid import Guid
from bridge.model.triggers import NamedTrigger, Principal
from bridge.toml.names import readable_name
from bridge.toml.schema import Table
from bridge.toml.values import describe, text_as


def load_trigger_names(roots: Sequence[Table]) -> dict[str, NamedTrigger]:
    """The names that these files give; what is wrong is added to the roots' problems."""
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
        readable_name(name)
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

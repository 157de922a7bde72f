"""The definition of a task: all that was said of it, in one spelling. Nothing here judges what was said."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from bridge.model.guid import Guid
from bridge.model.system_triggers import SystemTriggerType
from bridge.model.triggers import CustomSystemEventTrigger, Trigger


def definition_of(
    content: Mapping[str, Any], triggers: Sequence[Trigger], cancel_on: Sequence[Guid | SystemTriggerType]
) -> str:
    """The JSON text of a task's table, which holds these triggers; its keys are sorted, and no name stands for a GUID.

    So it stays the same where the table is written otherwise, and can be read again when a name is gone.
    """
    guids = [trigger.guid if isinstance(trigger, CustomSystemEventTrigger) else None for trigger in triggers]
    content = {**content, "triggers": _with_guids(content["triggers"], guids)}
    if cancel_on:
        guids = [trigger if isinstance(trigger, Guid) else None for trigger in cancel_on]
        content["cancel_on"] = _with_guids(content["cancel_on"], guids)
    return msgspec.json.encode(content, order="sorted").decode()


def _with_guids(written: Sequence[dict[str, Any]], guids: Sequence[Guid | None]) -> list[dict[str, Any]]:
    return [each if guid is None else {**each, "custom": guid.text} for each, guid in zip(written, guids, strict=True)]

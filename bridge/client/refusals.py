"""What the daemon refuses, as errors with names of their own that say what to do. Nothing is asked here.

What it refuses and this does not know stays a plain `CallFailedError`.
"""

from collections.abc import Callable, Mapping

from bridge.errors import (
    BusyError,
    CallFailedError,
    InvalidTaskError,
    NotAllowedError,
    StoreFullError,
    UnknownNameError,
)

TYPE_CHECKING = False  # typing's own would load typing, which takes longer than everything else here
if TYPE_CHECKING:
    from typing import Any

    _Named = tuple[type[CallFailedError], Callable[[Mapping[str, Any]], str]]

_MEMBERS = "members of the group hwbridge may, and root"
_NOT_ALLOWED: "Mapping[str, str]" = {
    "trigger": "you may not raise or wait for the trigger {}: have a task of your own with it, or let"
    ' `allow = ["user:..."]` beside it in a rules file name you',
    "method": f"you may not call {{}}: {_MEMBERS} (`usermod --append --groups hwbridge NAME`, then log in anew)",
    "instance_id": "the run {} is another user's",
    "user": "you may not have a task run as {}: it runs as who registers it; only root's files say otherwise",
    "name": "the task {!r} is another user's",
    "clsid": "the class {} is another user's",
}
"""For each thing that may not be done, by the error's field that says it, what is said."""


def named(error: CallFailedError) -> CallFailedError:
    """The same refusal by its own name, in words.

    >>> print(named(CallFailedError("org.hwbridge.UnknownTask", {"name": "lamp"})))
    no task has the name 'lamp'
    >>> named(CallFailedError("org.hwbridge.Busy", {"trigger": "door"}))
    BusyError('a queue for the trigger door is full: ask again later')
    """
    kind, words = _KNOWN.get(error.error.rpartition(".")[2], _OTHERS)
    try:
        said = words(error.parameters)
    except (LookupError, TypeError):  # a daemon of another version has other fields: its own words will do
        said = ""
    return kind(error.error, error.parameters, said)


def _not_allowed(fields: "Mapping[str, Any]") -> str:
    if _is_of_system(fields.get("trigger")):
        trigger = fields["trigger"]
        return f"nobody may raise {trigger}, the system does; to wait for it, have a task of your own with it"
    said = [words.format(fields[field]) for field, words in _NOT_ALLOWED.items() if fields.get(field) is not None]
    return "; ".join(said)


def _unknown_trigger(fields: "Mapping[str, Any]") -> str:
    if _is_of_system(fields["trigger"]):
        return f"{fields['trigger']} never goes off on Linux"
    return f"{fields['trigger']!r} is no trigger: neither a GUID nor a name in [triggers] of a rules file"


def _is_of_system(trigger: object) -> bool:
    from bridge.model.system_triggers import SYSTEM_TRIGGERS  # loads enum, which only who is refused waits for

    return trigger in SYSTEM_TRIGGERS


def _invalid_task(fields: "Mapping[str, Any]") -> str:
    reasons = [f"{each['key']}: {each['message']}" if each["key"] else each["message"] for each in fields["reasons"]]
    return f"the task cannot be registered: {'; '.join(reasons)}"


_OTHERS: "_Named" = (CallFailedError, lambda _: "")
_KNOWN: "Mapping[str, _Named]" = {
    "NotAllowed": (NotAllowedError, _not_allowed),
    "InvalidTask": (InvalidTaskError, _invalid_task),
    "UnknownTask": (UnknownNameError, lambda fields: f"no task has the name {fields['name']!r}"),
    "UnknownTrigger": (UnknownNameError, _unknown_trigger),
    "UnknownInstance": (
        UnknownNameError,
        lambda fields: f"no run has the id {fields['instance_id']!r}: it is over, or was never there",
    ),
    "TaskOfFile": (
        NotAllowedError,
        lambda fields: f"task {fields['name']!r} is in a tasks file: change it there, and send the daemon HUP",
    ),
    "InvalidDetails": (CallFailedError, lambda fields: f"detail {fields['field']!r}: {fields['reason']}"),
    "Busy": (BusyError, lambda fields: f"a queue for the trigger {fields['trigger']} is full: ask again later"),
    "TooManyTasks": (
        BusyError,
        lambda fields: f"you have {fields['limit']} tasks, and nobody may have more: unregister some",
    ),
    "StoreFull": (StoreFullError, lambda fields: f"the daemon accepts nothing new: {fields['reason']}"),
}

"""What a log line is about, as fields of the journal: `log.info(..., extra=about(instance))`. It logs nothing itself.

The fields' names are for `journalctl HWBRIDGE_TASK=NAME`; where stderr is no journal they are not shown.
"""

from bridge.model.tasks import Instance

TASK = "HWBRIDGE_TASK"
INSTANCE_ID = "HWBRIDGE_INSTANCE_ID"
TRIGGER = "HWBRIDGE_TRIGGER"
KEY = "HWBRIDGE_KEY"
REASON = "HWBRIDGE_REASON"


def about(instance: Instance, reason: str = "") -> dict[str, str]:
    """The fields of a line about a run; `reason` says why something became of it."""
    fields = {
        TASK: instance.task.name,
        INSTANCE_ID: instance.instance_id,
        TRIGGER: str(instance.raised.trigger),
        KEY: instance.raised.key,
        REASON: reason,
    }
    return _there(fields)


def about_task(name: str, key: str = "", reason: str = "") -> dict[str, str]:
    """The fields of a line about a task, or what waits of it under a key.

    >>> about_task("lamp", reason="Expired")
    {'HWBRIDGE_TASK': 'lamp', 'HWBRIDGE_REASON': 'Expired'}
    """
    return _there({TASK: name, KEY: key, REASON: reason})


def _there(fields: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value}

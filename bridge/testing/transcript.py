"""What `replay` prints: a line for each outcome, the same bytes everywhere. Nothing here decides or prints."""

from collections.abc import Mapping

from bridge.dispatch.decisions import Activate, Cancel, Dropped, Finished, Latched, Quarantined, Slowed
from bridge.model.durations import MICROSECONDS, format_at
from bridge.model.tasks import InstanceState
from bridge.model.text import printable
from bridge.model.triggers import Raised
from bridge.pipeline.pipeline import Outcome
from bridge.recording.jsonl import json_line


def text_of(outcome: Outcome) -> str | None:
    """The line for people and for `*.expected` files; None for what only the store, a host or the log is told.

    Characters that would move the cursor or hide text are escaped.
    """
    match outcome:
        case Raised(rule=rule, task=task):  # the system and callers of the API have neither
            line = " ".join(("raised", str(outcome.trigger), *filter(None, (rule, task))))
        case Activate(instance=instance):
            line = f"activated {instance.task.name} {instance.instance_id}"
        case Cancel(instance=instance):
            line = f"canceled {instance.task.name} {instance.instance_id} {outcome.reason.name}"
        case Finished(instance=instance):
            line = f"completed {instance.task.name} {instance.instance_id} {outcome.state}"
        case Latched():
            line = f"latched {outcome.task}"
        case Dropped():
            line = f"dropped {outcome.task} {outcome.reason}"
        case Quarantined():
            line = f"quarantined {outcome.task}"
        case Slowed():
            line = f"slowed {outcome.task}"
        case _:
            return None
    return f"{format_at(outcome.at)} {printable(line)}"


def json_of(outcome: Outcome) -> str | None:
    """The same as one JSON object, times in seconds with at most six digits."""
    record: Mapping[str, object]
    match outcome:
        case Raised():
            record = _raised(outcome)
        case Activate(instance=instance):
            record = {
                "what": "activated",
                "task": instance.task.name,
                "instance": instance.instance_id,
                "key": instance.raised.key,
                "merged": instance.merged,
                "attempt": instance.attempt,
                "redelivered": instance.redelivered,
            }
        case Cancel(instance=instance):
            record = {
                "what": "canceled",
                "task": instance.task.name,
                "instance": instance.instance_id,
                "reason": outcome.reason.name,
            }
        case Finished():
            record = _completed(outcome)
        case Latched(task=task, key=key, merged=merged):
            record = {"what": "latched", "task": task, "key": key, "merged": merged}
        case Dropped(task=task, key=key, merged=merged):
            record = {"what": "dropped", "task": task, "key": key, "reason": outcome.reason, "merged": merged}
        case Quarantined(task=task, why=why):
            record = {"what": "quarantined", "task": task, "why": why}
        case Slowed(task=task, key=key):
            record = {"what": "slowed", "task": task, "key": key, "until": _seconds(outcome.until)}
        case _:
            return None
    return json_line(outcome.at, record)


def _raised(raised: Raised) -> Mapping[str, object]:
    """A raise; `task` and `batch` are there where it has them."""
    record: dict[str, object] = {
        "what": "raised",
        "trigger": str(raised.trigger),
        "rule": raised.rule,
        "key": raised.key,
        "details": raised.details,
    }
    if raised.task is not None:
        record["task"] = raised.task
    if raised.batch:
        record["batch"] = raised.batch
    return record


def _completed(finished: Finished) -> Mapping[str, object]:
    """A run that is over; `again_at`, `suspended` and `throttled` are there where they are known."""
    record: dict[str, object] = {
        "what": "completed",
        "task": finished.instance.task.name,
        "instance": finished.instance.instance_id,
        "state": finished.state,
        "detail": finished.detail if finished.state is InstanceState.FAILED else "",
    }
    if finished.again_at is not None:
        record["again_at"] = _seconds(finished.again_at)
    if finished.suspended is not None:
        record["suspended"] = finished.suspended
    if finished.throttled is not None:
        record["throttled"] = finished.throttled
    return record


def _seconds(at: int) -> float:
    return at / MICROSECONDS["s"]

"""What `replay` prints: a line for each outcome, the same bytes everywhere. Nothing here decides or prints."""

from collections.abc import Mapping

from bridge.dispatch.decisions import Activate, Cancel, Dropped, Finished, Kill
from bridge.mapping.mapper import LevelTurned, RaisedThisBoot
from bridge.mapping.raising import Refusal
from bridge.model.durations import format_at
from bridge.model.tasks import InstanceState
from bridge.model.text import printable
from bridge.model.triggers import Raised
from bridge.pipeline.pipeline import Outcome
from bridge.recording.jsonl import json_line


def text_of(outcome: Outcome) -> str | None:
    """The line for people and for `*.expected` files; None for what is not told.

    Characters that would move the cursor or hide text are escaped.
    """
    match outcome:
        case Raised():
            line = f"raised {outcome.trigger} {outcome.rule}"
        case Activate():
            line = f"activated {outcome.instance.task.name} {outcome.instance.instance_id}"
        case Cancel():
            line = f"canceled {outcome.instance.task.name} {outcome.instance.instance_id} {outcome.reason.name}"
        case Finished():
            line = f"completed {outcome.instance.task.name} {outcome.instance.instance_id} {outcome.state}"
        case Dropped():
            line = f"dropped {outcome.task} {outcome.reason}"
        case Kill() | Refusal() | RaisedThisBoot() | LevelTurned():
            return None
    return f"{format_at(outcome.at)} {printable(line)}"


def json_of(outcome: Outcome) -> str | None:
    """The same as one JSON object, times in seconds with at most six digits."""
    record: Mapping[str, object]
    match outcome:
        case Raised():
            record = {
                "what": "raised",
                "trigger": str(outcome.trigger),
                "rule": outcome.rule,
                "key": outcome.key,
                "details": outcome.details,
            }
        case Activate(instance=instance):
            record = {
                "what": "activated",
                "task": instance.task.name,
                "instance": instance.instance_id,
                "key": instance.raised.key,
                "merged": instance.merged,
            }
        case Cancel(instance=instance):
            record = {
                "what": "canceled",
                "task": instance.task.name,
                "instance": instance.instance_id,
                "reason": outcome.reason.name,
            }
        case Finished(instance=instance):
            record = {
                "what": "completed",
                "task": instance.task.name,
                "instance": instance.instance_id,
                "state": outcome.state,
                "detail": outcome.detail if outcome.state is InstanceState.FAILED else "",
            }
        case Dropped():
            record = {
                "what": "dropped",
                "task": outcome.task,
                "key": outcome.key,
                "reason": outcome.reason,
                "merged": outcome.merged,
            }
        case Kill() | Refusal() | RaisedThisBoot() | LevelTurned():
            return None
    return json_line(outcome.at, record)

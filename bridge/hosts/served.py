"""What a task server and we tell each other about runs, as values: the messages of RegisterClass, and completions.

It knows no connection, and starts nothing.

Source of the semantics: org.hwbridge.varlink, `RegisterClass` and `Complete`.
"""

from collections.abc import Mapping

import msgspec

from bridge.hosts.host import Ended
from bridge.model.tasks import CancellationReason, Instance
from bridge.model.text import printable

LONGEST_DETAIL = 1000
"""Characters that are kept of the line in which a server says how a run ended."""

REGISTERED: Mapping[str, object] = {"action": "registered"}
REVOKED: Mapping[str, object] = {"action": "revoked"}


class Completion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a server says of a run that is over: the parameters of `Complete`."""

    instance_id: str
    succeeded: bool
    again: bool | None = None
    detail: str | None = None


class Progress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a server says of a run that goes on: the parameters of `ReportProgress`."""

    instance_id: str
    progress: int


def activation(instance: Instance, raised_at: int, entry_point: str | None = None) -> Mapping[str, object]:
    """Begin this run. `raised_at` is on the wall clock; `entry_point` is for the workers that we start ourselves."""
    raised = instance.raised
    return {
        "action": "activate",
        "activation": {
            "instance_id": instance.instance_id,
            "task": instance.task.name,
            "trigger": str(raised.trigger),
            "key": raised.key,
            "details": raised.details,
            "batch": instance.batch,
            "merged": instance.merged,
            "redelivered": instance.redelivered,
            "raised_at": raised_at,
            "entry_point": entry_point,
        },
    }


def cancellation(instance_id: str, reason: CancellationReason) -> Mapping[str, object]:
    """The run is asked to end."""
    return {"action": "cancel", "instance_id": instance_id, "reason": reason.name}


def ended_of(completion: Completion, well: str) -> Ended:
    r"""The end of a run as its server tells it; `well` is what is said of one that succeeded and tells nothing.

    >>> ended_of(Completion(instance_id="1", succeeded=False, detail="ValueError: no\nsuch"), "returned").detail
    'ValueError: no\\nsuch'
    """
    detail = printable((completion.detail or "")[:LONGEST_DETAIL])
    if completion.again and not completion.succeeded:
        return Ended(
            instance_id=completion.instance_id, succeeded=False, again=True, detail=detail or "asks to be run again"
        )
    otherwise = well if completion.succeeded else "failed, and its server does not say why"
    return Ended(instance_id=completion.instance_id, succeeded=completion.succeeded, detail=detail or otherwise)

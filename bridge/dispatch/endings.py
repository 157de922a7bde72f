"""How a run counts that is over, and what is owed then: nothing, or the same once more. It starts nothing."""

from msgspec.structs import replace

from bridge.dispatch.decisions import Completed
from bridge.dispatch.waiting import Pending
from bridge.model.tasks import LONGEST_BACKOFF, CancellationReason, InstanceState, Retry

FAILURES_TO_QUARANTINE = 10


def state_of(canceled: CancellationReason | None, completed: Completed) -> InstanceState:
    """How a run ended that was canceled for this reason, or was not."""
    match canceled:
        case None if completed.again:
            return InstanceState.AGAIN
        case None:
            return InstanceState.SUCCEEDED if completed.succeeded else InstanceState.FAILED
        case CancellationReason.ExecutionTimeExceeded:
            return InstanceState.FAILED
        case _:
            return InstanceState.CANCELED


def owed_after(
    pending: Pending, retry: Retry, state: InstanceState, canceled: CancellationReason | None, completed: Completed
) -> Pending | None:
    """What is still owed of an activation whose run ended so; its `due` is when it is run again."""
    if state is InstanceState.AGAIN:
        return replace(pending, again=pending.again + 1, due=completed.at + _backoff(pending, retry))
    if state is InstanceState.FAILED and pending.attempt < retry.attempts:
        return replace(pending, attempt=pending.attempt + 1, due=completed.at + _backoff(pending, retry))
    if canceled is CancellationReason.Terminating and not completed.succeeded:
        return replace(pending, due=None, redelivered=True)
    return None


def _backoff(pending: Pending, retry: Retry) -> int:
    doublings = min(pending.attempt - 1 + pending.again, 40)  # beyond that it is the longest anyway
    return int(min(LONGEST_BACKOFF, retry.backoff << doublings))

"""What handlers of an application are told of the runs of a task: that one is over, or how far one is.

Nothing here listens. Names are those of the classes in Windows.ApplicationModel.Background.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.errors import RunFailedError
from bridge.model.tasks import CancellationReason, InstanceState


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundTaskCompletedEventArgs:
    """A run is over. `at` is when, on the wall clock, and `duration` how long it took, both in microseconds.

    `reason` is why it was canceled, None where it was not. `detail` says how it ended, in one line; `output` is the end
    of what it printed. `again_in` is there where its activation will be run again, after so many microseconds.
    """

    task: str
    instance_id: str
    state: InstanceState
    at: int
    trigger: str = ""
    key: str = ""
    reason: CancellationReason | None = None
    detail: str = ""
    output: str = ""
    duration: int | None = None
    again_in: int | None = None

    def check_result(self) -> None:
        """Raises `RunFailedError` unless the run succeeded.

        >>> args = {"task": "lamp", "what": "completed", "instance_id": "7-1", "state": "failed", "detail": "exit 3"}
        >>> completed_args({**args, "at": 0}).check_result()
        Traceback (most recent call last):
        bridge.errors.RunFailedError: run 7-1 of task 'lamp' failed: exit 3
        """
        if self.state is not InstanceState.SUCCEEDED:
            how = _ENDED[self.state] + (f" ({self.reason.name})" if self.reason is not None else "")
            raise RunFailedError(
                f"run {self.instance_id} of task {self.task!r} {how}{': ' if self.detail else ''}{self.detail}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundTaskProgressEventArgs:
    """A run has told how far it is, in a measure of its own."""

    task: str
    instance_id: str
    progress: int


def completed_args(entry: Mapping[str, Any]) -> BackgroundTaskCompletedEventArgs:
    """From a line of the history that says `completed`. Raises `LookupError` or `ValueError` for anything else."""
    return BackgroundTaskCompletedEventArgs(
        task=entry["task"],
        instance_id=entry["instance_id"],
        state=InstanceState(entry["state"]),
        at=entry["at"],
        trigger=entry.get("trigger") or "",
        key=entry.get("key") or "",
        reason=CancellationReason[entry["reason"]] if entry.get("reason") else None,
        detail=entry.get("detail") or "",
        output=entry.get("output") or "",
        duration=entry.get("duration"),
        again_in=entry.get("again_in"),
    )


def progress_args(entry: Mapping[str, Any]) -> BackgroundTaskProgressEventArgs:
    """From a fact that says `progress`. Raises `LookupError` for anything else."""
    return BackgroundTaskProgressEventArgs(
        task=entry["task"], instance_id=entry["instance_id"], progress=entry["progress"]
    )


_ENDED = {
    InstanceState.FAILED: "failed",
    InstanceState.CANCELED: "was canceled",
    InstanceState.AGAIN: "asked to be run again",
}

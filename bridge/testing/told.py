"""What a test is told: triggers that were raised, runs, and the lines that `hwbridge replay` prints of them.

Everything here follows from outcomes; it asks nothing of the pipeline.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.dispatch.decisions import Activate, Cancel, Dropped, Finished, Latched, Progressed
from bridge.mapping.raising import Refusal
from bridge.model.tasks import Instance
from bridge.model.triggers import Raised
from bridge.pipeline.pipeline import Outcome
from bridge.testing.book import Book
from bridge.testing.transcript import text_of

RUNNING = "running"
"""The state of a run that is not over."""
LOST = "lost"
"""The state of a run that was open when the daemon was killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaisedTrigger:
    """A trigger that went off, `at` seconds.

    `rule` is the one that raised it, None where a caller, the system or a task's own trigger did; of these `task` has
    the name. `batch` are the details of each event of a device watcher.
    """

    at: float
    trigger: str
    rule: str | None
    task: str | None
    key: str
    details: Mapping[str, str]
    batch: tuple[Mapping[str, str], ...]
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LatchedRaise:
    """A raise that has to wait for conditions, `at` seconds; it is one of `merged`."""

    at: float
    task: str
    key: str
    merged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedRaise:
    """Raises that get no run, as many as `merged`; `reason` is the name of the `DropReason`."""

    at: float
    task: str
    key: str
    reason: str
    merged: int


@dataclass(slots=True, kw_only=True, eq=False)
class Activation:
    """A run that began `at` seconds. It is live: `state`, `reason` and `progress` go on changing.

    `state` is `running`, then `succeeded`, `failed`, `canceled` or `again`, or `lost` where the daemon was killed;
    `reason` is the name of the `CancellationReason`, from when the run was asked to end.
    """

    instance_id: str
    at: float
    task: str
    trigger: str
    key: str
    details: Mapping[str, str]
    merged: int
    batch: tuple[Mapping[str, str], ...]
    redelivered: bool
    attempt: int
    state: str = RUNNING
    reason: str | None = None
    progress: int = 0


def seconds(at: int) -> float:
    """A time in microseconds, in seconds.

    >>> seconds(104_000) == 0.104
    True
    """
    return at / 1_000_000


@dataclass(slots=True)
class Told:
    """All that was told since the beginning of a test, and what the daemon's store has kept of it."""

    lines: list[str] = field(default_factory=list)
    """Those of `hwbridge replay`."""
    raised: list[RaisedTrigger] = field(default_factory=list)
    activations: list[Activation] = field(default_factory=list)
    latched: list[LatchedRaise] = field(default_factory=list)
    dropped: list[DroppedRaise] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Why something that asked for a trigger got none."""
    book: Book = field(default_factory=Book)
    runs: dict[str, Activation] = field(default_factory=dict)
    """The activations by instance id, whatever a test does with the list of them."""

    def take(self, outcome: Outcome) -> None:
        """One more outcome."""
        line = text_of(outcome)
        if line is not None:
            self.lines.append(line)
        match outcome:
            case Raised():
                self.raised.append(_raised_of(outcome))
            case Activate(at=at, instance=instance):
                activation = _activation_of(instance, at)
                self.runs[instance.instance_id] = activation
                self.activations.append(activation)
            case Cancel(instance=instance, reason=reason):
                self.runs[instance.instance_id].reason = reason.name
            case Finished(instance=instance, state=state):
                self.runs[instance.instance_id].state = state.value
            case Progressed(instance_id=instance_id, progress=progress):
                self.runs[instance_id].progress = progress
            case Latched(at=at, task=task, key=key, merged=merged):
                self.latched.append(LatchedRaise(at=seconds(at), task=task, key=key, merged=merged))
            case Dropped(at=at, task=task, key=key, reason=reason, merged=merged):
                self.dropped.append(
                    DroppedRaise(at=seconds(at), task=task, key=key, reason=reason.value, merged=merged)
                )
            case Refusal(message=message):
                self.refused.append(message)
            case _:
                self.book.take(outcome)

    def lose_runs(self) -> None:
        """The daemon died without a word: nobody learns how the open runs ended."""
        for run in self.runs.values():
            if run.state == RUNNING:
                run.state = LOST

    def content(self) -> bytes:
        """The lines as a file."""
        return "".join(f"{line}\n" for line in self.lines).encode(errors="backslashreplace")


def _raised_of(raised: Raised) -> RaisedTrigger:
    return RaisedTrigger(
        at=seconds(raised.at),
        trigger=str(raised.trigger),
        rule=raised.rule,
        task=raised.task,
        key=raised.key,
        details=dict(raised.details),
        batch=raised.batch,
        origin=raised.origin.value,
    )


def _activation_of(instance: Instance, at: int) -> Activation:
    raised = instance.raised
    return Activation(
        instance_id=instance.instance_id,
        at=seconds(at),
        task=instance.task.name,
        trigger=str(raised.trigger),
        key=raised.key,
        details=dict(raised.details),
        merged=instance.merged,
        batch=instance.batch,
        redelivered=instance.redelivered,
        attempt=instance.attempt,
    )

"""What a test is told: triggers that were raised, runs, and the lines that `hwbridge replay` prints of them.

Everything here follows from outcomes; it asks nothing of the pipeline.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.dispatch.decisions import Activate, Cancel, Finished
from bridge.mapping.mapper import LevelTurned, Memory, RaisedThisBoot
from bridge.mapping.raising import Refusal
from bridge.model.tasks import Instance
from bridge.model.triggers import Raised
from bridge.pipeline.pipeline import Outcome
from bridge.testing.transcript import text_of

RUNNING = "running"
"""The state of a run that is not over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaisedTrigger:
    """A trigger that went off, `at` seconds; `rule` is the one that raised it."""

    at: float
    trigger: str
    rule: str | None
    key: str
    details: Mapping[str, str]
    origin: str


@dataclass(slots=True, kw_only=True, eq=False)
class Activation:
    """A run that began `at` seconds. It is live: `state`, `reason` and `progress` go on changing.

    `state` is `running`, then `succeeded`, `failed` or `canceled`; `reason` is the name of the `CancellationReason`,
    from when the run was asked to end.
    """

    instance_id: str
    at: float
    task: str
    trigger: str
    key: str
    details: Mapping[str, str]
    merged: int
    batch: tuple[Mapping[str, str], ...]
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
    refused: list[str] = field(default_factory=list)
    """Why something that asked for a trigger got none."""
    memory: Memory = field(default_factory=Memory)
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
            case Refusal(message=message):
                self.refused.append(message)
            case LevelTurned(rule=rule, subject=subject, true=true):
                (self.memory.true.add if true else self.memory.true.discard)((rule, subject))
            case RaisedThisBoot(rule=rule, key=key):
                self.memory.raised_this_boot.add((rule, key))
            case _:
                pass

    def content(self) -> bytes:
        """The lines as a file."""
        return "".join(f"{line}\n" for line in self.lines).encode(errors="backslashreplace")


def _raised_of(raised: Raised) -> RaisedTrigger:
    return RaisedTrigger(
        at=seconds(raised.at),
        trigger=str(raised.trigger),
        rule=raised.rule,
        key=raised.key,
        details=dict(raised.details),
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
    )

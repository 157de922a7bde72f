"""The facts that only the pipeline takes: what files and callers declare, what the service does. They do nothing."""

import msgspec

from bridge.mapping.table import RuleTable
from bridge.model.tasks import CancellationReason, Registration


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """Fact: these are the rules, and the tasks of files, from now on and instead of those before."""

    at: int
    rules: RuleTable
    tasks: tuple[Registration, ...]


class RegisterTask(msgspec.Struct, frozen=True, kw_only=True):
    """Fact: somebody registers a task; one of its name is replaced."""

    at: int
    registration: Registration


class UnregisterTask(msgspec.Struct, frozen=True, kw_only=True):
    """Fact: somebody unregisters a task; with `cancel_task` its runs are canceled, else they may finish."""

    at: int
    name: str
    cancel_task: bool


class CancelRun(msgspec.Struct, frozen=True, kw_only=True):
    """Fact: somebody cancels a run."""

    at: int
    instance_id: str
    reason: CancellationReason = CancellationReason.Abort


class ResetTask(msgspec.Struct, frozen=True, kw_only=True):
    """Fact: somebody ends a task's quarantine."""

    at: int
    name: str


class ConditionSet(msgspec.Struct, frozen=True, kw_only=True):
    """Fact: this condition is so, whatever events tell; None leaves it to the events again."""

    at: int
    name: str
    value: bool | None


class Stopping(msgspec.Struct, frozen=True, kw_only=True):
    """Fact: the service stops; every run is cancelled as `Terminating`."""

    at: int

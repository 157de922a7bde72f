"""Registered tasks and their runs, as values. Nothing here starts or cancels anything.

Names and numbers are those of Windows.ApplicationModel.Background where it has them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from bridge.errors import InvalidValueError
from bridge.model.durations import MICROSECONDS
from bridge.model.templates import Template
from bridge.model.triggers import CustomSystemEventTrigger, Raised

SECOND = MICROSECONDS["s"]


class CancellationReason(IntEnum):
    """Why a run was cancelled: Windows' `BackgroundTaskCancellationReason`, names and numbers."""

    Abort = 0
    Terminating = 1
    LoggingOff = 2
    ServicingUpdate = 3
    IdleTask = 4
    Uninstall = 5
    ConditionLoss = 6
    SystemPolicy = 7
    QuietHoursEntered = 8
    ExecutionTimeExceeded = 9
    ResourceRevocation = 10
    EnergySaver = 11


class DropReason(StrEnum):
    """Why an accepted raise gets no run."""

    AlreadyRunning = "AlreadyRunning"
    """The task's concurrency is `ignore`, and a run or a waiting raise of the same key was there."""
    QueueFull = "QueueFull"
    Unregistered = "Unregistered"


class Concurrency(StrEnum):
    """What a raise does while a run of the same task and key is there."""

    LATEST = "latest"
    BATCH = "batch"
    QUEUE = "queue"
    IGNORE = "ignore"
    RESTART = "restart"
    PARALLEL = "parallel"


class InstanceState(StrEnum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exec:
    """A program to run: arguments as templates, never through a shell; `cwd` is an absolute path."""

    arguments: tuple[Template, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    cwd: str = "/"

    def __post_init__(self) -> None:
        if not self.arguments:
            raise InvalidValueError("exec is empty: name the program and its arguments")
        if not self.cwd.startswith("/"):
            raise InvalidValueError(f"cwd {self.cwd!r} is not an absolute path")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A named task: its triggers and what to run. Durations in microseconds; `run_limit` None is "infinity".

    `user` is whose rights the run has; None for whoever registered it.
    """

    name: str
    triggers: tuple[CustomSystemEventTrigger, ...]
    run: Exec
    concurrency: Concurrency = Concurrency.LATEST
    max_running: int = 1
    queue_limit: int = 1000
    run_limit: int | None = 25 * SECOND
    cancel_grace: int = 5 * SECOND
    user: str | None = None

    def __post_init__(self) -> None:
        if not self.name or not self.name.isprintable():
            raise InvalidValueError(f"task name {self.name!r} is empty or holds characters that cannot be printed")
        if not self.triggers:
            raise InvalidValueError(f"task {self.name!r} has no trigger")
        if self.max_running < 1 or self.queue_limit < 1:
            raise InvalidValueError(f"task {self.name!r}: max_running and queue_limit are at least 1")
        if self.cancel_grace < 0 or (self.run_limit is not None and self.run_limit <= 0):
            raise InvalidValueError(f"task {self.name!r}: run_limit is more than 0, and cancel_grace not less")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One run of a task, as its handler is told of it.

    `raised` is the raise that it answers, the newest where `merged` of them became one;
    `batch` holds the details of each, oldest first, for tasks with concurrency `batch`.
    """

    instance_id: str
    task: Registration
    raised: Raised
    merged: int = 1
    batch: tuple[Mapping[str, str], ...] = ()
    redelivered: bool = False

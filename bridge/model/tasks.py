"""Registered tasks and their runs, as values. Nothing here starts or cancels anything.

Names and numbers are those of Windows.ApplicationModel.Background where it has them.
"""

from collections.abc import Mapping
from enum import IntEnum, StrEnum

import msgspec

from bridge.errors import InvalidValueError
from bridge.model.cancellation import CancellationReason as CancellationReason
from bridge.model.conditions import Named
from bridge.model.durations import MICROSECONDS
from bridge.model.guid import Guid
from bridge.model.system_triggers import SystemTriggerType
from bridge.model.templates import Template
from bridge.model.triggers import Raised, Trigger

SECOND = MICROSECONDS["s"]


class DropReason(StrEnum):
    """Why an accepted raise gets no run."""

    AlreadyRunning = "AlreadyRunning"
    """The task's concurrency is `ignore`, and a run or a waiting raise of the same key was there."""
    QueueFull = "QueueFull"
    Unregistered = "Unregistered"
    Expired = "Expired"
    """It is older than the task's `expires`."""
    ResourceRevocation = "ResourceRevocation"
    """One of the task's `cancel_on` was raised for its key."""
    StoreFull = "StoreFull"
    """It cannot be written down, so it is not accepted."""


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
    AGAIN = "again"
    """It asked to be run again (exit 75), which counts neither as success nor as failure."""


class RequestResult(IntEnum):
    """What a request for a task's application trigger is answered: Windows' `ApplicationTriggerResult`."""

    Allowed = 0
    CurrentlyRunning = 1
    DisabledByPolicy = 2
    UnknownError = 3


class Expiry(StrEnum):
    """When a raise is too old to be answered, where that is no duration."""

    NEVER = "never"
    BOOT = "boot"


class Exec(msgspec.Struct, frozen=True, kw_only=True):
    """A program to run: arguments as templates, never through a shell; `cwd` is an absolute path."""

    arguments: tuple[Template, ...]
    environment: Mapping[str, str] = msgspec.field(default_factory=dict)
    cwd: str = "/"

    def __post_init__(self) -> None:
        if not self.arguments:
            raise InvalidValueError("exec is empty: name the program and its arguments")
        if not self.cwd.startswith("/"):
            raise InvalidValueError(f"cwd {self.cwd!r} is not an absolute path")


class Python(msgspec.Struct, frozen=True, kw_only=True):
    """A Python handler, `module:Class`: run in a worker, a process of its own that stays for the next run.

    `interpreter` is the absolute path of the one that has the handler, None for that of the daemon; `path` is searched
    for modules before what the interpreter searches by itself, as `sys.path` has it.
    """

    entry_point: str
    interpreter: str | None = None
    path: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        module, colon, name = self.entry_point.partition(":")
        if not colon or not all(each.isidentifier() for each in (*module.split("."), *name.split("."))):
            raise InvalidValueError(
                f"python {self.entry_point!r} is not a module and a class, as in 'package.tasks:Jack'"
            )
        for named, value in (("interpreter", self.interpreter or "/"), *(("path", each) for each in self.path)):
            if not value.startswith("/") or "\0" in value:
                raise InvalidValueError(f"{named} {value!r} is not an absolute path")


class ServedClass(msgspec.Struct, frozen=True, kw_only=True):
    """A handler that a task server has: an object of the class that it registered under this CLSID."""

    clsid: Guid


Handler = Exec | Python | ServedClass
"""What a task runs."""


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """How often an activation is run at most, while its runs fail; `backoff` microseconds, doubled each time."""

    attempts: int = 1
    backoff: int = SECOND

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.backoff <= 0:
            raise InvalidValueError("retry: attempts is at least 1, and backoff more than 0")


LONGEST_BACKOFF = 300 * SECOND


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """A named task: triggers, conditions, what to run. Durations in microseconds; `run_limit` None is "infinity".

    `user` is whose rights the run has; None for whoever registered it, who is `owner` (a uid), None for the daemon's
    own user. `from_file` tells tasks of files from those registered over the API. `definition` is all that was said of
    the task, as text: a registration with the same one changes nothing.
    """

    name: str
    triggers: tuple[Trigger, ...]
    run: Handler
    conditions: tuple[Named, ...] = ()
    cancel_on_condition_loss: bool = False
    cancel_on: tuple[Guid | SystemTriggerType, ...] = ()
    expires: int | Expiry = Expiry.NEVER
    concurrency: Concurrency = Concurrency.LATEST
    max_running: int = 1
    queue_limit: int = 1000
    run_limit: int | None = 25 * SECOND
    cancel_grace: int = 5 * SECOND
    retry: Retry = Retry()
    user: str | None = None
    group: str | None = None
    owner: int | None = None
    from_file: bool = True
    definition: str = ""

    def __post_init__(self) -> None:
        if not self.name or not self.name.isprintable():
            raise InvalidValueError(f"task name {self.name!r} is empty or holds characters that cannot be printed")
        if not self.triggers:
            raise InvalidValueError(f"task {self.name!r} has no trigger")
        if self.max_running < 1 or self.queue_limit < 1:
            raise InvalidValueError(f"task {self.name!r}: max_running and queue_limit are at least 1")
        if self.cancel_grace < 0 or (self.run_limit is not None and self.run_limit <= 0):
            raise InvalidValueError(f"task {self.name!r}: run_limit is more than 0, and cancel_grace not less")

    @property
    def runs_as(self) -> str | int | None:
        """Whose rights its runs have: a user's name, or else the uid of who registered it, None for the daemon's."""
        return self.owner if self.user is None else self.user

    @property
    def task_id(self) -> Guid:
        """The GUID of every registration of this name: it survives replacement, restart and reboot."""
        import hashlib  # late: it brings OpenSSL, and few ask

        digest = bytearray(hashlib.sha1(_TASK_IDS + self.name.encode(), usedforsecurity=False).digest()[:16])
        digest[6] = digest[6] & 0x0F | 0x50  # RFC 9562, version 5: a GUID made of a name
        digest[8] = digest[8] & 0x3F | 0x80
        shown = digest.hex()
        return Guid.parse("-".join((shown[:8], shown[8:12], shown[12:16], shown[16:20], shown[20:])))


_TASK_IDS = bytes.fromhex("6f1d4ab08e4d4c6e9a537c0b1d2e3f40")
"""The name space of task ids."""


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a task, as its handler is told of it.

    `raised` is the raise that it answers, the newest where `merged` of them became one;
    `batch` holds the details of each, oldest first, for tasks with concurrency `batch` and for device watchers.
    `attempt` counts the runs of one activation from 1.
    """

    instance_id: str
    task: Registration
    raised: Raised
    merged: int = 1
    batch: tuple[Mapping[str, str], ...] = ()
    redelivered: bool = False
    attempt: int = 1

"""The facts that the dispatcher takes beside raised triggers, and the decisions that it returns. One type for each.

Decisions about a task say who its `owner` is: a uid, None for the daemon's own user. What the store has to keep stands
in `kept`.
"""

from collections.abc import Mapping

import msgspec

from bridge.dispatch.kept import ToKeep
from bridge.model.packages import PackageVersion
from bridge.model.tasks import CancellationReason, DropReason, Instance, InstanceState, Registration
from bridge.model.triggers import Raised, TriggerId


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """Fact: a run is started now, and not when what it is about was seen: its limit counts from here."""

    at: int
    instance_id: str


class Completed(msgspec.Struct, frozen=True, kw_only=True):
    """Fact: a host says that a run is over, with all that it started; `detail` says how in a few words.

    `again`: the handler asks to be run again (exit 75). `suspended` and `throttled` are how often the kernel froze the
    run and cut its CPU time, None where it does not say (cgroups(7)).
    """

    at: int
    instance_id: str
    succeeded: bool
    again: bool = False
    detail: str = ""
    output: str = ""
    suspended: int | None = None
    throttled: int | None = None


class Progressed(msgspec.Struct, frozen=True, kw_only=True):
    """Fact, and decision: a run says how far it is, in a measure of its own."""

    at: int
    instance_id: str
    progress: int


class Resumed(msgspec.Struct, frozen=True, kw_only=True):
    """Fact: the machine has slept for `asleep` microseconds that `at` does not count."""

    at: int
    asleep: int


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """Fact: these tasks, by their names, are of these packages, which need not be others than before.

    A task of which nobody can tell, or whose package is just being installed, is left out.
    """

    at: int
    packages: Mapping[str, PackageVersion]


class StoreTurned(msgspec.Struct, frozen=True, kw_only=True):
    """Fact: the store takes new raises from now on, or does not."""

    at: int
    accepts: bool


class Activate(msgspec.Struct, frozen=True, kw_only=True):
    """Decision: start this run."""

    at: int
    instance: Instance


class Cancel(msgspec.Struct, frozen=True, kw_only=True):
    """Decision: ask this run to end, for this reason; a `Kill` follows if it does not."""

    at: int
    instance: Instance
    reason: CancellationReason


class Kill(msgspec.Struct, frozen=True, kw_only=True):
    """Decision: end this run, with everything that it started."""

    at: int
    instance: Instance


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """Decision: the run counts as over, and this is how; `again_at` is when its activation is run again.

    `progress` is what it said last; `reason` is why it was canceled, where it was.
    """

    at: int
    instance: Instance
    state: InstanceState
    reason: CancellationReason | None = None
    detail: str = ""
    output: str = ""
    progress: int = 0
    again_at: int | None = None
    suspended: int | None = None
    throttled: int | None = None


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """Decision: tasks have heard this raise; `owners` are theirs, uids, None for the daemon's own user."""

    at: int
    raised: Raised
    owners: frozenset[int | None]


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """Decision: a raise became one with what waits for its key; the run answers `merged` of them."""

    at: int
    task: str
    key: str
    merged: int
    trigger: TriggerId | None = None
    owner: int | None = None


class Latched(msgspec.Struct, frozen=True, kw_only=True):
    """Decision: a raise waits until the task's conditions hold, or until it is reset; it is one of `merged`."""

    at: int
    task: str
    key: str
    merged: int = 1
    trigger: TriggerId | None = None
    owner: int | None = None


class Dropped(msgspec.Struct, frozen=True, kw_only=True):
    """Decision: raises (as many as `merged`, `raised` the newest of their activation) get no run.

    `number` is of the activation; others of it may still wait.
    """

    at: int
    task: str
    key: str
    reason: DropReason
    merged: int = 1
    number: int | None = None
    raised: Raised | None = None
    owner: int | None = None


class Quarantined(msgspec.Struct, frozen=True, kw_only=True):
    """Decision: what is raised for the task latches until it is reset, registered otherwise, or the machine boots."""

    at: int
    task: str
    why: str
    owner: int | None = None


class Slowed(msgspec.Struct, frozen=True, kw_only=True):
    """Decision: the task seems to raise its own trigger, so its next run of this key waits until then."""

    at: int
    task: str
    key: str
    until: int
    trigger: TriggerId | None = None
    owner: int | None = None


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """Decision: the task is registered; `replaced` tells that one of the same name was, and said something else."""

    at: int
    task: Registration
    replaced: bool


class Unregistered(msgspec.Struct, frozen=True, kw_only=True):
    """Decision: the task is registered no more."""

    at: int
    task: str
    owner: int | None = None


class Reset(msgspec.Struct, frozen=True, kw_only=True):
    """Decision: the task is quarantined no more."""

    at: int
    task: str
    owner: int | None = None


Told = (
    Raised
    | Heard
    | Merged
    | Activate
    | Cancel
    | Kill
    | Finished
    | Progressed
    | Latched
    | Dropped
    | Quarantined
    | Slowed
    | Registered
    | Unregistered
    | Reset
)
"""What hosts do, and what people are told."""
Decision = Told | ToKeep

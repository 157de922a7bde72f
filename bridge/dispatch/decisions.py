"""The facts that the dispatcher takes beside raised triggers, and the decisions that it returns. One type for each."""

import msgspec

from bridge.model.tasks import CancellationReason, DropReason, Instance, InstanceState


class Completed(msgspec.Struct, frozen=True, kw_only=True):
    """Fact: a host says that a run is over, with all that it started; `detail` says how in a few words."""

    at: int
    instance_id: str
    succeeded: bool
    detail: str = ""
    output: str = ""


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
    """Decision: the run counts as over, and this is how."""

    at: int
    instance: Instance
    state: InstanceState
    detail: str = ""
    output: str = ""


class Dropped(msgspec.Struct, frozen=True, kw_only=True):
    """Decision: raises (as many as `merged`) get no run."""

    at: int
    task: str
    key: str
    reason: DropReason
    merged: int = 1


Decision = Activate | Cancel | Kill | Finished | Dropped

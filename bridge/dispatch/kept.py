"""What must outlive the daemon: raises that are accepted and not answered, and what became of tasks. It writes nothing.

All times are microseconds of the pipeline's clock; a store that is read in another boot gives them anew.
"""

from collections.abc import Mapping

import msgspec

from bridge.model.tasks import Registration
from bridge.model.triggers import Raised


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Decision: an activation is owed, as it says here from now on.

    `number` tells it from every other one, and orders them. `instance_id` is its run, if there is one: what may have
    run when the daemon dies. `batch` are details that join those kept already, of which the first `forgotten` go.
    """

    number: int
    task: str
    raised: Raised
    """The newest; without its batch, which is kept beside."""
    merged: int = 1
    instance_id: str | None = None
    attempt: int = 1
    again: int = 0
    """How often a run of it asked to be run again."""
    due: int | None = None
    """Not to be run before."""
    latched: bool = False
    redelivered: bool = False
    batch: tuple[Mapping[str, str], ...] = ()
    forgotten: int = 0


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """Decision: this activation is not owed any more: it was run, or dropped."""

    number: int


class TaskState(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a task that its registration does not say.

    Triggers are known by their place in the registration. `spent` went off for the last time, `spent_in_boot` for the
    last time in this boot; `due` is when those of time go off next. `quarantined` says why, or is empty. `package` is
    that which brought the task, with its version, if somebody asks for that; it stays when the definition changes.
    """

    name: str
    definition: str
    spent: frozenset[int] = frozenset()
    spent_in_boot: frozenset[int] = frozenset()
    due: Mapping[int, int] = msgspec.field(default_factory=dict)
    failures: int = 0
    quarantined: str = ""
    package: str = ""


class TaskKept(msgspec.Struct, frozen=True, kw_only=True):
    """Decision: keep this of a task, and its registration where no file has it."""

    state: TaskState
    registration: Registration


class TaskForgotten(msgspec.Struct, frozen=True, kw_only=True):
    """Decision: nothing is to be kept of the task of this name."""

    name: str


ToKeep = Kept | Answered | TaskKept | TaskForgotten
"""What the store does."""


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """Fact, before all others: what was kept; `registrations` are those that no file has.

    In another boot than it was written in, the store leaves out what a boot ends: failures, quarantines and
    `spent_in_boot`. The numbers in `earlier_boot` are of activations that are owed since before this boot.
    """

    at: int
    registrations: tuple[Registration, ...] = ()
    tasks: tuple[TaskState, ...] = ()
    owed: tuple[Kept, ...] = ()
    """In the order of their numbers, `batch` whole."""
    earlier_boot: frozenset[int] = frozenset()
    next_number: int = 1
    """Numbers below it may be in use by what is kept and not restored."""

"""The runs that there are: which are canceled, when they are over their limit or their grace. It starts none."""

from collections.abc import Iterator
from dataclasses import dataclass

from bridge.dispatch.deadlines import Deadlines
from bridge.dispatch.decisions import Cancel, Kill
from bridge.dispatch.waiting import Pending
from bridge.model.tasks import CancellationReason, Instance


@dataclass(slots=True, eq=False)
class Run:
    """A run, and the activation that it is of.

    `is_last`: its task was unregistered while it ran, so nothing follows it.
    """

    instance: Instance
    pending: Pending
    began: int
    canceled: CancellationReason | None = None
    progress: int = 0
    is_last: bool = False


class Runs:
    """All runs that are not over."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._deadlines = Deadlines()
        """When each run is canceled, or once it is canceled, killed."""

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(tuple(self._runs.values()))

    def get(self, instance_id: str) -> Run | None:
        """The run of this id."""
        return self._runs.get(instance_id)

    def add(self, run: Run) -> None:
        """A run begins, and with it the time that it may take."""
        self._runs[run.instance.instance_id] = run
        if run.instance.task.run_limit is not None:
            self._deadlines.set(run.instance.instance_id, run.began + run.instance.task.run_limit)

    def started(self, instance_id: str, at: int) -> None:
        """The time that the run may take counts from here, if it is not over or canceled by now."""
        run = self._runs.get(instance_id)
        if run is not None and run.canceled is None and run.instance.task.run_limit is not None:
            self._deadlines.set(instance_id, at + run.instance.task.run_limit)

    def pop(self, instance_id: str) -> Run | None:
        """The run of this id is over; None where it is not known, and so was over already."""
        self._deadlines.forget(instance_id)
        return self._runs.pop(instance_id, None)

    def cancel(self, run: Run, reason: CancellationReason, at: int) -> list[Cancel]:
        """Asks a run to end, unless it has been asked already; after its grace it is killed."""
        if run.canceled is not None:
            return []
        run.canceled = reason
        self._deadlines.set(run.instance.instance_id, at + run.instance.task.cancel_grace)
        return [Cancel(at=at, instance=run.instance, reason=reason)]

    @property
    def deadline(self) -> int | None:
        """When `advance` has something to do, or None."""
        return self._deadlines.first

    def advance(self, at: int) -> list[Cancel | Kill]:
        """Cancels what is over its limit by then, kills what is over its grace."""
        decisions: list[Cancel | Kill] = []
        while (due := self.deadline) is not None and due <= at:
            run = self._runs[self._deadlines.pop()]
            if run.canceled is None:
                decisions += self.cancel(run, CancellationReason.ExecutionTimeExceeded, due)
            else:
                decisions.append(Kill(at=due, instance=run.instance))
        return decisions

"""Runs that a test holds open: the host that keeps them, and the handle that ends them. No handler is ever called.

When a held run is canceled or killed is decided by its task's limits, as in the daemon.
"""

from collections.abc import Callable, Mapping, Sequence

from bridge.client.instance import checked_progress
from bridge.errors import InvalidValueError
from bridge.hosts.host import Ended
from bridge.model.tasks import CancellationReason, Instance
from bridge.testing.short import short
from bridge.testing.told import RUNNING, Activation

EndAll = Callable[[Sequence[Ended]], None]
Report = Callable[[Activation, int], None]
"""Says how far a run is."""


class HoldingHost:
    """A host whose runs succeed at once, but those of held tasks: they are open until somebody ends or kills them."""

    def __init__(self, ended: Callable[[Ended], None]) -> None:
        self.held: set[str] = set()
        """The names of the tasks that are held."""
        self._open: set[str] = set()
        self._ended = ended

    def start(self, instance: Instance) -> None:
        """Lets the run succeed, or be open."""
        self._open.add(instance.instance_id)
        if instance.task.name not in self.held:
            self.end(Ended(instance_id=instance.instance_id, succeeded=True, detail="no handler"))

    def end(self, ended: Ended) -> None:
        """A run is over; nothing happens if it was before."""
        if ended.instance_id in self._open:
            self._open.remove(ended.instance_id)
            self._ended(ended)

    def cancel(self, instance_id: str, reason: CancellationReason) -> None:
        """Nothing: a held run does not end because it is asked to, so that a test sees what comes then."""

    def kill(self, instance_id: str) -> None:
        """Ends the run."""
        self.end(Ended(instance_id=instance_id, succeeded=False, detail="killed"))

    def kill_all(self) -> None:
        """Ends every run, those started first at first."""
        for instance_id in sorted(self._open, key=int):
            self.kill(instance_id)

    def forget_all(self) -> None:
        """Nobody is told any more how the open runs end."""
        self._open.clear()

    async def close(self) -> None:
        """Nothing: no process is ever started."""


class Hold:
    """Keeps the runs of one task open, those that are still to come too."""

    def __init__(self, task: str, all_runs: Mapping[str, Activation], end_all: EndAll, report: Report) -> None:
        self.task = task
        self._all_runs = all_runs
        self._end_all = end_all
        self._report = report

    @property
    def runs(self) -> list[Activation]:
        """The runs that are open, the oldest first."""
        return [each for each in self._all_runs.values() if each.task == self.task and each.state == RUNNING]

    @short
    def complete(self, *runs: Activation) -> None:
        """These runs succeed; without any, all that are open. Raises `InvalidValueError` where none is."""
        detail = "completed by the test"
        self._end_all([Ended(instance_id=run.instance_id, succeeded=True, detail=detail) for run in self._meant(runs)])

    @short
    def fail(self, *runs: Activation, detail: str = "failed by the test") -> None:
        """These runs fail; without any, all that are open. Raises `InvalidValueError` where none is."""
        self._end_all([Ended(instance_id=run.instance_id, succeeded=False, detail=detail) for run in self._meant(runs)])

    @short
    def again(self, *runs: Activation) -> None:
        """These runs ask to be run again, as exit 75 does; without any, all that are open. Raises as `fail`."""
        detail = "to be run again"
        self._end_all(
            [
                Ended(instance_id=run.instance_id, succeeded=False, again=True, detail=detail)
                for run in self._meant(runs)
            ]
        )

    @short
    def report_progress(self, progress: int, *runs: Activation) -> None:
        """These runs report how far they are; without any, all that are open. Raises `InvalidValueError`."""
        checked = checked_progress(progress)
        for run in self._meant(runs):
            self._report(run, checked)

    def _meant(self, runs: Sequence[Activation]) -> Sequence[Activation]:
        there = self.runs
        for run in runs:
            if run not in there:
                raise InvalidValueError(f"{run!r} is no open run of the task {self.task!r}")
        if not there:
            raise InvalidValueError(f"no run of the task {self.task!r} is open")
        return runs or there

    def __repr__(self) -> str:
        return f"<Hold of {self.task!r}, {len(self.runs)} open>"

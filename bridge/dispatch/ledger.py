"""What one fact makes the store write: of each activation and task only what is so at its end. It writes nothing."""

from collections.abc import Mapping

import msgspec

from bridge.dispatch.kept import Answered, Kept, TaskForgotten, TaskKept
from bridge.dispatch.waiting import Pending


class Ledger:
    """Changes since they were taken last."""

    def __init__(self) -> None:
        self._owed: dict[int, Kept | Answered] = {}
        self._tasks: dict[str, TaskKept | TaskForgotten] = {}

    def owe(
        self,
        task: str,
        pending: Pending,
        *,
        instance_id: str | None = None,
        added: tuple[Mapping[str, str], ...] = (),
        forgotten: int = 0,
    ) -> None:
        """An activation is owed as it is now; `added` details joined its batch, and its first `forgotten` left it."""
        before = self._owed.get(pending.number)
        if isinstance(before, Kept):
            added, forgotten = before.batch + added, before.forgotten + forgotten
        kept = pending.kept(task, instance_id)
        self._owed[pending.number] = msgspec.structs.replace(kept, batch=added, forgotten=forgotten)

    def answer(self, number: int) -> None:
        """An activation is not owed any more."""
        self._owed[number] = Answered(number=number)

    def task(self, change: TaskKept | TaskForgotten) -> None:
        """What is to be kept of a task, or that nothing is."""
        self._tasks[change.state.name if isinstance(change, TaskKept) else change.name] = change

    def take(self) -> list[Kept | Answered | TaskKept | TaskForgotten]:
        """All changes; there are none from then on."""
        if not self._owed and not self._tasks:
            return []
        changes = [*self._tasks.values(), *self._owed.values()]
        self._owed, self._tasks = {}, {}
        return changes

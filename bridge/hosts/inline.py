"""The inline host: calls a Python function for each run, for replay and for tests. It starts no process or thread."""

from collections.abc import Callable, Mapping

from bridge.hosts.host import Ended
from bridge.model.tasks import CancellationReason, Instance
from bridge.model.text import printable

Handler = Callable[[Instance], None]


class InlineHost:
    """Runs the handler of the task's name inside `start`, so `ended` is called before `start` returns.

    A task without a handler succeeds at once. An exception fails its run, `SystemExit` too.
    """

    def __init__(self, handlers: Mapping[str, Handler], ended: Callable[[Ended], None]) -> None:
        self._handlers = handlers
        self._ended = ended

    def start(self, instance: Instance) -> None:
        """Runs the task's handler to its end, then reports it."""
        handler = self._handlers.get(instance.task.name)
        if handler is None:
            self._report(instance, succeeded=True, detail="no handler")
            return
        try:
            handler(instance)
        except (Exception, SystemExit) as error:
            self._report(instance, succeeded=False, detail=printable(f"{type(error).__name__}: {error}"))
        else:
            self._report(instance, succeeded=True, detail="returned")

    def cancel(self, instance_id: str, reason: CancellationReason) -> None:
        """Nothing: a run is over before anyone can cancel it."""

    def kill(self, instance_id: str) -> None:
        """Nothing: a run is over before anyone can kill it."""

    async def close(self) -> None:
        """Nothing: no run is ever left."""

    def _report(self, instance: Instance, *, succeeded: bool, detail: str) -> None:
        self._ended(Ended(instance_id=instance.instance_id, succeeded=succeeded, detail=detail))

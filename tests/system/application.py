"""An application that uses the library `bridge`, in this process: which daemon it means, and what it is told."""

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from daemon import DEADLINE_SECONDS, GUID, Daemon

from bridge import (
    BackgroundTaskBuilder,
    BackgroundTaskCompletedEventArgs,
    BackgroundTaskProgressEventArgs,
    BackgroundTaskRegistration,
    CustomSystemEventTrigger,
)
from bridge.client import listening


class Application:
    """What it has been told, in order; it means this daemon."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.told: queue.Queue[tuple[str, Any]] = queue.Queue()

    def builder(self, name: str, script: str, **said: Any) -> BackgroundTaskBuilder:
        """A task that runs a shell script when GUID is raised."""
        builder = BackgroundTaskBuilder(name, exec=["/bin/sh", "-c", script], cwd=str(self._daemon.folder), **said)
        builder.set_trigger(CustomSystemEventTrigger(GUID))
        return builder

    def register(self, name: str, script: str = "true", **said: Any) -> BackgroundTaskRegistration:
        """The same, registered."""
        return self.builder(name, script, **said).register()

    def completed(self, registration: BackgroundTaskRegistration, args: BackgroundTaskCompletedEventArgs) -> None:
        """A handler of `completed`."""
        self.told.put((registration.name, args))

    def progressed(self, registration: BackgroundTaskRegistration, args: BackgroundTaskProgressEventArgs) -> None:
        """A handler of `progress`."""
        self.told.put((registration.name, args))

    def next(self) -> Any:
        """What it is told next; the task's name stands before it."""
        return self.told.get(timeout=DEADLINE_SECONDS)

    def next_runs(self, number: int) -> list[tuple[str, str]]:
        """The next runs that are over, each as its task's name and what it printed."""
        return [(name, args.output.rstrip("\n")) for name, args in (self.next() for _ in range(number))]


@contextmanager
def started_anew() -> Iterator[None]:
    """The library as it is in a process that was just started; afterwards its threads have ended."""
    listening._listeners.clear()
    try:
        yield
    finally:
        end_listening()


def end_listening() -> None:
    """As the end of the process would."""
    for listener in listening._listeners.values():
        thread = listener._thread
        for name, followed in list(listener._followed.items()):
            for what, callbacks in followed.callbacks.items():
                for callback in callbacks:
                    listener.disconnect(name, what, callback)
        if thread is not None:
            thread.join(DEADLINE_SECONDS)
            assert not thread.is_alive()
    listening._listeners.clear()

"""The interface `org.hwbridge` as a whole: its methods, and the one that tells how the daemon is.

The methods about raises, tasks, runs and history stand beside it. No socket stands here.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files

from bridge import __version__
from bridge.hosts.classes import ClassHost
from bridge.monitors.monitor import Clock, MonitorReport
from bridge.service.access import is_privileged, may_see
from bridge.service.api_classes import ClassMethods
from bridge.service.api_explain import ExplainMethods
from bridge.service.api_history import HistoryMethods
from bridge.service.api_raising import RaiseMethods
from bridge.service.api_runs import RunMethods
from bridge.service.api_tasks import TaskMethods
from bridge.service.api_watch import WatchMethods
from bridge.service.bridge import Bridge
from bridge.service.callers import Caller
from bridge.service.streams import StreamedMethod
from bridge.service.varlink_server import Parameters, ServedMethod
from bridge.store.store import Store
from bridge.store.values import Durability
from bridge.varlink.interface import read_interface
from bridge.varlink.service import ServiceDescription


def describe_service() -> ServiceDescription:
    """What the service says of itself; the interface is the packaged file `org.hwbridge.varlink`."""
    text = files("bridge.varlink").joinpath("org.hwbridge.varlink").read_text(encoding="utf-8")
    return ServiceDescription(
        vendor="hwbridge",
        product="hwbridge",
        version=__version__,
        url="",
        interfaces=(read_interface(text),),
    )


class Api:
    """The methods, over one bridge. `started_at` is on the wall clock, in microseconds."""

    def __init__(
        self,
        bridge: Bridge,
        classes: ClassHost,
        clock: Clock,
        started_at: int,
        store: Store,
        durability: Durability,
    ) -> None:
        self._bridge = bridge
        self._clock = clock
        self._started_at = started_at
        self._durability = durability
        self._others = (
            RaiseMethods(bridge, clock),
            TaskMethods(bridge, clock, classes.first_served_by),
            RunMethods(bridge, clock, classes.server_of),
            HistoryMethods(store, bridge.pipeline.dispatcher.tasks),
            ExplainMethods(bridge, clock, store, classes.is_served),
        )
        self._classes = ClassMethods(bridge, classes)
        self._watch = WatchMethods(bridge, store)
        self.reload_errors: tuple[str, ...] = ()

    def methods(self) -> Mapping[str, ServedMethod]:
        """Every method by its full name."""
        methods: dict[str, ServedMethod] = {"Status": self.status}
        for others in (*self._others, self._classes):
            methods.update(others.methods())
        return {f"org.hwbridge.{name}": method for name, method in methods.items()}

    def streamed(self) -> Mapping[str, StreamedMethod]:
        """Every method that answers more than once, by its full name."""
        streamed: dict[str, StreamedMethod] = {**self._classes.streamed(), **self._watch.streamed()}
        return {f"org.hwbridge.{name}": method for name, method in streamed.items()}

    def tell_rest(self) -> None:
        """Tells those who watch what they have not been told yet, as the service ends."""
        self._watch.tell_rest()

    def status(self, caller: Caller, parameters: Parameters) -> Parameters:
        """`Status`: what the daemon is and does."""
        bridge, dispatcher = self._bridge, self._bridge.pipeline.dispatcher
        monitors = [
            {"source": name, "devices": report.devices, "refused": report.refused, "lost": report.lost}
            for name, report in _reports(bridge)
        ]
        quarantined = [
            {"name": task.name, "why": task.quarantined}
            for task in dispatcher.tasks.quarantined
            if may_see(caller, task.registration)
        ]
        return {
            "status": {
                "version": __version__,
                "pid": os.getpid(),
                "started_at": self._started_at,
                "rules": len(bridge.pipeline.rules.rules),
                "tasks": len(dispatcher.tasks),
                "events": bridge.events,
                "raised": bridge.raised,
                "running": dispatcher.running,
                "waiting": dispatcher.waiting,
                "store": self._store(),
                "quarantined": quarantined,
                "monitors": monitors,
                "reload_errors": self._reload_errors(caller),
            }
        }

    def _reload_errors(self, caller: Caller) -> Sequence[str]:
        """What was wrong with the files, for those who may read them; for others only that something was."""
        if is_privileged(caller) or not self.reload_errors:
            return self.reload_errors
        return ("the files of the last reload are wrong; root is told how",)

    def _store(self) -> Parameters:
        dispatcher = self._bridge.pipeline.dispatcher
        return {
            "durability": self._durability,
            "accepts": dispatcher.accepts,
            "refusal": None if dispatcher.accepts else self._bridge.refusal,
            "owed": dispatcher.running + dispatcher.not_begun,
        }


def _reports(bridge: Bridge) -> Iterator[tuple[str, MonitorReport]]:
    """What the monitors report, and of those that are asked for and not there, why they are not."""
    yield from ((name, monitor.report()) for name, monitor in bridge.monitors.items())
    yield from ((name, MonitorReport(refused=(why,))) for name, why in bridge.failures.items())

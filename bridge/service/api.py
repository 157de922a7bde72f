"""The interface `org.hwbridge` as a whole: its methods, and those that raise and that tell how the daemon is.

The methods about tasks, runs and history stand beside it. No socket stands here.
"""

import os
from collections.abc import Mapping
from importlib.resources import files

from bridge import __version__
from bridge.errors import InvalidGuidError
from bridge.model.guid import Guid
from bridge.model.system_triggers import SYSTEM_TRIGGERS
from bridge.model.triggers import OwnTrigger, Raised
from bridge.monitors.monitor import Clock
from bridge.service.access import may_raise
from bridge.service.answers import failure, given_details, when_written
from bridge.service.api_history import HistoryMethods
from bridge.service.api_runs import RunMethods
from bridge.service.api_tasks import TaskMethods
from bridge.service.bridge import Bridge
from bridge.service.callers import Caller
from bridge.service.varlink_server import Answer, Parameters, ServedMethod
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

    def __init__(self, bridge: Bridge, clock: Clock, started_at: int, store: Store, durability: Durability) -> None:
        self._bridge = bridge
        self._clock = clock
        self._started_at = started_at
        self._durability = durability
        self._others = (TaskMethods(bridge, clock), RunMethods(bridge, clock), HistoryMethods(store))
        self.reload_errors: tuple[str, ...] = ()

    def methods(self) -> Mapping[str, ServedMethod]:
        """Every method by its full name."""
        methods: dict[str, ServedMethod] = {"Raise": self.raise_trigger, "Status": self.status}
        for others in self._others:
            methods.update(others.methods())
        return {f"org.hwbridge.{name}": method for name, method in methods.items()}

    def raise_trigger(self, caller: Caller, parameters: Parameters) -> Answer:
        """`Raise`: the trigger goes off now, as if a rule had raised it."""
        dispatcher = self._bridge.pipeline.dispatcher
        names = self._bridge.pipeline.rules.names
        given = parameters["trigger"]
        try:  # without a guess at what was meant, as files get it: this caller may be anybody, and guessing is slow
            trigger = names[given].guid if given in names else Guid.parse(given)
        except InvalidGuidError as error:
            known = given in SYSTEM_TRIGGERS or given in list(OwnTrigger)
            raise failure("NotAllowed" if known else "UnknownTrigger", trigger=given) from error
        if not may_raise(caller, [name for name in names.values() if name.guid == trigger]):
            raise failure("NotAllowed", trigger=given)
        details, key = given_details(parameters)
        subscribers = dispatcher.subscribers(trigger)
        if not subscribers:
            return {"outcome": "NoSubscribers", "subscribers": 0}
        if dispatcher.busy(trigger, key):
            raise failure("Busy", trigger=given)
        if not dispatcher.accepts:
            raise failure("StoreFull", reason=self._bridge.refusal)
        cause = self._bridge.run_of(caller.pid)
        raised = Raised(at=self._clock(), trigger=trigger, key=key, details=details, cause=cause)
        return when_written(self._bridge, raised, {"outcome": "Raised", "subscribers": subscribers})

    def status(self, caller: Caller, parameters: Parameters) -> Parameters:
        """`Status`: what the daemon is and does."""
        bridge, dispatcher = self._bridge, self._bridge.pipeline.dispatcher
        monitors = [
            {"source": name, "devices": report.devices, "refused": report.refused, "lost": report.lost}
            for name, report in ((name, monitor.report()) for name, monitor in bridge.monitors.items())
        ]
        quarantined = [{"name": task.name, "why": task.quarantined} for task in dispatcher.tasks if task.quarantined]
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
                "reload_errors": self.reload_errors,
            }
        }

    def _store(self) -> Parameters:
        dispatcher = self._bridge.pipeline.dispatcher
        waiting = sum(1 for task in dispatcher.tasks for _ in task.waiting)
        return {
            "durability": self._durability,
            "accepts": dispatcher.accepts,
            "refusal": None if dispatcher.accepts else self._bridge.refusal,
            "owed": dispatcher.running + waiting,
        }

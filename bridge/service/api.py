"""The methods of the interface `org.hwbridge`: what a caller may ask, what it is answered. No socket stands here."""

import os
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from bridge import __version__
from bridge.errors import CallFailedError, InvalidDetailsError, InvalidGuidError
from bridge.model.details import checked_details, checked_key
from bridge.model.guid import Guid
from bridge.model.triggers import Raised
from bridge.monitors.monitor import Clock
from bridge.service.access import may_raise
from bridge.service.bridge import Bridge
from bridge.service.callers import Caller
from bridge.service.varlink_server import Parameters, ServedMethod
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

    def __init__(self, bridge: Bridge, clock: Clock, started_at: int) -> None:
        self._bridge = bridge
        self._clock = clock
        self._started_at = started_at
        self.reload_errors: tuple[str, ...] = ()

    def methods(self) -> Mapping[str, ServedMethod]:
        """Every method by its full name."""
        return {"org.hwbridge.Raise": self.raise_trigger, "org.hwbridge.Status": self.status}

    def raise_trigger(self, caller: Caller, parameters: Parameters) -> Parameters:
        """`Raise`: the trigger goes off now, as if a rule had raised it."""
        dispatcher = self._bridge.pipeline.dispatcher
        names = self._bridge.pipeline.rules.names
        given, key = parameters["trigger"], parameters.get("key") or ""
        try:  # without a guess at what was meant, as files get it: this caller may be anybody, and guessing is slow
            trigger = names[given].guid if given in names else Guid.parse(given)
        except InvalidGuidError as error:
            raise _failure("UnknownTrigger", trigger=given) from error
        if not may_raise(caller, [name for name in names.values() if name.guid == trigger]):
            raise _failure("NotAllowed", trigger=given)
        details = _checked(parameters.get("details") or {}, key)
        subscribers = dispatcher.subscribers(trigger)
        if not subscribers:
            return {"outcome": "NoSubscribers", "subscribers": 0}
        if dispatcher.busy(trigger, key):
            raise _failure("Busy", trigger=given)
        self._bridge.tell(Raised(at=self._clock(), trigger=trigger, rule=None, key=key, details=details))
        return {"outcome": "Raised", "subscribers": subscribers}

    def status(self, caller: Caller, parameters: Parameters) -> Parameters:
        """`Status`: what the daemon is and does."""
        bridge = self._bridge
        monitors = [
            {"source": name, "devices": report.devices, "refused": report.refused, "lost": report.lost}
            for name, report in ((name, monitor.report()) for name, monitor in bridge.monitors.items())
        ]
        return {
            "status": {
                "version": __version__,
                "pid": os.getpid(),
                "started_at": self._started_at,
                "rules": len(bridge.pipeline.rules.rules),
                "tasks": len(bridge.pipeline.dispatcher.registrations),
                "events": bridge.events,
                "raised": bridge.raised,
                "running": bridge.pipeline.dispatcher.running,
                "waiting": bridge.pipeline.dispatcher.waiting,
                "monitors": monitors,
                "reload_errors": self.reload_errors,
            }
        }


def _checked(details: Mapping[str, str], key: str) -> Mapping[str, str]:
    try:
        checked_key(key)
        return checked_details(details)
    except InvalidDetailsError as error:
        raise _failure("InvalidDetails", field=error.field, reason=error.reason) from error


def _failure(error: str, **parameters: Any) -> CallFailedError:
    return CallFailedError(f"org.hwbridge.{error}", parameters)

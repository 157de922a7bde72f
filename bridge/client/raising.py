"""Raises triggers for an application. Who may raise which, the daemon says."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bridge.client.daemon import asking
from bridge.client.details import sent_details, sent_key
from bridge.client.triggers import CustomSystemEventTrigger


class RaiseOutcome(StrEnum):
    """What became of a trigger that was raised."""

    RAISED = "Raised"
    NO_SUBSCRIBERS = "NoSubscribers"
    """No task has this trigger, or all that have it are expired; nothing is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseResult:
    """The outcome, and how many tasks have the trigger."""

    outcome: RaiseOutcome
    subscribers: int


def raise_custom_system_event_trigger(
    trigger: str | CustomSystemEventTrigger, details: Mapping[str, str] | None = None, key: str = ""
) -> RaiseResult:
    """Raises the trigger of this GUID now, as a rule would; it is on the disk when this returns.

    `details` are handed to the tasks; `key` is the thing that it is about. For a trigger by its name in a rules file,
    give `CustomSystemEventTrigger.named`. Raises `InvalidGuidError`; `InvalidValueError` for details that are no texts;
    `NotAllowedError`, `UnknownNameError`, `BusyError` where a queue is full, `StoreFullError`, `NoDaemonError`;
    `CallFailedError` for details that break a limit.

    >>> raise_custom_system_event_trigger("9118718B-FF80")
    Traceback (most recent call last):
    bridge.errors.InvalidGuidError: '9118718B-FF80' is not a GUID such as {9118718B-FF80-4AFE-BAF1-D88A4525F3AB}
    """
    meant = trigger if isinstance(trigger, CustomSystemEventTrigger) else CustomSystemEventTrigger(trigger)
    call = {"trigger": meant.trigger_id, "details": sent_details(details), "key": sent_key(key)}
    with asking() as daemon:
        answer = daemon.call("org.hwbridge.Raise", call)
        return RaiseResult(outcome=RaiseOutcome(answer["outcome"]), subscribers=answer["subscribers"])

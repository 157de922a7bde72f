"""hwbridge: hardware events on Linux run the tasks registered for them. The public names; nothing heavy is imported.

A name is looked up in its module when it is first used, so `import bridge` loads neither asyncio nor a device library.
"""

TYPE_CHECKING = False  # typing's own would load typing, which takes longer than everything else here
if TYPE_CHECKING:
    from bridge.client.builder import BackgroundTaskBuilder as BackgroundTaskBuilder
    from bridge.client.builder import Reason as Reason
    from bridge.client.event_args import BackgroundTaskCompletedEventArgs as BackgroundTaskCompletedEventArgs
    from bridge.client.event_args import BackgroundTaskProgressEventArgs as BackgroundTaskProgressEventArgs
    from bridge.client.instance import BackgroundTaskInstance as BackgroundTaskInstance
    from bridge.client.instance import CanceledSignal as CanceledSignal
    from bridge.client.instance import Deferral as Deferral
    from bridge.client.raising import RaiseOutcome as RaiseOutcome
    from bridge.client.raising import RaiseResult as RaiseResult
    from bridge.client.raising import raise_custom_system_event_trigger as raise_custom_system_event_trigger
    from bridge.client.registration import BackgroundTaskRegistration as BackgroundTaskRegistration
    from bridge.client.registration import BackgroundTaskRegistrationGroup as BackgroundTaskRegistrationGroup
    from bridge.client.registration import TaskEvent as TaskEvent
    from bridge.client.task_server import TaskServer as TaskServer
    from bridge.client.task_server import Use as Use
    from bridge.client.triggers import ApplicationTrigger as ApplicationTrigger
    from bridge.client.triggers import CustomSystemEventTrigger as CustomSystemEventTrigger
    from bridge.client.triggers import DeviceWatcherTrigger as DeviceWatcherTrigger
    from bridge.client.triggers import MaintenanceTrigger as MaintenanceTrigger
    from bridge.client.triggers import SystemCondition as SystemCondition
    from bridge.client.triggers import SystemTrigger as SystemTrigger
    from bridge.client.triggers import TimeTrigger as TimeTrigger
    from bridge.errors import BridgeError as BridgeError
    from bridge.errors import BusyError as BusyError
    from bridge.errors import CallFailedError as CallFailedError
    from bridge.errors import HandlerError as HandlerError
    from bridge.errors import InvalidDurationError as InvalidDurationError
    from bridge.errors import InvalidGuidError as InvalidGuidError
    from bridge.errors import InvalidTaskError as InvalidTaskError
    from bridge.errors import InvalidValueError as InvalidValueError
    from bridge.errors import NoDaemonError as NoDaemonError
    from bridge.errors import NotAllowedError as NotAllowedError
    from bridge.errors import ProtocolError as ProtocolError
    from bridge.errors import RunFailedError as RunFailedError
    from bridge.errors import StoreFullError as StoreFullError
    from bridge.errors import UnknownEntryPointError as UnknownEntryPointError
    from bridge.errors import UnknownNameError as UnknownNameError
    from bridge.model.cancellation import CancellationReason as CancellationReason
    from bridge.model.conditions import SystemConditionType as SystemConditionType
    from bridge.model.guid import Guid as Guid
    from bridge.model.system_triggers import SystemTriggerType as SystemTriggerType
    from bridge.model.tasks import Concurrency as Concurrency
    from bridge.model.tasks import InstanceState as InstanceState
    from bridge.model.tasks import RequestResult as RequestResult
    from bridge.model.triggers import DeviceWatcherEventKind as DeviceWatcherEventKind
    from bridge.model.triggers import Recurrence as Recurrence

__version__ = "0.1.0"

_NAMES = {
    "bridge.client.builder": ("BackgroundTaskBuilder", "Reason"),
    "bridge.client.triggers": (
        "CustomSystemEventTrigger", "SystemTrigger", "TimeTrigger", "MaintenanceTrigger", "ApplicationTrigger",
        "DeviceWatcherTrigger", "SystemCondition",
    ),
    "bridge.model.triggers": ("Recurrence", "DeviceWatcherEventKind"),
    "bridge.model.system_triggers": ("SystemTriggerType",),
    "bridge.model.conditions": ("SystemConditionType",),
    "bridge.client.registration": ("BackgroundTaskRegistration", "BackgroundTaskRegistrationGroup", "TaskEvent"),
    "bridge.client.event_args": ("BackgroundTaskCompletedEventArgs", "BackgroundTaskProgressEventArgs"),
    "bridge.client.instance": ("BackgroundTaskInstance", "CanceledSignal", "Deferral"),
    "bridge.client.task_server": ("TaskServer", "Use"),
    "bridge.client.raising": ("raise_custom_system_event_trigger", "RaiseOutcome", "RaiseResult"),
    "bridge.model.cancellation": ("CancellationReason",),
    "bridge.model.tasks": ("Concurrency", "InstanceState", "RequestResult"),
    "bridge.model.guid": ("Guid",),
    "bridge.errors": (
        "BridgeError", "InvalidValueError", "InvalidGuidError", "InvalidDurationError", "NoDaemonError",
        "UnknownEntryPointError", "RunFailedError", "CallFailedError", "NotAllowedError", "InvalidTaskError",
        "UnknownNameError", "BusyError", "StoreFullError", "ProtocolError", "HandlerError",
    ),
}  # fmt: skip
"""The public names, by the modules that have them, in the order in which one meets them."""
_HOMES = {name: home for home, names in _NAMES.items() for name in names}
__all__ = [*_HOMES]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'bridge' has no attribute {name!r}; it has {', '.join(__all__)}")
    from importlib import import_module  # here: `hwbridge raise` needs no name, and starts a tenth faster without it

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

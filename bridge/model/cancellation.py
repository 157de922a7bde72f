"""Why a run is canceled. Nothing here cancels one; it loads little, as handlers of Python need it while they run."""

from enum import IntEnum


class CancellationReason(IntEnum):
    """Why a run was cancelled: Windows' `BackgroundTaskCancellationReason`, names and numbers."""

    Abort = 0
    Terminating = 1
    LoggingOff = 2
    ServicingUpdate = 3
    IdleTask = 4
    Uninstall = 5
    ConditionLoss = 6
    SystemPolicy = 7
    QuietHoursEntered = 8
    ExecutionTimeExceeded = 9
    ResourceRevocation = 10
    EnergySaver = 11

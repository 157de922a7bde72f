"""The conditions that Windows has, with its numbers. Nothing here knows whether one of them holds."""

from enum import IntEnum

from bridge.model.windows_names import windows_name


class SystemConditionType(IntEnum):
    """Windows' `SystemConditionType`; its 0, `Invalid`, is no condition and is not here."""

    USER_PRESENT = 1
    USER_NOT_PRESENT = 2
    INTERNET_AVAILABLE = 3
    INTERNET_NOT_AVAILABLE = 4
    SESSION_CONNECTED = 5
    SESSION_DISCONNECTED = 6
    FREE_NETWORK_AVAILABLE = 7
    """There is a network that is not metered."""
    BACKGROUND_WORK_COST_NOT_HIGH = 8


SYSTEM_CONDITIONS = tuple(map(windows_name, SystemConditionType))
"""The eight as tasks and events name them: `InternetAvailable`."""

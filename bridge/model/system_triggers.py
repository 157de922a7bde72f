"""The system triggers that Windows has, with its numbers. Nothing here knows which of them make sense on Linux."""

from enum import IntEnum

from bridge.model.windows_names import windows_name


class SystemTriggerType(IntEnum):
    """Windows' `SystemTriggerType`; its 0, `Invalid`, is no trigger and is not here."""

    SMS_RECEIVED = 1
    USER_PRESENT = 2
    USER_AWAY = 3
    NETWORK_STATE_CHANGE = 4
    CONTROL_CHANNEL_RESET = 5
    INTERNET_AVAILABLE = 6
    SESSION_CONNECTED = 7
    SERVICING_COMPLETE = 8
    LOCK_SCREEN_APPLICATION_ADDED = 9
    LOCK_SCREEN_APPLICATION_REMOVED = 10
    TIME_ZONE_CHANGE = 11
    ONLINE_ID_CONNECTED_STATE_CHANGE = 12
    BACKGROUND_WORK_COST_CHANGE = 13
    POWER_STATE_CHANGE = 14
    DEFAULT_SIGN_IN_ACCOUNT_CHANGE = 15

    def __str__(self) -> str:
        return windows_name(self)


SYSTEM_TRIGGERS = tuple(map(windows_name, SystemTriggerType))
"""All of them as tasks and events name them: `TimeZoneChange`."""

"""Conditions: levels with names that tasks and rules wait for. Nothing here knows whether one of them holds."""

from enum import IntEnum

import msgspec

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

MAINS = "mains of the machine"
"""The level that maintenance triggers wait for. No file may give a condition this name."""


class Named(msgspec.Struct, frozen=True):
    """What a rule or a task waits for: the condition of this name holds, or with `wanted` False is known not to."""

    name: str
    wanted: bool = True

    def __str__(self) -> str:
        """As a file has it, for messages.

        >>> str(Named("docked")), str(Named("docked", wanted=False))
        ("condition 'docked'", "{ not = 'docked' }")
        """
        return f"condition {self.name!r}" if self.wanted else f"{{ not = {self.name!r} }}"


class ConditionMet(msgspec.Struct, frozen=True, kw_only=True):
    """Fact: the level of this name turned true, or is known to be so for the first time."""

    at: int
    name: str


class ConditionLost(msgspec.Struct, frozen=True, kw_only=True):
    """Fact: the level of this name turned false, or is known to be so for the first time."""

    at: int
    name: str


class ConditionUnknown(msgspec.Struct, frozen=True, kw_only=True):
    """Fact: the level of this name is not known any more."""

    at: int
    name: str


ConditionFact = ConditionMet | ConditionLost | ConditionUnknown

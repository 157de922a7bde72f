"""Windows' own spelling of the members of its enumerations. Nothing here knows which there are."""

from enum import IntEnum


def windows_name(member: IntEnum) -> str:
    """A member's name as Windows writes it, and as rules, tasks and messages do.

    >>> windows_name(IntEnum("Trigger", ["TIME_ZONE_CHANGE"]).TIME_ZONE_CHANGE)
    'TimeZoneChange'
    """
    return "".join(word.capitalize() for word in member.name.split("_"))

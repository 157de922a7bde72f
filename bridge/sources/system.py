"""The source `system`: what the machine as a whole is told of, and how it is. Nothing here asks it.

Names are Windows': those of its conditions are levels, those of its triggers moments, and a name that both have is
the level, whose turning to 1 is the trigger. Linux adds that the clock was set, and sleep.
"""

from collections.abc import Collection, Iterator, Mapping

from bridge.errors import InvalidValueError
from bridge.model.conditions import SYSTEM_CONDITIONS
from bridge.model.events import Field, Fields
from bridge.model.system_triggers import SYSTEM_TRIGGERS
from bridge.sources.recorded import check_texts, number_of, word_of
from bridge.sources.source import Source, Subject

OF_LINUX = ("ClockStep", "Suspend", "Resume")
NAMES = tuple(dict.fromkeys((*SYSTEM_CONDITIONS, *SYSTEM_TRIGGERS, *OF_LINUX)))

_LONGEST = 2**53
"""Microseconds, some 285 years: as much as any reader of JSON takes for an integer."""
MOMENTS_WITH_VALUE: Mapping[str, tuple[int, int]] = {
    "ClockStep": (-_LONGEST, _LONGEST),
    "Resume": (0, _LONGEST),
    "BackgroundWorkCostChange": (0, 2),
}
"""From where to where the value of a moment goes: microseconds by which the clock was set on, microseconds asleep,
Windows' `BackgroundWorkCostValue`. No other moment has one."""
DETAILS: Mapping[str, tuple[str, ...]] = {
    "TimeZoneChange": ("zone", "offset"),
    "PowerStateChange": ("mains", "capacity", "status"),
    "NetworkStateChange": ("interface", "kind"),
    "SessionConnected": ("session", "seat", "user"),
    "SessionDisconnected": ("session", "seat", "user"),
    "ServicingComplete": ("task", "version"),
}
"""For each name, the details that it may have. `status` is the kernel's (`Charging`), `kind` the source network's."""
RANGES: Mapping[str, tuple[int, int]] = {"offset": (-86_400, 86_400), "mains": (0, 1), "capacity": (0, 100)}
"""Details that are integers: seconds east of Greenwich, whether there is mains power, percent."""
_INTEGERS = frozenset({"value", *RANGES})


def _checked(fields: dict[str, Field]) -> dict[str, Field]:
    name = word_of(fields, "name", NAMES)
    check_texts(fields, _INTEGERS)
    if name in SYSTEM_CONDITIONS:
        number_of(fields, "value", 0, 1)
    elif "value" in fields:
        number_of(fields, "value", *MOMENTS_WITH_VALUE.get(name, (0, 1)))
    details = DETAILS.get(name, ())
    for detail in sorted(fields.keys() - {"name", "value", *details}):
        raise InvalidValueError(f"{detail} is no detail of {name}; that has {', '.join(details) or 'none'}")
    for detail in sorted(fields.keys() & RANGES.keys()):
        number_of(fields, detail, *RANGES[detail])
    return fields


def _subject(fields: Fields) -> Subject:
    return "", str(fields.get("name", ""))  # all is of one owner, the machine


def _levels(_: Collection[Field]) -> Iterator[dict[str, Field | None]]:
    for name in SYSTEM_CONDITIONS:
        yield {"name": name}


SYSTEM = Source(
    name="system",
    fields=frozenset({"name", "value"}.union(*DETAILS.values())),
    integers=_INTEGERS,
    words={"name": NAMES},
    is_property=lambda name: False,
    is_hexadecimal=lambda name: False,
    default_key="",
    subject=_subject,
    is_moment=lambda fields: fields.get("name") not in SYSTEM_CONDITIONS,
    identifies=lambda name: name == "name",
    names_owner=lambda name: False,
    checked=_checked,
    leaves=lambda fields: False,
    repeats=lambda fields: False,
    levels=_levels,
)

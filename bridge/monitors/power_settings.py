"""The table [power] of hwbridge.toml: how often supplies are looked at, and what makes background work cost more.

Nothing here looks at a supply; all that is wrong in the table is found at once.
"""

import msgspec

from bridge.errors import InvalidValueError
from bridge.model.durations import format_duration, parse_duration
from bridge.monitors.monitor import Settings
from bridge.sources.work_cost import RESOURCES
from bridge.toml.schema import Table
from bridge.toml.values import boolean, describe, integer, text_as

OFF = "off"
LEAST_POLL = 1_000_000
"""Microseconds."""
PRESSURE = {"cpu": 60, "memory": 20, "io": 60}
"""Percent of the time in which some process waits: that of memory hurts soon."""


class PowerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`poll` is in microseconds, None where it is off; all else in percent."""

    poll: int | None = 60_000_000
    capacity_step: int = 5
    low: int = 20
    pressure: dict[str, int] = msgspec.field(default_factory=PRESSURE.copy)
    upower: bool = True


def load_power_settings(table: Table) -> Settings:
    """What the table says, as the fields of `PowerSettings`."""
    standard = PowerSettings()
    settings: dict[str, object] = {
        "poll": table.read("poll", _period, default=standard.poll),
        "capacity_step": table.read("capacity_step", integer(minimum=1, maximum=100), default=standard.capacity_step),
        "low": table.read("low", integer(minimum=0, maximum=100), default=standard.low),
        "pressure": _read_pressure(table),
        "upower": table.read("upower", boolean, default=standard.upower),
    }
    table.finish()
    return settings


def _period(value: object) -> int | None:
    if value == OFF:
        return None
    period = text_as(parse_duration)(value)
    if period < LEAST_POLL:
        raise InvalidValueError(f"expected {OFF}, or {format_duration(LEAST_POLL)} and more, found {describe(value)}")
    return period


def _read_pressure(table: Table) -> dict[str, int]:
    """Of a resource that is not named the standard holds."""
    if not isinstance(table.content.get("pressure"), dict):
        return table.read("pressure", _none, default=PRESSURE.copy())
    listed = table.table("pressure")
    if listed is None:
        return PRESSURE.copy()
    bounds = {each: listed.read(each, _bound, default=PRESSURE[each]) for each in RESOURCES}
    listed.finish()
    return {each: bound for each, bound in bounds.items() if bound is not None}


def _none(value: object) -> dict[str, int]:
    if value != OFF:
        raise InvalidValueError(f"expected {OFF}, or a table of {', '.join(RESOURCES)}, found {describe(value)}")
    return {}


def _bound(value: object) -> int | None:
    return None if value == OFF else integer(minimum=1, maximum=100)(value)

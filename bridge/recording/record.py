"""What the object on a line of our own recordings must be, and the event that it is. It parses no JSON.

Every function raises `InvalidValueError`, with the text that follows file and line in a message.
"""

from collections.abc import Mapping

from bridge.errors import InvalidValueError
from bridge.model.events import DeviceGone, Event, Field, Origin
from bridge.sources import SOURCES
from bridge.sources.source import Source
from bridge.toml.values import nearest_or_all

LATEST = 2**51
"""Microseconds. Times up to here survive being a JSON number of seconds (some 71 years)."""
_ORIGINS: Mapping[object, Origin] = {origin.value: origin for origin in Origin}


def event_of_record(record: dict[str, object]) -> Event | DeviceGone:
    """The event that an object is; the object is used up.

    >>> event_of_record({"at": 9.2, "source": "evdev", "gone": "/dev/input/event3"}).owner
    '/dev/input/event3'
    """
    if "hwbridge-recording" in record:
        raise InvalidValueError("is a second header: a file holds one recording")
    if "at" not in record:
        raise InvalidValueError("has no at, the seconds since the recording began")
    at = _at(record.pop("at"))
    name = record.pop("source", None)
    if not isinstance(name, str) or name not in SOURCES:
        raise InvalidValueError(f"source is {name!r}, not one of {', '.join(SOURCES.names())}")
    if "gone" in record:
        owner = record.pop("gone")
        if record or not isinstance(owner, str):
            raise InvalidValueError("a line that says what is gone has at, source and gone, and nothing else")
        return DeviceGone(name, at, owner, replayed=True)
    origin = _origin(record.pop("origin", "live"))
    source = SOURCES[name]
    return Event(name, at, checked_fields(source, record), origin, replayed=True)


def checked_fields(source: Source, said: Mapping[str, object]) -> dict[str, Field]:
    """The fields of an event in their canonical form, if an event of the source can have them.

    >>> checked_fields(SOURCES["network"], {"kind": "resolver", "value": 1})
    {'kind': 'resolver', 'value': 1}
    """
    return source.checked({name: _field(source, name, value) for name, value in said.items()})


def _at(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidValueError(f"at is {value!r}, not a number of seconds")
    at = round(value * 1_000_000) if abs(value) < LATEST else LATEST
    if not 0 <= at < LATEST:
        raise InvalidValueError(f"at is {value!r}, not a time within a recording, in seconds")
    return at


def _origin(value: object) -> Origin:
    if not isinstance(value, str) or value not in _ORIGINS:
        raise InvalidValueError(f"origin is {value!r}, not one of {', '.join(Origin)}")
    return _ORIGINS[value]


def _field(source: Source, name: str, value: object) -> Field:
    if not source.knows(name):
        raise InvalidValueError(f"{name!r} is no field of {source.name}{nearest_or_all(name, source.fields)}")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidValueError(f"{name} is {value!r}, neither a text nor an integer")
    if name in source.integers and not isinstance(value, int):
        raise InvalidValueError(f"{name} is {value!r}, not an integer")
    if isinstance(value, str):
        if "\0" in value:
            raise InvalidValueError(f"{name} holds NUL; a monitor writes it as \\x00")
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise InvalidValueError(f"{name} holds half a surrogate pair")
    return value

"""hwbridge's own recordings: a header line, then one event a line, as JSON. It takes lines and gives events, no more.

    {"hwbridge-recording": 1, "kernel": "6.1.0", "sources": ["evdev"]}
    {"at": 0.104, "source": "evdev", "device": "/dev/input/event3", "type": "EV_SW", "code": "SW_HEADPHONE_INSERT", ...}
    {"at": 9.2, "source": "evdev", "gone": "/dev/input/event3"}

The last form says that a device went. Whatever is not understood is refused, with file and line.
"""

import json
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from bridge.errors import InvalidValueError, RecordingError
from bridge.model.durations import format_at
from bridge.model.events import DeviceGone, Event, Field, Origin
from bridge.sources import NOT_YET, SOURCES

VERSION = 1
LONGEST_LINE = 1024 * 1024
"""Bytes. A udev event has at most 8 KiB; a line this long is another kind of file."""
LATEST = 2**51
"""Microseconds. Times up to here survive being a JSON number of seconds (some 71 years)."""

_NOT_YET_BEGINNINGS = {
    b"# EVEMU": "a recording of evemu",
    b"E: ": "a recording of evemu or umockdev",
    b"N: ": "a description by evemu",
    b"P: /": "a description by umockdev",
    b"# libinput": "a recording of libinput",
    b"version:": "a recording of libinput",
    b"monitor will print": "a recording of udevadm monitor",
    b"KERNEL[": "a recording of udevadm monitor",
    b"UDEV  [": "a recording of udevadm monitor",
}
"""How lines of formats begin that a later version reads."""

_decode = msgspec.json.Decoder().decode


def read_recording(file: str, lines: Iterable[bytes]) -> Iterator[Event | DeviceGone]:
    """The events of a recording, in order, each marked as replayed; `file` is its name in messages.

    Raises `RecordingError` at the first line that is not right, and for one that is earlier than the line before it.

    >>> lines = [b'{"hwbridge-recording": 1}', b'{"at": 0.5, "source": "udev", "action": "add"}']
    >>> [event.at for event in read_recording("jack.jsonl", lines)]
    [500000]
    """
    number = 0
    before = 0
    for number, line in enumerate(lines, start=1):
        try:
            record = _object(line)
            if number == 1:
                _check_header(record)
                continue
            event = _event(record)
        except InvalidValueError as error:
            raise RecordingError(file, number, str(error)) from error
        if event.at < before:
            raise RecordingError(
                file, number, "is earlier than the line before it; the events of a recording are in order"
            )
        before = event.at
        yield event
    if number == 0:
        raise RecordingError(file, 1, 'is empty: a recording begins with {"hwbridge-recording": 1}')


def _object(line: bytes) -> dict[str, object]:
    if len(line) > LONGEST_LINE:
        raise InvalidValueError(f"has {len(line)} bytes; a line of a recording has at most {LONGEST_LINE}")
    for beginning, kind in _NOT_YET_BEGINNINGS.items():
        if line.startswith(beginning):
            raise InvalidValueError(f"is {kind}, which is not read yet in this version of hwbridge")
    try:
        record = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidValueError(f"is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise InvalidValueError("is not a JSON object")
    return record


def _check_header(record: dict[str, object]) -> None:
    version = record.get("hwbridge-recording")
    if version is None:
        raise InvalidValueError('is not the header of a recording, {"hwbridge-recording": 1}')
    if version != VERSION or isinstance(version, bool):
        raise InvalidValueError(f"is a recording of version {version!r}; this hwbridge reads version {VERSION}")


def _event(record: dict[str, object]) -> Event | DeviceGone:
    at = _at(record.pop("at", None))
    name = record.pop("source", None)
    if name in NOT_YET:
        raise InvalidValueError(f"source {name!r} is not there yet in this version of hwbridge")
    if not isinstance(name, str) or name not in SOURCES:
        raise InvalidValueError(f"source is {name!r}, not one of {', '.join(SOURCES)}")
    if "gone" in record:
        owner = record.pop("gone")
        if record or not isinstance(owner, str):
            raise InvalidValueError("a line that says what is gone has at, source and gone, and nothing else")
        return DeviceGone(name, at, owner, replayed=True)
    origin = _origin(record.pop("origin", Origin.LIVE))
    fields = {field: _field(name, field, value) for field, value in record.items()}
    return Event(name, at, SOURCES[name].checked(fields), origin, replayed=True)


def _at(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidValueError(f"at is {value!r}, not a number of seconds")
    at = round(value * 1_000_000) if abs(value) < LATEST else LATEST
    if not 0 <= at < LATEST:
        raise InvalidValueError(f"at is {value!r}, not a time within a recording, in seconds")
    return at


def _origin(value: object) -> Origin:
    try:
        return Origin(value)  # type: ignore[arg-type]  # any object may be asked for, and is refused
    except ValueError as error:
        raise InvalidValueError(f"origin is {value!r}, not one of {', '.join(Origin)}") from error


def _field(source: str, name: str, value: object) -> Field:
    if not SOURCES[source].knows(name):
        raise InvalidValueError(f"{name!r} is no field of {source}")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidValueError(f"{name} is {value!r}, neither a text nor an integer")
    if name in SOURCES[source].integers and not isinstance(value, int):
        raise InvalidValueError(f"{name} is {value!r}, not an integer")
    if isinstance(value, str):
        if "\0" in value:
            raise InvalidValueError(f"{name} holds NUL; a monitor writes it as \\x00")
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise InvalidValueError(f"{name} holds half a surrogate pair")
    return value


def line_of_event(event: Event | DeviceGone) -> str:
    """The line of a recording, without its line feed.

    >>> line_of_event(DeviceGone("evdev", 9_200_000, "/dev/input/event3"))
    '{"at": 9.2, "source": "evdev", "gone": "/dev/input/event3"}'
    """
    if isinstance(event, DeviceGone):
        return json_line(event.at, {"source": event.source, "gone": event.owner})
    return json_line(event.at, {"source": event.source, "origin": event.origin, **event.fields})


def json_line(at: int, rest: Mapping[str, object]) -> str:
    """One JSON object on one line, its time first: in seconds, with six digits at most and never as 1e-06.

    >>> json_line(1, {"what": "raised"})
    '{"at": 0.000001, "what": "raised"}'
    """
    seconds = format_at(at).rstrip("0")
    return f'{{"at": {seconds}{"0" if seconds.endswith(".") else ""}, {json.dumps(rest, ensure_ascii=False)[1:]}'

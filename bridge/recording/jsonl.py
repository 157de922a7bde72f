"""hwbridge's own recordings: a header line, then one event a line, as JSON. It takes lines and gives events, no more.

    {"hwbridge-recording": 1, "kernel": "6.1.0", "sources": ["evdev"]}
    {"at": 0.104, "source": "evdev", "device": "/dev/input/event3", "type": "EV_SW", "code": "SW_HEADPHONE_INSERT", ...}
    {"at": 9.2, "source": "evdev", "gone": "/dev/input/event3"}

The last form says that a device went. Whatever is not understood is refused, with file and line.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from bridge.errors import InvalidValueError, RecordingError
from bridge.model.durations import format_at
from bridge.model.events import DeviceGone, Event
from bridge.recording.lines import LONGEST_LINE
from bridge.recording.record import LATEST, event_of_record
from bridge.sources.evdev import EVDEV

VERSION = 1

_decode = msgspec.json.Decoder().decode
_WHOLE_SECONDS = re.compile(rb'\{"at": (0|[1-9][0-9]{0,9})')
_MICROSECONDS = (0, 100_000, 10_000, 1_000, 100, 10, 1)
"""What the last of so many digits behind the point stands for."""
_VALUE = re.compile(rb"(0|-?[1-9][0-9]{0,8})\}\r?\n")
"""The end of a line about an input event; with so few digits it has no more than 32 bits."""
_MOST_KNOWN = 4096
_LONGEST_KNOWN = 512
"""So many ends of lines are remembered, and none that has more bytes: enough for a keyboard, little enough to hold."""


def read_recording(file: str, lines: Iterable[bytes]) -> Iterator[Event | DeviceGone]:
    """The events of a recording, in order, each marked as replayed; `file` is its name in messages.

    The fields of events that say the same may be one mapping, never to be changed.
    Raises `RecordingError` at the first line that is not right, and for one that is earlier than the line before it.

    >>> lines = [b'{"hwbridge-recording": 1}', b'{"at": 0.5, "source": "udev", "action": "add"}']
    >>> [event.at for event in read_recording("jack.jsonl", lines)]
    [500000]
    """
    numbered = enumerate(lines, start=1)
    for _, line in numbered:
        read_header(file, line)
        break
    else:
        raise RecordingError(file, 1, 'is empty: a recording begins with {"hwbridge-recording": 1}')
    known = _Known()
    beginning, second = b"", None
    before = 0
    for number, line in numbered:
        head, _, rest = line.partition(b",")
        start, _, fraction = head.partition(b".")
        if start != beginning:
            beginning, second = start, _whole_seconds(start)
        same = known.get(rest) or known.like(rest)
        event: Event | DeviceGone
        if same is not None and second is not None and fraction.isdigit() and len(fraction) <= 6:
            at = second + int(fraction) * _MICROSECONDS[len(fraction)]
            event = Event(same.source, at, same.fields, same.origin, True)
        else:
            event = event_of_line(file, number, line)
            at = event.at
            if second is not None and isinstance(event, Event):
                known.add(rest, event)
        if not before <= at < LATEST:
            event_of_line(file, number, line)  # which says what is wrong with a time that none can be
            message = "is earlier than the line before it; the events of a recording are in order"
            raise RecordingError(file, number, message)
        before = at
        yield event


class _Known(dict[bytes, Event]):
    """Events by what their lines say behind the time: most lines differ from one before in no more than that."""

    def __init__(self) -> None:
        super().__init__()
        self._but_value: dict[bytes, Event] = {}

    def like(self, rest: bytes) -> Event | None:
        """An event of the same code that has the value that such a line says: an axis has thousands of them."""
        but_value, _, value = rest.rpartition(b" ")
        like = self._but_value.get(but_value)
        if like is None or (found := _VALUE.fullmatch(value)) is None:
            return None
        event = Event(like.source, 0, {**like.fields, "value": int(found[1])}, like.origin, True)
        if len(self) < _MOST_KNOWN:
            self[rest] = event
        return event

    def add(self, rest: bytes, event: Event) -> None:
        """Remembers an event whose line has nothing but a plain time before `rest`."""
        if len(rest) > _LONGEST_KNOWN:
            return
        if len(self) >= _MOST_KNOWN:
            self.clear()
            self._but_value.clear()
        self[rest] = event
        but_value, _, value = rest.rpartition(b" ")
        if event.source == EVDEV.name and but_value.endswith(b' "value":') and _VALUE.fullmatch(value):
            self._but_value[but_value] = event


def read_header(file: str, line: bytes) -> Mapping[str, object]:
    """The header of a recording, its first line. Raises `RecordingError`.

    >>> read_header("jack.jsonl", b'{"hwbridge-recording": 1, "kernel": "6.1.0"}')["kernel"]
    '6.1.0'
    """
    try:
        record = _object(line)
        version = record.get("hwbridge-recording")
        if version is None:
            raise InvalidValueError('is not the header of a recording, {"hwbridge-recording": 1}')
        if version != VERSION or isinstance(version, bool):
            raise InvalidValueError(f"is a recording of version {version!r}; this hwbridge reads version {VERSION}")
    except InvalidValueError as error:
        raise RecordingError(file, 1, str(error)) from error
    return record


def _whole_seconds(start: bytes) -> int | None:
    """The microseconds that the whole seconds of a time are, if a line begins in the plain way."""
    found = _WHOLE_SECONDS.fullmatch(start)
    return int(found[1]) * 1_000_000 if found else None


def event_of_line(file: str, number: int, line: bytes) -> Event | DeviceGone:
    """The event that a line behind the header is. Raises `RecordingError` with the line's `number` in `file`."""
    try:
        return event_of_record(_object(line))
    except InvalidValueError as error:
        raise RecordingError(file, number, str(error)) from error


def _object(line: bytes) -> dict[str, object]:
    if len(line) > LONGEST_LINE:
        raise InvalidValueError(f"has {len(line)} bytes; a line of a recording has at most {LONGEST_LINE}")
    if not line.strip():
        raise InvalidValueError("is blank; every line of a recording is a JSON object")
    try:
        record = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidValueError(f"is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise InvalidValueError("is not a JSON object")
    texts = len(record) + list(map(type, record.values())).count(str)
    if line.count(b'"') != 2 * texts:  # a text holds a quote, or a value is no text, or a name comes twice
        _check_names(line)
    return record


def _check_names(line: bytes) -> None:
    """Refuses an object with a name that comes twice, of which each reader of JSON takes another one."""
    try:
        json.loads(line, object_pairs_hook=_once)
    except InvalidValueError:
        raise
    except (ValueError, RecursionError) as error:
        raise InvalidValueError(f"is not JSON: {error}") from error


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names: set[str] = set()
    for name, _ in pairs:
        if name in names:
            raise InvalidValueError(f"says {name!r} twice")
        names.add(name)
    return dict(pairs)


_encode = json.JSONEncoder(ensure_ascii=False).encode


def line_of_header(more: Mapping[str, object]) -> str:
    """The first line of a recording, without its line feed; `more` says where and how it was made.

    >>> line_of_header({"kernel": "6.1.0", "sources": ["evdev"]})
    '{"hwbridge-recording": 1, "kernel": "6.1.0", "sources": ["evdev"]}'
    """
    return _encode({"hwbridge-recording": VERSION, **more})


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
    return f'{{"at": {seconds}{"0" if seconds.endswith(".") else ""}, {_encode(rest)[1:]}'

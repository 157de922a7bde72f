"""Which format a recording is in, told by how it begins and never by its name. What its lines say is for its reader.

Formats that a later version reads are refused by name.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from bridge.errors import RecordingError
from bridge.model.events import DeviceGone, Event
from bridge.recording.evemu import read_evemu
from bridge.recording.jsonl import read_header, read_recording
from bridge.recording.lines import LONGEST_LINE

Reader = Callable[[str, Iterable[bytes]], Iterator[Event | DeviceGone]]

_READERS: Sequence[tuple[bytes, Reader]] = (
    (b"{", read_recording),
    (b"[", read_recording),
    (b"# EVEMU", read_evemu),
    (b"N:", read_evemu),
    (b"E:", read_evemu),
)
"""How the formats begin that are read here."""

_NOT_YET: Sequence[tuple[bytes, str]] = (
    (b"# libinput", "a recording of libinput"),
    (b"version:", "a recording of libinput"),
    (b"monitor will print", "a recording of udevadm monitor"),
    (b"KERNEL[", "a recording of udevadm monitor"),
    (b"UDEV  [", "a recording of udevadm monitor"),
    (b"P: /", "a description by umockdev"),
    (b"@DEV ", "a recording of umockdev"),
    (b"d 0 /", "a recording of umockdev"),
    (b"r 0 ", "a recording of umockdev"),
    (b"w 0 ", "a recording of umockdev"),
)
"""How those begin that a later version reads."""

_MOST_ABOVE = 1000
"""Lines of comments above a recording; whoever writes more means something else."""


def read_events(file: str, lines: Iterable[bytes]) -> Iterator[Event | DeviceGone]:
    r"""The events of a recording, in order, each marked as replayed; `file` is its name in messages.

    `lines` have their line feeds. The fields of events that say the same may be one mapping, never to be changed.
    Raises `RecordingError` at the first line that is not right, which may be now or when the events are asked for.

    >>> [event.at for event in read_events("lid.evemu", [b"E: 9.500000 0005 0000 0001\n"])]
    [0]
    """
    lines = iter(lines)
    above: list[bytes] = []
    for line in lines:
        reader = _reader(line)
        if reader is not None:
            return reader(file, chain(above, (line,), lines))
        above.append(line)
        if not _may_stand_above(line) or len(above) > _MOST_ABOVE:
            break
    if not above:
        raise RecordingError(file, 1, 'is empty: a recording begins with {"hwbridge-recording": 1}')
    raise RecordingError(file, len(above), _what_is_wrong(above[-1]))


def header_of(file: str, line: bytes) -> Mapping[str, object]:
    """What the first line of a recording says of it; nothing but in hwbridge's own format.

    >>> header_of("jack.jsonl", b'{"hwbridge-recording": 1, "kernel": "6.1.0"}')["kernel"]
    '6.1.0'
    """
    return read_header(file, line) if _reader(line) is read_recording else {}


def _reader(line: bytes) -> Reader | None:
    return next((reader for beginning, reader in _READERS if line.startswith(beginning)), None)


def _may_stand_above(line: bytes) -> bool:
    """Whether it is a comment or blank, as people write above what evemu has recorded."""
    return len(line) <= LONGEST_LINE and (not line.strip() or (line.startswith(b"#") and _later(line) is None))


def _later(line: bytes) -> str | None:
    return next((kind for beginning, kind in _NOT_YET if line.startswith(beginning)), None)


def _what_is_wrong(line: bytes) -> str:
    if kind := _later(line):
        return f"is {kind}, which is not read yet in this version of hwbridge"
    if len(line) > LONGEST_LINE:
        return f"has {len(line)} bytes; a line of a recording has at most {LONGEST_LINE}"
    return "is not JSON, as hwbridge's own recordings are, and nothing that a recording of evemu begins with"

"""Recordings of evemu, in every version there is (1.0 to 1.3), and those that umockdev writes in the same format.

    # EVEMU 1.3
    N: HP WMI hotkeys
    I: 0019 0000 0000 0000
    S: 01 1
    E: 0.000001 0005 0001 0000  # EV_SW / SW_TABLET_MODE       0

It takes lines and gives events, no more. Whatever is not understood is refused, with file and line.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from bridge.errors import InvalidValueError, RecordingError
from bridge.model.events import Event, Field, Fields, Origin
from bridge.recording.evemu_description import KINDS, Description, check_comment, check_text, check_value, shown
from bridge.recording.record import LATEST
from bridge.sources.device_fields import readable
from bridge.sources.evdev import fields_of_code

_PLAIN = re.compile(rb" ([0-9a-f]{4} [0-9a-f]{4}) (-?[0-9]{1,9})(\t#[^\n\0]{0,200})?\n")
"""What `E: %lu.%06u %04x %04x %04d` and a comment (evemu_write_event) have behind the time; a value of 32 bits."""
_EVENT = re.compile(
    rb"E:[ \t]+([0-9]{1,10})\.([0-9]{6})[ \t]+([0-9a-fA-F]{1,4})[ \t]+([0-9a-fA-F]{1,4})[ \t]+(-?[0-9]{1,10})"
    rb"[ \t]*(#[^\n]*)?\r?\n?"
)
"""A whole line, as editors, mails and other programs leave it too: other blanks, capitals, no line feed."""
_WHOLE_SECONDS = re.compile(rb"E: ([0-9]{1,10})")
_OWN_COMMENT = re.compile(rb"# (?:EV_|-|\+)")
_END_OF_MOMENT = re.compile(rb".*(?:-{10}|\+{10}| [+-][0-9]+ms)")
_MOST_KNOWN = 8192
"""So many ends of lines are remembered; none has more than 230 bytes."""


def read_evemu(file: str, lines: Iterable[bytes]) -> Iterator[Event]:
    r"""The events of a recording, the start state of a description first, each marked as replayed.

    `lines` have their line feeds; `file` is the recording's name in messages, and its last part names the device
    where the recording does not say its node. Events that say the same may have one mapping, never to be changed.
    Raises `RecordingError` at the first line that is not right, and for one that is earlier than the line before it:
    at once where it stands above the first event, else when that event is asked for.

    >>> lines = [b"S: 00 1\n", b"E: 7.000000 0005 0000 0000\n", b"E: 7.500000 0000 0000 0000\n"]
    >>> events = read_evemu("lid.evemu", [b"N: Lid Switch\n", b"I: 0019 0000 0005 0000\n", *lines])
    >>> [(event.at, str(event.origin), event.fields["code"], event.fields["value"]) for event in events]
    [(0, 'start', 'SW_LID', 1), (0, 'live', 'SW_LID', 0), (500000, 'live', 'SYN_REPORT', 0)]
    """
    numbered = enumerate(lines, start=1)
    description = Description()
    first: list[tuple[int, bytes]] = []
    number = 1
    try:
        for number, line in numbered:
            if line.startswith(b"E:"):
                first = [(number, line)]
                break
            description.take(line)
        description.finish(has_events=bool(first))
    except InvalidValueError as error:
        raise RecordingError(file, number, str(error)) from error
    described = _Described(description, file)
    states = [Event("evdev", 0, described.fields(*state), Origin.START, True) for state in description.states]
    return chain(states, _events(file, described, chain(first, numbered)))


def _events(file: str, described: "_Described", numbered: Iterable[tuple[int, bytes]]) -> Iterator[Event]:
    known: dict[bytes, Fields] = {}
    beginning, second = b"", None
    start: int | None = None
    before = 0
    for number, line in numbered:
        # Most lines differ from one before in nothing but their time: what is behind that is looked at once.
        head, _, tail = line.partition(b".")
        if head != beginning:
            beginning, second = head, _whole_seconds(head)
        fraction, rest = tail[:6], tail[6:]
        fields = known.get(rest)
        if fields is None:
            fields = described.plain(rest)
            if fields is not None:
                if len(known) >= _MOST_KNOWN:
                    known.clear()
                known[rest] = fields
        if fields is not None and second is not None and fraction.isdigit():
            time = second + int(fraction)
        else:
            try:
                whole = described.whole(line)
            except InvalidValueError as error:
                raise RecordingError(file, number, str(error)) from error
            if whole is None:
                continue
            time, fields = whole
        if start is None:
            start = time
        at = time - start
        if not before <= at < LATEST:
            raise RecordingError(file, number, _bad_time(at))
        before = at
        yield Event("evdev", at, fields, Origin.LIVE, True)


def _whole_seconds(head: bytes) -> int | None:
    """The microseconds that the whole seconds of a time are, if a line begins as evemu writes it."""
    found = _WHOLE_SECONDS.fullmatch(head)
    return int(found[1]) * 1_000_000 if found else None


def _bad_time(at: int) -> str:
    if at >= LATEST:
        return f"is {at // 1_000_000} seconds later than the first event; no recording is that long"
    return "is earlier than the line before it; the events of a recording are in order"


class _Described:
    """A device, as far as a recording describes it, and what the lines of its events say."""

    def __init__(self, description: Description, file: str) -> None:
        self._identity = description.identity(readable(file.rpartition("/")[2]))
        self._is_of_evemu = description.node is None
        self._is_padded = description.version is not None
        self._is_commented = False
        self._plain: dict[bytes, dict[str, Field]] = {}

    def fields(self, type_: int, code: int, value: int) -> dict[str, Field]:
        """The fields of an event."""
        return {**fields_of_code(self._identity, type_, code), "value": value}

    def plain(self, rest: bytes) -> dict[str, Field] | None:
        """The fields that a line says behind its time, if it is as evemu writes it."""
        found = _PLAIN.fullmatch(rest)
        if found is None:
            return None
        codes, value, comment = found.groups()
        self._is_commented |= comment is not None
        self._is_padded |= len(value) == 4 and value.startswith(b"0")
        of_code = self._plain.get(codes)
        if of_code is None:
            if len(self._plain) >= _MOST_KNOWN:
                self._plain.clear()
            of_code = self._plain[codes] = self.fields(int(codes[:4], 16), int(codes[5:], 16), 0)
        return {**of_code, "value": int(value)}

    def whole(self, line: bytes) -> tuple[int, dict[str, Field]] | None:
        """The time in microseconds and the fields that any line says; None for a comment.

        Raises `InvalidValueError` for what is neither, and for a last line that is surely cut.
        """
        check_text(line)
        found = _EVENT.fullmatch(line)
        if found is None:
            self._check_between(line)
            return None
        seconds, microseconds, type_, code, digits, comment = found.groups(b"")
        value = int(digits)
        check_value(value)
        if not line.endswith(b"\n") and self._is_cut(digits, comment):
            raise InvalidValueError(f"is {shown(line)}, which is cut")
        return int(seconds + microseconds), self.fields(int(type_, 16), int(code, 16), value)

    def _check_between(self, line: bytes) -> None:
        """Raises `InvalidValueError` for what is no comment, and no blank line, as where umockdev has gone on."""
        if line.startswith(b"#"):
            check_comment(line)
        elif line[:2] in KINDS:
            raise InvalidValueError(f"is {shown(line)}, a description behind events; a file holds one recording")
        elif line.startswith(b"E:"):
            raise InvalidValueError(
                f"is {shown(line)}, which is no event as evemu writes it: "
                "E: 0.104000 0005 0002 0001, the time with six digits"
            )
        elif line.strip():
            raise InvalidValueError(f"is {shown(line)}, which is no line that evemu writes")

    def _is_cut(self, digits: bytes, comment: bytes) -> bool:
        """Whether a last line without line feed lacks more than that, as far as can be told.

        evemu comments each event, or none; a comment ends with the value, or for a moment with dashes or the time.
        """
        if not (self._is_commented or _OWN_COMMENT.match(comment)):
            return not comment and self._is_of_evemu and self._is_padded and len(digits) < 4
        if comment.startswith(b"# EV_"):
            return comment.split()[-1] != b"%d" % int(digits)
        return _END_OF_MOMENT.fullmatch(comment.rstrip()) is None

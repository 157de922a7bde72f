r"""From the bytes of a serial port to its frames: by line, delimiter, length, expression. Nothing here reads a port.

However the bytes are split on their way, the frames are the same: each cutter goes by the bytes alone, one after the
other, and tells a frame as soon as it is sure of it. What is longer than its limit is thrown away, and counted.

>>> cutter = LineCutter(limit=80)
>>> cutter.cut(b"first\r"), cutter.cut(b"\nsec"), cutter.cut(b"ond\n\n")
([b'first'], [], [b'second', b''])
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple, Protocol

_LINE_END = re.compile(rb"\r\n|\r|\n")
_LOOKS_AROUND = re.compile(rb"\$|(?<!\[)\^|\\[AZzbB]|\(\?<?[=!]|\(\?>|[*+?}]\+")
"""What can make an expression find less where there is more; it may be met in one that has no such thing."""
_BYTES = [bytes((number,)) for number in range(256)]


class Cutter(Protocol):
    """Cuts what comes in at one port. Begins anew when the port is opened anew."""

    dropped: int
    """How often something was thrown away because it is longer than a frame may be."""

    def cut(self, data: bytes, /) -> Sequence[bytes]:
        """The frames that are complete with this, without what ends them; the rest is kept for the next call."""


class LineCutter:
    """Lines, ended by CR, LF or both. A CR ends a line at once; an LF behind it, however late, is part of that end."""

    def __init__(self, *, limit: int) -> None:
        """A line of more than `limit` bytes is thrown away."""
        self.dropped = 0
        self._limit = limit
        self._rest = b""
        self._too_long = False
        self._after_return = False

    def cut(self, data: bytes) -> Sequence[bytes]:
        """The lines that end here."""
        if self._after_return:
            data, self._after_return = data.removeprefix(b"\n"), not data
        if not data:
            return []
        self._after_return = data.endswith(b"\r")
        first, *others = _LINE_END.split(data)
        *pieces, rest = [self._rest + first, *others]
        whole, begun_too_long = _fitting(pieces, self._limit, self._too_long)
        self.dropped += len(pieces) - len(whole) - (self._too_long and bool(pieces))
        self._too_long = begun_too_long or len(rest) > self._limit
        self.dropped += self._too_long and not begun_too_long
        self._rest = b"" if self._too_long else rest
        return whole


class DelimiterCutter:
    """What stands before each delimiter: nothing, where one follows another."""

    def __init__(self, delimiter: bytes, *, limit: int) -> None:
        """A frame of more than `limit` bytes is thrown away."""
        self.dropped = 0
        self._delimiter = delimiter
        self._limit = limit
        self._rest = b""
        self._too_long = False

    def cut(self, data: bytes) -> Sequence[bytes]:
        """The frames that end here."""
        *pieces, rest = (self._rest + data).split(self._delimiter)
        whole, begun_too_long = _fitting(pieces, self._limit, self._too_long)
        self.dropped += len(pieces) - len(whole) - (self._too_long and bool(pieces))
        of_delimiter = len(self._delimiter) - 1  # so many bytes of the rest may be the beginning of one
        self._too_long = begun_too_long or len(rest) > self._limit + of_delimiter
        self.dropped += self._too_long and not begun_too_long
        self._rest = rest[max(0, len(rest) - of_delimiter) :] if self._too_long else rest
        return whole


class LengthCutter:
    """So many bytes each, counted from the opening of the port."""

    def __init__(self, length: int) -> None:
        self.dropped = 0
        self._length = length
        self._rest = b""

    def cut(self, data: bytes) -> Sequence[bytes]:
        """The frames that are full."""
        data = self._rest + data
        whole = len(data) - len(data) % self._length
        self._rest = data[whole:]
        return [data[start : start + self._length] for start in range(0, whole, self._length)]


class PatternCutter:
    r"""What an expression finds; the bytes between two frames are left out.

    After every byte the expression is searched for in what came since the frame before. What is found is a frame as
    soon as no next byte can make it longer: at once, where the expression says how a frame ends; with the byte behind
    it, where it does not. Of more than `limit` bytes without a frame only the last ones are searched.

    >>> PatternCutter(re.compile(rb"\x02[^\x03]*\x03"), limit=80).cut(b"?\x0217\x03")
    [b'\x0217\x03']
    >>> cutter = PatternCutter(re.compile(rb"[0-9]+"), limit=80)
    >>> cutter.cut(b"kg 17"), cutter.cut(b"5 "), cutter.cut(b"kg")
    ([], [b'175'], [])
    """

    def __init__(self, pattern: re.Pattern[bytes], *, limit: int) -> None:
        """Counts as thrown away where more than `limit` bytes come without a frame: once, until there is one."""
        self.dropped = 0
        self._pattern = pattern
        self._limit = limit
        self._window = limit + 2  # so that a frame of `limit` bytes is seen between two others
        self._finds_more_in_more = _LOOKS_AROUND.search(pattern.pattern) is None
        self._rest = b""
        self._is_dry = False

    def cut(self, data: bytes) -> Sequence[bytes]:
        """The frames that are found by now."""
        frames: list[bytes] = []
        looked, data = len(self._rest), self._rest + data
        while (found := self._first(data, looked)) is not None:
            self._note(found.is_too_long or found.length > self._window)
            if not found.is_too_long:
                frames.append(data[found.start : found.end])
            self._is_dry = False
            looked, data = 0, data[found.end :]
        self._note(len(data) > self._window)
        self._rest = data[-self._window :]
        return frames

    def _note(self, is_dropped: bool) -> None:
        self.dropped += is_dropped and not self._is_dry
        self._is_dry = self._is_dry or is_dropped

    def _first(self, data: bytes, looked: int) -> "_Found | None":
        """The first frame; it is known that there is none yet when `looked` bytes have come."""
        if self._finds_more_in_more:
            if self._pattern.search(data) is None:
                return None
            lengths = range(looked + 1, len(data) + 1)
            looked += bisect_left(lengths, True, key=lambda length: self._pattern.search(data, 0, length) is not None)
        for length in range(looked + 1, len(data) + 1):
            begin = max(0, length - self._window)
            found = self._pattern.search(data[begin:length])
            if found is None or not found[0]:  # an expression that looks around may find nothing, somewhere
                continue
            if found.end() == length - begin and self._can_grow(found):
                continue
            is_end_of_another = begin > 0 and found.start() == 0
            is_too_long = is_end_of_another or len(found[0]) > self._limit
            return _Found(begin + found.start(), begin + found.end(), length, is_too_long)
        return None

    def _can_grow(self, found: re.Match[bytes]) -> bool:
        """Whether some next byte would make the frame longer; its last one is the likeliest."""
        for byte in (found[0][-1:], *_BYTES):
            longer = self._pattern.search(found.string + byte)
            if longer is not None and longer.start() == found.start() and longer.end() > found.end():
                return True
        return False


class _Found(NamedTuple):
    """A frame in the bytes since the one before: where it is, and how many had to come until it was sure."""

    start: int
    end: int
    length: int
    is_too_long: bool


def _fitting(pieces: Sequence[bytes], limit: int, is_first_too_long: bool) -> tuple[list[bytes], bool]:
    """The pieces that are not too long; and whether what follows them is the rest of one that is."""
    fitting = [piece for piece in pieces[is_first_too_long:] if len(piece) <= limit]
    return fitting, is_first_too_long and not pieces


def text_of(line: bytes, encoding: str) -> str:
    r"""A line as text: what is not of this encoding, NUL, and what cannot be text anywhere, is shown as `\xNN`.

    >>> print(text_of(b"caf\xc3\xa9 \xff\x00", "utf-8"))
    café \xff\x00
    """
    try:
        text = line.decode(encoding, errors="backslashreplace")
    except UnicodeError:  # of an encoding that knows no other way
        text = line.decode("ascii", errors="backslashreplace")
    text = text.encode(errors="backslashreplace").decode()  # a few encodings have halves of characters
    for control in ("\0", "\r", "\n"):  # and a few spell the end of a line
        text = text.replace(control, f"\\x{ord(control):02x}")
    return text

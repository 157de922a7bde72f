"""A write-ahead log as it lies on the disk: which of its frames are whole, and what a database is with them applied.

SQLite reads up to the first frame that is not whole and says nothing of what comes after it. Nothing here opens a file
or a database, and nothing here judges the rows. The format: https://www.sqlite.org/fileformat2.html, section 4.
"""

import struct
import sys
from array import array
from dataclasses import dataclass

_MAGIC = 0x377F0682
"""With the last bit set, the words of checksums are big-endian."""
_HEADER = struct.Struct(">8I")
"""Magic, format, page size, count of checkpoints, two salts, two sums."""
_FRAME = struct.Struct(">6I")
"""Page, pages of the database where it commits, two salts, two sums."""
_SUMMED_OF_HEADER = 24
_SUMMED_OF_FRAME = 8
_SIZES = {2**exponent for exponent in range(9, 17)}
_WORD = 0xFFFFFFFF

Sums = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Frame:
    """A page as a transaction left it. `commits`: pages of the database from then on, or 0 inside a transaction."""

    page: int
    commits: int
    is_whole: bool
    content: memoryview


@dataclass(frozen=True, slots=True)
class Wal:
    """The log up to its last whole frame; what earlier rounds left behind that is none of it."""

    page_size: int
    is_headed: bool
    """Whether the header is whole: without it SQLite reads nothing."""
    frames: tuple[Frame, ...]

    @property
    def whole(self) -> int:
        """How many frames SQLite reads."""
        if not self.is_headed:
            return 0
        return next((place for place, frame in enumerate(self.frames) if not frame.is_whole), len(self.frames))

    @property
    def damage(self) -> str:
        """What is wrong, or nothing. An end that is only torn was never committed: that is nothing."""
        whole = self.whole
        behind = sum(1 for frame in self.frames[whole:] if frame.is_whole and frame.commits)
        if not behind:
            return ""
        last = max(place for place, frame in enumerate(self.frames) if frame.is_whole and frame.commits)
        broken = sum(1 for frame in self.frames[:last] if not frame.is_whole)
        what = f"{broken} of {last + 1} frames do not match their checksums, the first is number {whole + 1}"
        if not self.is_headed:
            what = "its header does not match its checksum"
        return f"{what}; behind it are {behind} or more transactions"

    def applied(self, database: bytes, frames: tuple[Frame, ...]) -> bytes:
        """The database with these frames applied, up to the last that commits; as one that has no log.

        Of a page whose frame is not whole, what was there before stays.
        """
        end = max((place + 1 for place, frame in enumerate(frames) if frame.is_whole and frame.commits), default=0)
        if not end:
            return database
        size = self.page_size
        length = frames[end - 1].commits * size
        image = bytearray(database[:length].ljust(length, b"\0"))
        for frame in frames[:end]:
            if frame.is_whole and frame.page * size <= length:
                image[(frame.page - 1) * size : frame.page * size] = frame.content
        image[18:20] = b"\1\1"  # both format versions: a rollback journal
        image[28:32] = frames[end - 1].commits.to_bytes(4)
        image[92:96] = image[24:28]  # so that the size before is believed
        return bytes(image)


def read(content: bytes, usual_page_size: int) -> Wal:
    """The log in these bytes. The usual size of a page is for a header that does not say one."""
    if len(content) < _HEADER.size:
        return Wal(usual_page_size, False, ())
    magic, _, page_size, _, *salts, first, second = _HEADER.unpack_from(content)
    order = "big" if magic == _MAGIC | 1 or (magic != _MAGIC and sys.byteorder == "big") else "little"
    summed = _sums((0, 0), content[:_SUMMED_OF_HEADER], order)
    is_headed = magic & ~1 == _MAGIC and page_size in _SIZES and summed == (first, second)
    if not is_headed:
        page_size, salts = usual_page_size, []
    return Wal(page_size, is_headed, _frames(content, page_size, salts, (first, second), order))


def _frames(content: bytes, page_size: int, salts: list[int], sums: Sums, order: str) -> tuple[Frame, ...]:
    """Each frame, whole if its sums are those of the one before it, as they stand there, carried on over its bytes."""
    frames = []
    view = memoryview(content)
    last = 0
    for at in range(_HEADER.size, len(content) - _FRAME.size - page_size + 1, _FRAME.size + page_size):
        page, commits, *own, first, second = _FRAME.unpack_from(content, at)
        body = view[at + _FRAME.size : at + _FRAME.size + page_size]
        is_whole = False
        if page and (own == salts or not salts):
            is_whole = _sums(_sums(sums, view[at : at + _SUMMED_OF_FRAME], order), body, order) == (first, second)
        if is_whole and not salts:
            salts = own  # the header does not say them, and the first whole frame does
        frames.append(Frame(page, commits, is_whole, body))
        if is_whole:
            last = len(frames)
        sums = first, second
    return tuple(frames[:last])


def _sums(sums: Sums, content: bytes | memoryview, order: str) -> Sums:
    words = array("I", bytes(content))
    if order != sys.byteorder:
        words.byteswap()
    first, second = sums
    rest = iter(words)
    for one, two in zip(rest, rest, strict=True):
        first += one + second  # grows by few bits in a page
        second = (second + two + first) & _WORD
    return first & _WORD, second

"""The time zone in force, from the bytes of a zone file (TZif, tzfile(5)). Nothing here finds one or reads a clock.

`TZ` in an environment does not matter here: it is for one process, and the zone of the machine is another thing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from zoneinfo import ZoneInfo

UNKNOWN = "localtime"
"""What a zone is called of which nothing tells the name."""
DAY = 86_400
LOOKED_AHEAD = 400 * DAY
"""How far a change of the offset is looked for: whatever returns each year is nearer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeZone:
    """The zone in force and its offset: seconds east of Greenwich. `until` is the second since 1970 when it is to be
    looked at again: the offset is another one then, or nobody knows.
    """

    zone: str
    offset: int
    until: int


def name_in(path: str) -> str | None:
    """The zone that a zone file's path names, if it does.

    >>> name_in("/usr/share/zoneinfo/Europe/Berlin"), name_in("../etc/zoneinfo/UTC"), name_in("/etc/localtime")
    ('Europe/Berlin', 'UTC', None)
    """
    return path.partition("zoneinfo/")[2].strip("/") or None


def time_zone(name: str, content: bytes, at: int) -> TimeZone:
    """What holds `at` so many seconds since 1970, by a zone file of this content.

    Without content it is UTC, as it is for libc where there is no file. Raises ValueError for what is no zone file.
    """
    offset_at = _utc if not content else _offsets_of(content)
    return TimeZone(zone=name, offset=offset_at(at), until=_next_change(offset_at, at))


def _utc(_: int) -> int:
    return 0


class _Whole(BytesIO):
    """A file that ends with an error: `ZoneInfo` looks for the end of a line in it, for ever where it was cut."""

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        if size is not None and len(found) < size:
            raise ValueError("it is cut short")
        return found


def _offsets_of(content: bytes) -> Callable[[int], int]:
    try:
        zone = ZoneInfo.from_file(_Whole(content))
    except Exception as error:  # what is cut or garbled makes it raise whatever reading numbers raises
        raise ValueError(f"no zone file: {error or 'it is garbled'}") from error

    def offset_at(at: int) -> int:
        offset = datetime.fromtimestamp(at, zone).utcoffset()
        return 0 if offset is None else int(offset.total_seconds())

    return offset_at


def _next_change(offset_at: Callable[[int], int], at: int) -> int:
    """The first second at which the offset is another, or else where looking ahead ends."""
    now = offset_at(at)
    for day in range(at, at + LOOKED_AHEAD, DAY):
        if offset_at(day + DAY) != now:
            return _first_other(offset_at, now, day, day + DAY)
    return at + LOOKED_AHEAD


def _first_other(offset_at: Callable[[int], int], now: int, same: int, other: int) -> int:
    while other - same > 1:
        middle = (same + other) // 2
        same, other = (middle, other) if offset_at(middle) == now else (same, middle)
    return other

"""Zone files (TZif, tzfile(5)) that are made up, so that no test depends on the zones of the machine it runs on."""

import struct
from collections.abc import Sequence
from pathlib import Path

HOUR = 3600
MADE_ZONES = {"Made/East": 5 * HOUR + HOUR // 2, "Made/West": -3 * HOUR}
"""Their names below a directory of zones, and their offsets, which never change."""


def zone_file(rule: str, transitions: Sequence[tuple[int, int]] = (), *, before: int = 0) -> bytes:
    """A file that has `before` as its offset, then at each time (seconds since 1970) another one, and then goes by the
    `rule` (POSIX TZ, as `CET-1CEST,M3.5.0,M10.5.0/3`).
    """
    offsets = [before, *(offset for _, offset in transitions)]
    header = struct.pack(">4sc15x6l", b"TZif", b"2", 0, 0, 0, len(transitions), len(offsets), 4)
    times = b"".join(struct.pack(">q", at) for at, _ in transitions)
    kinds = bytes(range(1, len(offsets)))
    types = b"".join(struct.pack(">lBB", offset, 0, 0) for offset in offsets)
    short = struct.pack(">4sc15x6l", b"TZif", b"2", 0, 0, 0, 0, 1, 4) + struct.pack(">lBB", 0, 0, 0) + b"MAD\0"
    return short + header + times + kinds + types + b"MAD\0" + b"\n" + rule.encode() + b"\n"


def make_zones(folder: Path) -> Path:
    """A directory of zones: those of `MADE_ZONES`."""
    for name, offset in MADE_ZONES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        sign, minutes = "-" if offset > 0 else "+", abs(offset) // 60
        path.write_bytes(zone_file(f"MAD{sign}{minutes // 60}:{minutes % 60:02}", before=offset))
    return folder

"""How fast links are, which rtnetlink does not tell and sysfs does. Nothing else is read from there.

/sys shows the network namespace of whoever mounted it, which in a container may be another one. So what it has of a
name is believed only if index and address are those of the link.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bridge.sources.network_state import Link

SYSFS = Path("/sys/class/net")


class LinkSpeeds:
    """Remembers speeds while links stay as they are, for some drivers ask their hardware each time."""

    def __init__(self, sysfs: Path = SYSFS) -> None:
        """Knows none yet."""
        self._sysfs = sysfs
        self._known: dict[Link, int | None] = {}

    def given(self, links: Sequence[Link]) -> tuple[Link, ...]:
        """The links with their speeds, where they run and a speed is known."""
        self._known = {link: self._known[link] if link in self._known else self._speed(link) for link in links}
        return tuple(replace(link, speed=self._known[link]) for link in links)

    def _speed(self, link: Link) -> int | None:
        if not link.runs or link.is_loopback:
            return None
        folder = self._sysfs / link.name
        try:
            told = [(folder / name).read_text().strip() for name in ("ifindex", "address", "speed")]
        except (OSError, ValueError):  # no speed (EINVAL), no sysfs, or a name that is no text
            return None
        index, address, speed = told
        is_it = index == str(link.index) and address == link.mac
        return int(speed) if is_it and speed.isdigit() and int(speed) else None  # -1: not known

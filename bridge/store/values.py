"""What the store takes and gives, as values. Nothing here reads a clock or a file.

Times are microseconds. The store has no clock: whoever writes or reads says what time it is.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from bridge.dispatch.kept import Restored
from bridge.errors import InvalidValueError
from bridge.mapping.memory import Memory


class Durability(StrEnum):
    """When a write counts as safe."""

    FULL = "full"
    """Raises of the API: when they are on the disk, so that a power cut loses none. Other writes: as `normal`."""
    NORMAL = "normal"
    """When the daemon may crash; a power cut may lose the last moments, and the file stays sound."""
    MEMORY = "memory"
    """At once: nothing is written to a disk, and nothing outlives the daemon."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much the store holds: activations that are owed and lines of the history together, and the file's bytes.

    The oldest history goes first. Once that is gone, what is owed alone may reach the limits; then new raises are
    refused. Raises `InvalidValueError` for limits that leave no room to work.
    """

    rows: int = 10_000
    bytes: int = 32 * 1024 * 1024

    def __post_init__(self) -> None:
        if self.rows < LEAST_ROWS:
            raise InvalidValueError(f"rows = {self.rows}: the store holds at least {LEAST_ROWS} rows")
        if self.bytes < LEAST_BYTES:
            raise InvalidValueError(f"bytes = {self.bytes}: the store's file has at least {LEAST_BYTES} bytes")


CROWDED = "what is owed fills the store: rows and bytes in [store] of hwbridge.toml say how much it may hold"
LEAST_ROWS = 100
LEAST_BYTES = 1024 * 1024


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """What time it is: `now` on the monotonic clock, `now + wall_offset` by the wall clock.

    `asleep` is what the machine has slept in this boot, which `now` does not count: CLOCK_BOOTTIME less
    CLOCK_MONOTONIC (clock_gettime(2)).
    """

    now: int
    wall_offset: int
    asleep: int = 0

    @property
    def wall(self) -> int:
        """Now by the wall clock."""
        return self.now + self.wall_offset


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """A task that was registered over the API: the text that was said of it, and the uid of who said it."""

    name: str
    definition: str
    owner: int | None


class HistoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the history: what happened to which task, by the wall clock. `seq` grows with each line.

    `readers` are the users (uids) who may read it, besides the daemon's own and root. Without a `seq` it is not kept.
    """

    seq: int | None
    wall: int
    what: str
    task: str = ""
    instance: str = ""
    trigger: str = ""
    key: str = ""
    rest: Mapping[str, object] = msgspec.field(default_factory=dict)
    readers: frozenset[int] = frozenset()


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines of the history are wanted: the newest, or where `since` is given, the first ones after that.

    At most `limit`, and of `task`, of `trigger` (as handlers are told), for `reader` (a uid) where these are given.
    """

    limit: int
    task: str | None = None
    trigger: str | None = None
    since: int | None = None
    reader: int | None = None


class HistoryPage(msgspec.Struct, frozen=True, kw_only=True):
    """Lines, oldest first; whether there are `more` like them, beyond the oldest or where `since` was given the newest.

    Of all lines that were kept then, `oldest` and `newest` are the numbers; 0 where there is none.
    """

    rows: tuple[HistoryRow, ...] = ()
    more: bool = False
    oldest: int = 0
    newest: int = 0


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """What earlier starts of the daemon left, in the times of this boot.

    `restored` has no registrations: `definitions` are to be loaded for that. `unclean` are starts of this boot that did
    not stop cleanly, so processes of theirs may be left. `damaged` says what was wrong with the file, for the log.
    `refusal` says why no new raise is taken, where that is so from the start; `Heard.turned` tells when it is over.
    """

    restored: Restored
    definitions: tuple[Definition, ...] = ()
    memory: Memory = msgspec.field(default_factory=Memory)
    unclean: tuple[str, ...] = ()
    damaged: str = ""
    refusal: str = ""

"""The marks that the processes of a run inherit from its main process. Nothing here looks for processes, or ends any.

There are two. The entry of the environment can be shed (`env -i`, sudo(8)). The limit stays with whoever clears the
environment, leaves session and parent, and executes what it likes: it is the soft RLIMIT_LOCKS, which Linux keeps and
passes on, but has not used since 2.4.25 (getrlimit(2)). A kernel of 32 bits cannot hold its value: there it marks
nobody.
"""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from zlib import crc32

import msgspec

INSTANCE_ID = "HWBRIDGE_INSTANCE_ID"
"""The variable of the environment that holds the instance id."""
_LOCKS = 10  # asm-generic/resource.h: RLIMIT_LOCKS, for which `resource` has no name
_LOCKS_LINE = b"Max file locks"  # proc(5), /proc/PID/limits
_OURS = 1 << 62
_PART_BITS = 30


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What the processes of one run carry: `entry` in their environment, `limit` as their RLIMIT_LOCKS.

    >>> Mark.of("20a1-7")
    Mark(entry=b'HWBRIDGE_INSTANCE_ID=20a1-7', limit=5126034292026102432)
    """

    entry: bytes
    limit: int

    @classmethod
    def of(cls, instance_id: str) -> "Mark":
        """The mark of the run."""
        start, _, number = instance_id.rpartition("-")
        limit = _OURS | _digest(start) << _PART_BITS | _digest(number)
        return cls(entry=f"{INSTANCE_ID}={instance_id}".encode(), limit=limit)


class Starts(msgspec.Struct, frozen=True):
    """The marks of all runs of some daemons, whose instance ids are `START-NUMBER`; `starts` says which.

    >>> starts = Starts(frozenset({"20a1"}))
    >>> Mark.of("20a1-7").entry in starts, Mark.of("20a1-8").limit in starts, Mark.of("30b2-7").limit in starts
    (True, True, False)
    """

    starts: frozenset[str]

    def __contains__(self, carried: bytes | int | str) -> bool:
        """Whether an environment's entry, a limit or an instance id is of one of these daemons' runs."""
        match carried:
            case int():
                return carried >> 2 * _PART_BITS == _OURS >> 2 * _PART_BITS and any(
                    carried >> _PART_BITS & (1 << _PART_BITS) - 1 == _digest(start) for start in self.starts
                )
            case bytes():
                name, _, value = carried.partition(b"=")
                return name == INSTANCE_ID.encode() and value.decode(errors="replace") in self
            case str():
                start, _, number = carried.rpartition("-")
                return start in self.starts and number.isdecimal()


@contextmanager
def passed_on(mark: Mark) -> Iterator[None]:
    """Whatever this process starts meanwhile gets the mark's limit from its very beginning.

    Without effect where a hard limit does not let us.
    """
    soft, hard = resource.getrlimit(_LOCKS)
    try:
        resource.setrlimit(_LOCKS, (mark.limit, hard))
    except (ValueError, OSError):
        yield
        return
    try:
        yield
    finally:
        resource.setrlimit(_LOCKS, (soft, hard))


def limit_of(pid: int) -> int | None:
    """The soft RLIMIT_LOCKS of the process; None where it has none, or is gone. Everybody may read it."""
    try:
        with open(f"/proc/{pid}/limits", "rb") as file:
            limits = file.read()
    except OSError:
        return None
    soft = limits.partition(_LOCKS_LINE)[2].split(maxsplit=1)[:1]
    return int(soft[0]) if soft and soft[0].isdigit() else None


def _digest(text: str) -> int:
    return crc32(text.encode()) >> 32 - _PART_BITS

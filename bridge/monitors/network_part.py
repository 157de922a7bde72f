"""What those have in common who know a part of the network: each has a descriptor, and says whether to look again.

None of them says what happened: that is found by looking.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Whether there is reason to look, whether news were lost, and whether none is left that is older than a look."""

    matters: bool = False
    lost: bool = False
    emptied: bool = True


class NetworkPart(Protocol):
    """Knows a part of the network."""

    def fileno(self) -> int:
        """Readable when `hear` is to be called."""

    def hear(self) -> Heard:
        """What has come, without waiting. Raises `DeviceError` when nothing more can come."""

    def deadline(self) -> int | None:
        """When `hear` is to be called, if it is not before; in microseconds of the clock."""

    def refused(self) -> tuple[str, ...]:
        """What it is not allowed to know, a line each."""

    def close(self) -> None:
        """Ends it; no descriptor and no thread stays."""

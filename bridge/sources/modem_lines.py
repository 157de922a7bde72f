"""The modem lines of a serial port between two looks at them: what they are, and what became of them. No port is read.

Numbers of the bits are those of tty_ioctl(4), asm-generic/termios.h; they are the same on every architecture but
those that have termios of their own (MIPS, PowerPC, SPARC, Alpha), where these four agree.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bridge.sources.serial import SIGNALS

_BITS = {"CTS": 0x020, "DSR": 0x100, "RI": 0x080, "CD": 0x040}


@dataclass(frozen=True, slots=True)
class Look:
    """The lines as they are; `counted`, where the driver counts, is how often the interrupt told of each until now."""

    bits: int
    counted: Mapping[str, int] | None = None

    def value(self, signal: str) -> int:
        """Whether a line is on, 1 or 0."""
        return int(bool(self.bits & _BITS[signal]))


def changes_between(before: Look, now: Look) -> Iterator[tuple[str, int]]:
    """The values that the lines took, in order for each: a pulse between the looks, which only the counter saw, too.

    >>> list(changes_between(Look(0, {"CTS": 0, "RI": 3}), Look(0x20, {"CTS": 1, "RI": 4})))
    [('CTS', 1), ('RI', 1), ('RI', 0)]
    """
    for signal in SIGNALS:
        value = now.value(signal)
        if value != before.value(signal):
            yield signal, value
        elif before.counted and now.counted and before.counted.get(signal) != now.counted.get(signal):
            yield signal, 1 - value
            yield signal, value

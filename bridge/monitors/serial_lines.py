"""What the driver of an open serial port tells beside its bytes: the modem lines, and what it counted. Nothing is kept.

tty_ioctl(4). A port that has no such thing, as a pseudo-terminal, is no error.
"""

import errno
import fcntl
import struct
import termios
from typing import NamedTuple

from bridge.sources.modem_lines import Look

_TIOCGICOUNT = 0x545D  # asm-generic/ioctls.h
_COUNTS = struct.Struct("@11i36x")  # struct serial_icounter_struct, linux/serial.h
_BITS = struct.Struct("@i")
_NO_SUCH_LINE = frozenset({errno.ENOTTY, errno.EINVAL})


class Counts(NamedTuple):
    """What a driver counts, by the kernel's names: changes of modem lines, bytes, and what went wrong."""

    cts: int
    dsr: int
    rng: int
    dcd: int
    rx: int
    tx: int
    frame: int
    overrun: int
    parity: int
    brk: int
    buf_overrun: int

    @property
    def overruns(self) -> int:
        """The bytes that came faster than they were taken."""
        return self.overrun + self.buf_overrun


def modem_bits(descriptor: int) -> int | None:
    """The modem lines as bits (TIOCMGET); None of a port that has none. Raises OSError for one that has gone."""
    buffer = bytearray(_BITS.size)
    try:
        fcntl.ioctl(descriptor, termios.TIOCMGET, buffer)
    except OSError as error:
        if error.errno not in _NO_SUCH_LINE:
            raise
        return None
    (bits,) = _BITS.unpack(buffer)
    return int(bits)


def counts_of(descriptor: int) -> Counts | None:
    """What the driver has counted (TIOCGICOUNT); None where it does not count, or the port has gone."""
    buffer = bytearray(_COUNTS.size)
    try:
        fcntl.ioctl(descriptor, _TIOCGICOUNT, buffer)
    except OSError:
        return None
    return Counts(*_COUNTS.unpack(buffer))


def look_at(descriptor: int) -> Look | None:
    """The modem lines now; None of a port that has none. Raises OSError for one that has gone."""
    bits, counts = modem_bits(descriptor), counts_of(descriptor)
    if bits is None:
        return None
    if counts is None:
        return Look(bits)
    return Look(bits, {"CTS": counts.cts, "DSR": counts.dsr, "RI": counts.rng, "CD": counts.dcd})

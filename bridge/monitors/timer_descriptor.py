"""A timer that is a descriptor: timerfd_create(2), on clocks that the event loop does not have.

It does not know what is due. Python has it from 3.13 on; before, libc is called. Where the kernel refuses, whoever
asked does without.
"""

import ctypes
import errno
import os
from enum import Enum, IntEnum

from bridge.errors import DeviceError

_ABSOLUTE = 1  # TFD_TIMER_ABSTIME, linux/timerfd.h
_CANCEL_ON_SET = 2  # TFD_TIMER_CANCEL_ON_SET: heeded on the wall clock only, and by nothing that is not set
_MICROSECONDS = 1_000_000
_LAST_SECOND = (1 << 8 * ctypes.sizeof(ctypes.c_long) - 1) - 1  # the symbol without 64 has a `long`, on every machine
NEVER = _LAST_SECOND * _MICROSECONDS
"""A time that does not come: who asks only when the wall clock is set."""


class TimerClock(IntEnum):
    """The clocks, by linux/time.h."""

    WALL = 0
    """CLOCK_REALTIME, which people and time servers set."""
    BOOT = 7
    """CLOCK_BOOTTIME, which goes on while the machine sleeps."""


class Rang(Enum):
    """What a timer has to say."""

    NOT_YET = "not yet"
    DUE = "due"
    CLOCK_SET = "clock set"
    """The wall clock does not show what it would have shown: it was set, or the machine has slept."""


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class TimerDescriptor:
    """One timer, which is not set. Raises `DeviceError` if there is none to be had."""

    def __init__(self, clock: TimerClock) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.timerfd_create(clock, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise DeviceError(ctypes.get_errno(), f"timerfd_create was refused for the clock {clock.name}")

    def fileno(self) -> int:
        """A descriptor that is readable when `read` has something to say."""
        return int(self._fd)

    def set(self, at: int | None) -> Rang:
        """Goes off at `at` microseconds of its clock, or not at all.

        On the wall clock, it also says from now on when that is set; at once, if it was and nobody has read it.
        """
        seconds, rest = divmod(max(at, 1), _MICROSECONDS) if at is not None else (0, 0)
        value = _Itimerspec(_Timespec(0, 0), _Timespec(min(seconds, _LAST_SECOND), rest * 1000))
        if self._libc.timerfd_settime(self._fd, _ABSOLUTE | _CANCEL_ON_SET, ctypes.byref(value), None) < 0:
            if ctypes.get_errno() == errno.ECANCELED:  # it is set all the same: timerfd_setup in fs/timerfd.c
                return Rang.CLOCK_SET
            raise DeviceError(ctypes.get_errno(), "timerfd_settime was refused")
        return Rang.NOT_YET

    def read(self) -> Rang:
        """What it has to say, once. After `CLOCK_SET` it is to be set again."""
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return Rang.NOT_YET
        except OSError as error:
            if error.errno == errno.ECANCELED:
                return Rang.CLOCK_SET
            raise DeviceError(error.errno, f"a timer cannot be read: {error.strerror}") from error
        return Rang.DUE

    def close(self) -> None:
        """Closes the descriptor."""
        os.close(self._fd)

"""A timer that goes on while the machine sleeps: timerfd_create(2) on CLOCK_BOOTTIME. It knows not what is due.

Python has it from 3.13 on; before, libc is called. Where the kernel refuses, timers are late after sleep.
"""

import ctypes
import os

from bridge.errors import DeviceError

_CLOCK_BOOTTIME = 7  # linux/time.h
_TFD_TIMER_ABSTIME = 1  # linux/timerfd.h
_MICROSECONDS = 1_000_000


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class BootTimer:
    """One timer. Raises `DeviceError` if there is none to be had."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.timerfd_create(_CLOCK_BOOTTIME, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise DeviceError(ctypes.get_errno(), "timerfd_create(CLOCK_BOOTTIME) was refused")

    def fileno(self) -> int:
        """A descriptor that is readable when the time has come."""
        return int(self._fd)

    def set(self, at: int | None) -> None:
        """Goes off at `at` microseconds since the machine was started, or not at all."""
        seconds, rest = divmod(max(at, 1), _MICROSECONDS) if at is not None else (0, 0)
        value = _Itimerspec(_Timespec(0, 0), _Timespec(seconds, rest * 1000))
        if self._libc.timerfd_settime(self._fd, _TFD_TIMER_ABSTIME, ctypes.byref(value), None) < 0:
            raise DeviceError(ctypes.get_errno(), "timerfd_settime was refused")

    def clear(self) -> None:
        """It has been heard; it is not readable any more."""
        try:
            os.read(self._fd, 8)
        except BlockingIOError:  # set anew in the meantime
            return

    def close(self) -> None:
        """Closes the descriptor."""
        os.close(self._fd)

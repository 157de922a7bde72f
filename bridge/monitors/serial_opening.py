"""Opens a serial port, in a thread of its own, because a driver may take its time. What comes in is not read here.

pyserial opens and configures; what it leaves open besides the port is closed, and the port's descriptor kept. As
pyserial does it: not as controlling terminal, without waiting for a carrier, raw. What hwbridge adds is in `_settle`.
"""

import errno
import fcntl
import grp
import os
import stat
import termios
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from threading import Lock, Thread

import serial

from bridge.mapping.ports import SerialPort
from bridge.monitors.serial_holders import Holders, holders_of
from bridge.monitors.serial_lines import modem_bits

_GONE = frozenset({errno.ENODEV, errno.ENXIO})
"""What a node answers that has no device behind it: not any more, or not yet."""
_DENIED = frozenset({errno.EACCES, errno.EPERM})
_OPENED_AS_GROUP = stat.S_IRGRP | stat.S_IWGRP
_BUSY = frozenset({errno.EBUSY, errno.EAGAIN})
"""EBUSY after another's TIOCEXCL, EAGAIN after another's flock(2)."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A port is open; `descriptor` is the caller's now. `complaints` say what of its settings it cannot do."""

    descriptor: int
    is_exclusive: bool
    complaints: tuple[str, ...] = ()

    def close(self) -> None:
        """Closes it without waiting until the other end takes what was sent: the kernel would wait for up to 30 s."""
        with suppress(OSError, termios.error):  # it has gone already
            termios.tcflush(self.descriptor, termios.TCOFLUSH)
            if self.is_exclusive:  # it would outlast us where another has the port open, too
                fcntl.ioctl(self.descriptor, termios.TIOCNXCL)
        os.close(self.descriptor)


@dataclass(frozen=True, slots=True)
class NotOpened:
    """It is not, and why; `is_there` is False where there is no such port now."""

    why: str
    is_there: bool = True


Outcome = Opened | NotOpened


class Opening:
    """An attempt to open a port, which begins at once. When it is over, the eventfd `done` is written to."""

    def __init__(self, attempt: Callable[[], Outcome], done: int) -> None:
        self._attempt = attempt
        self._done = done
        self._lock = Lock()
        self._is_abandoned = False
        self.outcome: Outcome | None = None
        """How it ended; None until then. Whoever takes an `Opened` closes it."""
        self._thread = Thread(target=self._run, name="serial port", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Returns when it is over, or after so many seconds."""
        self._thread.join(seconds)

    def abandon(self) -> None:
        """Nobody waits for it any more: what it has opened, or will open, is closed."""
        with self._lock:
            self._is_abandoned = True
            if isinstance(self.outcome, Opened):
                self.outcome.close()

    def _run(self) -> None:
        try:
            outcome = self._attempt()
        except Exception as error:  # whatever a driver and pyserial think of between them, the port is not open
            outcome = NotOpened(f"it cannot be opened ({error}); it is tried again")
        with self._lock:
            if not self._is_abandoned:
                self.outcome = outcome
                os.eventfd_write(self._done, 1)
            elif isinstance(outcome, Opened):
                outcome.close()


def open_port(declared: SerialPort, node: str) -> Outcome:
    """Opens the device at `node` as it is declared; nothing is raised, and none is opened that another has open."""
    try:
        found = os.stat(node)
        if not stat.S_ISCHR(found.st_mode) or not _is_tty(found.st_rdev):
            return NotOpened(f"{node} is no serial port")
        if declared.exclusive and (holders := holders_of(node)).processes:
            return _busy(node, holders)
        return _open(declared, node)
    except (OSError, termios.error, ValueError, OverflowError) as error:
        return _not_opened(node, error)


class _Port(serial.Serial):
    """pyserial's port, but that what `dtr` and `rts` leave open stays as the driver does it: pyserial turns both on."""

    def __init__(self, declared: SerialPort) -> None:
        super().__init__(
            baudrate=declared.baudrate,
            bytesize=declared.bytesize,
            parity=declared.parity,
            stopbits=declared.stopbits,
            timeout=0,
            xonxoff=declared.xonxoff,
            rtscts=declared.rtscts,
            exclusive=declared.exclusive,
            inter_byte_timeout=0,  # VMIN 1: or reading nothing looks like a hang-up (termios(3))
        )
        self._declared = declared
        self.dtr, self.rts = bool(declared.dtr), bool(declared.rts)

    def _update_dtr_state(self) -> None:
        if self._declared.dtr is not None:
            super()._update_dtr_state()  # type: ignore[misc]  # pyserial's own, which its types do not have

    def _update_rts_state(self) -> None:
        if self._declared.rts is not None:
            super()._update_rts_state()  # type: ignore[misc]  # likewise


def _open(declared: SerialPort, node: str) -> Outcome:
    with closing(_Port(declared)) as port:
        port.port = node
        port.open()
        complaints = _settle(port.fileno(), declared)
        return Opened(os.dup(port.fileno()), declared.exclusive, complaints)


def _settle(descriptor: int, declared: SerialPort) -> tuple[str, ...]:
    """What pyserial has no word for; what cannot be done of the rest."""
    if declared.exclusive:
        fcntl.ioctl(descriptor, termios.TIOCEXCL)
    if declared.hupcl is not None:
        attributes = termios.tcgetattr(descriptor)
        attributes[2] = attributes[2] | termios.HUPCL if declared.hupcl else attributes[2] & ~termios.HUPCL
        termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
    asked = [name for name in ("dtr", "rts") if getattr(declared, name) is not None]
    if asked and modem_bits(descriptor) is None:
        return (f"it has no modem lines: {' and '.join(asked)} cannot be set",)
    return ()


def _is_tty(device: int) -> bool:
    """Whether a character device may be a port: to open another can do harm. Pseudo-terminals are not in sysfs."""
    try:
        subsystem = os.readlink(f"/sys/dev/char/{os.major(device)}:{os.minor(device)}/subsystem")
    except OSError:
        return True
    return os.path.basename(subsystem) == "tty"


def _busy(node: str, holders: Holders) -> NotOpened:
    return NotOpened(f"{node} is busy, {holders}; it is tried again")


def _not_opened(node: str, error: Exception) -> NotOpened:
    number = getattr(error, "errno", None)
    reason = os.strerror(number) if number is not None else str(error)
    found = _found(node)
    if found is None or number in _GONE:
        return NotOpened(f"{node} is not there", is_there=False)
    if number in _BUSY:
        return _busy(node, holders_of(node, own=True))
    if number in _DENIED:
        return NotOpened(f"{node} may not be opened ({reason}): {_remedy(found)}")
    return NotOpened(f"{node} cannot be opened ({reason}); it is tried again")


def _found(node: str) -> os.stat_result | None:
    try:
        return os.stat(node)
    except OSError:
        return None


def _remedy(found: os.stat_result) -> str:
    """What gives the right to open it. Root's group is none to be in, and that of a console may write, and not read."""
    as_root = "run hwbridge as root"
    if found.st_gid == 0 or found.st_mode & _OPENED_AS_GROUP != _OPENED_AS_GROUP:
        return as_root
    try:
        group = grp.getgrgid(found.st_gid).gr_name
    except KeyError:
        return as_root
    return f"add the user that hwbridge runs as to the group {group}, or run it as root"

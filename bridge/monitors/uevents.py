"""Device events of the kernel and of udevd on a netlink socket, and devices as libudev lists them: pyudev made safe.

Nothing here knows a rule, keeps a state or builds an event.
"""

import contextlib
import ctypes
import errno
import functools
import itertools
import os
import select
import socket
from collections.abc import Iterator, Mapping

import pyudev

from bridge.errors import DeviceError, InvalidValueError

GROUPS = ("auto", "udev", "kernel")
UDEVD_CONTROL = "/run/udev/control"
"""Udevd's own socket: libudev, too, takes it for the sign that a udevd runs."""
RECEIVE_BUFFER = 128 << 20
"""Bytes of queue asked of the kernel, as much as udevd asks for; without CAP_NET_ADMIN, net.core.rmem_max of them."""
SO_RCVBUFFORCE = 33
"""asm-generic/socket.h; Python does not name it."""
EVENTS_A_READ = 1024
"""So that a storm cannot keep a reader for ever: what is left in the queue keeps the descriptor readable."""
SUBSYSTEMS_A_FILTER = 128
"""libudev's filter program for the kernel holds 512 instructions, three for each subsystem (sd-device-monitor)."""
ATTRIBUTE_SIZE = 64 << 10
LINKS = frozenset({"driver", "module", "subsystem"})
"""Attributes that are links; their value is the last part of the target's path, as for udev (sd-device)."""


@functools.cache
def context() -> pyudev.Context:
    """The connection to libudev, one for the process; raises `DeviceError` where there is no libudev."""
    try:
        return pyudev.Context()
    except ImportError as error:
        raise DeviceError("libudev.so.1 was not found: without it there are no device events") from error


def group_in_force(asked: str) -> str:
    """The netlink group to listen to, `udev` or `kernel`; `auto` is `udev` where a udevd runs.

    Raises `InvalidValueError` for anything else.

    >>> group_in_force("kernel")
    'kernel'
    """
    if asked not in GROUPS:
        raise InvalidValueError(f"group {asked!r} is none of auto, udev, kernel")
    if asked != "auto":
        return asked
    return "udev" if os.path.exists(UDEVD_CONTROL) else "kernel"


class UeventSocket:
    """One subscription, filtered in the kernel where that is possible; never raises for lost events, never spins.

    `subsystems` None is every subsystem. libudev joins `subsystems` and `tag` with AND. Messages of the group `kernel`
    have no tags, and libudev sorts them out only after they have woken us.
    """

    def __init__(
        self,
        *,
        group: str,
        subsystems: frozenset[str] | None = None,
        tag: str | None = None,
        receive_buffer: int = RECEIVE_BUFFER,
    ) -> None:
        """Subscribes; raises `DeviceError` where that is not possible, `InvalidValueError` for a senseless filter."""
        if subsystems is not None and not 0 < len(subsystems) <= SUBSYSTEMS_A_FILTER:
            raise InvalidValueError(f"a filter has 1 to {SUBSYSTEMS_A_FILTER} subsystems, not {len(subsystems)}")
        if tag is not None and group != "udev":
            raise InvalidValueError(f"events of the group {group} have no tags to filter by")
        libudev = context()
        try:
            self._monitor = pyudev.Monitor.from_netlink(libudev, source=group)
            for subsystem in sorted(subsystems or ()):
                self._monitor.filter_by(subsystem)
            if tag is not None:
                self._monitor.filter_by_tag(tag)
            self._socket = socket.socket(fileno=os.dup(self._monitor.fileno()))
        except (OSError, ValueError) as error:
            raise _not_opened(group, error) from error
        try:
            _enlarge(self._socket, receive_buffer)
            self._monitor.start()
            name = self._socket.getsockname()
        except (OSError, ValueError) as error:
            self.close()
            raise _not_opened(group, error) from error
        # Port and groups: libudev subscribes to none, silently, where it sees neither udevd nor a devtmpfs.
        if name[1:] == (0,):
            self.close()
            raise DeviceError(f"device events of the group {group}: no udevd runs here ({UDEVD_CONTROL} is missing)")
        self._waiting = select.poll()
        self._waiting.register(self._socket, select.POLLIN)

    def fileno(self) -> int:
        """The socket's descriptor: readable when an event waits, or when the kernel dropped some."""
        return int(self._monitor.fileno())

    def read(self) -> tuple[list[pyudev.Device], bool]:
        """Every queued event, at most `EVENTS_A_READ` of them; and True when the kernel dropped some (ENOBUFS).

        Raises `DeviceError` when the socket itself has failed.
        """
        devices: list[pyudev.Device] = []
        dropped = False
        for _ in range(EVENTS_A_READ):
            if not self._waiting.poll(0):  # a tenth of what pyudev's own poll takes to find nothing
                break
            try:
                device = self._monitor.poll(0)
            except OSError as error:
                self._pass_over_loss(error)
                dropped = True
                continue
            except ValueError:  # libudev's EINVAL: a message that is no device event
                continue
            if device is not None:  # None is a message that was not for us
                devices.append(device)
        return devices, dropped

    def close(self) -> None:
        """Closes the socket, now."""
        self._socket.close()
        # libudev closes its descriptor when pyudev's object goes; ours is the only reference to it.
        self._monitor = None

    def _pass_over_loss(self, error: OSError) -> None:
        # pyudev's poll() raises for POLLERR before it reads, every time again: only reading SO_ERROR clears it.
        pending = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if errno.ENOBUFS not in (pending, error.errno):
            reason = os.strerror(pending) if pending else str(error)
            raise DeviceError(f"netlink socket for device events: {reason}") from error


def _not_opened(group: str, error: Exception) -> DeviceError:
    number = getattr(error, "errno", None) or ctypes.get_errno()  # pyudev does not say why libudev gave it no monitor
    return DeviceError(f"netlink socket for device events, group {group}: {os.strerror(number) if number else error}")


def _enlarge(queue: socket.socket, size: int) -> None:
    try:
        queue.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, size)
    except PermissionError:
        queue.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)


def devices_there(
    *,
    group: str,
    subsystems: frozenset[str] | None = None,
    but: frozenset[str] = frozenset(),
    tag: str | None = None,
) -> Iterator[pyudev.Device]:
    """The devices that are there now, as libudev lists them; for the group `udev` those that udevd is done with.

    `subsystems` None is every subsystem `but` some, which are not even looked at; `subsystems` and `tag` are joined
    with AND, as for `UeventSocket`.
    Raises `DeviceError`, when the first is asked for, where sysfs is not mounted.
    """
    if not is_there("/devices"):
        raise DeviceError(f"{context().sys_path} is not mounted: devices that are there already cannot be found")
    listing = context().list_devices()
    for subsystem in sorted(subsystems or ()):
        listing.match_subsystem(subsystem)
    for subsystem in sorted(but):
        listing.match_subsystem(subsystem, nomatch=True)
    if tag is not None:
        listing.match_tag(tag)
    if group == "udev":
        listing.match_is_initialized()  # of the others we shall hear when udevd has seen them
    yield from listing


def is_there(devpath: str) -> bool:
    """Whether sysfs has a device at `devpath` now, also one of a kind that libudev does not list (modules, drivers)."""
    return os.path.exists(f"{context().sys_path}{devpath}")


def properties_of(device: pyudev.Device) -> dict[str, str]:
    """Every udev property of `device` by name; bytes that are not UTF-8 are kept as surrogates (PEP 383)."""
    all_of_them = device.properties
    properties: dict[str, str] = {}
    with contextlib.suppress(UnicodeDecodeError):  # a name that is no text: pyudev cannot go on behind it
        for name in all_of_them:
            if (value := _text(all_of_them, name)) is not None:
                properties[name] = value
    return properties


def property_of(device: pyudev.Device, name: str) -> str | None:
    """One udev property of `device`, or None where it has none of this name."""
    return _text(device.properties, name)


def _sys_path(device: pyudev.Device) -> str:
    try:
        return str(device.sys_path)
    except UnicodeDecodeError as error:
        return _decoded(error)


def _text(properties: Mapping[str, str], name: str) -> str | None:
    try:
        return properties[name]
    except KeyError:
        return None
    except UnicodeDecodeError as error:
        return _decoded(error)


def _decoded(error: UnicodeDecodeError) -> str:
    """What pyudev, which decodes strictly, could not give: the error holds the bytes."""
    return error.object.decode(errors="surrogateescape")


def attribute_of(device: pyudev.Device, name: str) -> str | None:
    """The sysfs attribute `name` of `device` without the newline at its end, or None where it cannot be read.

    Read from the file, because libudev's text would end at the first NUL.
    """
    path = os.path.join(_sys_path(device), name)
    try:
        if name in LINKS:
            return os.path.basename(os.readlink(path))
        with open(path, "rb", buffering=0) as file:
            value = file.read(ATTRIBUTE_SIZE)
    except OSError:
        return None
    return (value or b"").rstrip(b"\r\n").decode(errors="surrogateescape")


def field_of(device: pyudev.Device, name: str) -> str | None:
    """What `device` itself has as `name`: a property, or as `attr.NAME` a sysfs attribute."""
    if name.startswith("attr."):
        return attribute_of(device, name.removeprefix("attr."))
    return property_of(device, name)


def inherited_of(device: pyudev.Device, name: str) -> str | None:
    """What `device` itself or else its nearest ancestor has as `name` (a property, or `attr.NAME`)."""
    for relative in itertools.chain((device,), device.ancestors):
        value = field_of(relative, name)
        if value is not None:
            return value
    return None

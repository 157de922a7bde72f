"""What tells that a serial port may be there now: uevents of ttys, and for other paths inotify. It opens no port.

Not everything does: who mounts /dev without a udevd, or links to a port there, is found by trying again.
"""

import logging
import os
import select
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from bridge.errors import DeviceError
from bridge.mapping.ports import SerialPort
from bridge.monitors.input_machine import Uevents
from bridge.monitors.serial_devices import Machine
from bridge.monitors.uevents import is_there, property_of
from bridge.monitors.watched_paths import Changes, WatchedPaths

_log = logging.getLogger("bridge.monitors.serial")


@dataclass(frozen=True, slots=True)
class News:
    """That something came, which may be a port; the nodes of those that went; and whether the kernel lost some news."""

    has_come: bool = False
    gone: frozenset[str] = frozenset()
    lost: bool = False


class Arrivals:
    """The news of ports. Paths outside of /dev are watched only while their ports are not open."""

    def __init__(self, machine: Machine) -> None:
        """Hears nothing yet."""
        self._machine = machine
        self._epoll = select.epoll()
        self._uevents: Uevents | None = None
        self._paths: WatchedPaths | None = None
        self._watched: frozenset[str] = frozenset()

    def fileno(self) -> int:
        """Readable when there is news."""
        return self._epoll.fileno()

    def listen(self) -> None:
        """Hears of ttys from now on. Where that is not possible, `tells_of` says it."""
        if self._uevents is not None:
            return
        try:
            self._uevents = self._machine.subscribe()
        except DeviceError as error:
            _log.info("serial ports that come later are found by trying again: %s", error)
            return
        self._epoll.register(self._uevents.fileno(), select.EPOLLIN)

    def wait_for(self, missing: Collection[SerialPort]) -> bool:
        """Watches the paths of these ports; True if there are new ones among them, which may have come meanwhile."""
        wanted = frozenset(port.port for port in missing if port.port is not None and _is_elsewhere(port.port))
        before = self._watched
        if wanted == before:
            return False
        self._end_paths()
        if wanted:
            try:
                self._paths = WatchedPaths(map(Path, sorted(wanted)))
            except DeviceError as error:
                _log.info("serial ports that come later are found by trying again: %s", error)
            else:
                self._epoll.register(self._paths.fileno(), select.EPOLLIN)
        self._watched = wanted
        return bool(wanted - before)

    def tells_of(self, port: SerialPort) -> bool:
        """Whether there will be news when this port comes."""
        if port.port is not None and _is_elsewhere(port.port):
            return self._paths is not None and not self._paths.refused
        has_links = port.port is None or self._machine.group == "udev"  # udevd tells when the links are made, too
        return self._uevents is not None and has_links

    def read(self) -> News:
        """The news, without waiting."""
        changes = self._paths.read() if self._paths is not None else Changes()
        has_come = bool(changes.paths)
        if self._uevents is None:
            return News(has_come, lost=changes.lost)
        try:
            heard, lost = self._uevents.read()
        except DeviceError as error:
            _log.warning("serial ports that come later are found by trying again: %s", error)
            self._end_uevents()
            return News(has_come=True, lost=True)
        removed = [device for device in heard if device.action == "remove"]
        gone = [property_of(each, "DEVNAME") for each in removed if not is_there(property_of(each, "DEVPATH") or "")]
        return News(
            has_come=has_come or lost or len(heard) > len(removed),
            gone=frozenset(node for node in gone if node is not None),
            lost=lost or changes.lost,
        )

    def stop(self) -> None:
        """Hears nothing any more."""
        self._end_uevents()
        self._end_paths()

    def close(self) -> None:
        """Closes everything."""
        self.stop()
        self._epoll.close()

    def _end_uevents(self) -> None:
        uevents, self._uevents = self._uevents, None
        if uevents is not None:
            self._epoll.unregister(uevents.fileno())
            uevents.close()

    def _end_paths(self) -> None:
        paths, self._paths, self._watched = self._paths, None, frozenset()
        if paths is not None:
            self._epoll.unregister(paths.fileno())
            paths.close()


def _is_elsewhere(path: str) -> bool:
    """Whether no uevent tells of what is at this path: it is not in /dev, or a pseudo-terminal."""
    path = os.path.normpath(path)
    return not path.startswith("/dev/") or path.startswith("/dev/pts/")

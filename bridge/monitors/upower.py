"""UPower, where there is a bus and it runs: what it says of power, kept until it says otherwise. It is never started.

Nothing here is raised or waited for, and what its words mean is told in `bridge.sources.upower`.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from bridge.monitors.bus_words import Disconnected, Known, Properties, Told, Vanished, Wanted
from bridge.sources.power import Power
from bridge.sources.upower import power_by_upower

SERVICE = "org.freedesktop.UPower"
MANAGER = Properties(SERVICE, "/org/freedesktop/UPower", SERVICE)
DISPLAY = Properties(SERVICE, "/org/freedesktop/UPower/devices/DisplayDevice", f"{SERVICE}.Device")


class Connection(Protocol):
    """What `Bus` is, as far as it is needed here."""

    def fileno(self) -> int:
        """Readable when `read` has something."""

    def read(self) -> list[Told]:
        """Everything that has come."""

    def want(self, *wanted: Wanted) -> None:
        """Asks to be told of these."""

    def look(self) -> None:
        """Asks to be told of these again."""

    def close(self) -> None:
        """Ends it."""


class UPower:
    """What UPower says."""

    def __init__(self, bus: Connection) -> None:
        """Asks for its properties; nothing is known yet."""
        self._bus = bus
        self._known: dict[Properties, Mapping[str, Any]] = {}
        bus.want(MANAGER, DISPLAY)

    @property
    def power(self) -> Power:
        """What it said last; nothing where it is not there, or has not said everything."""
        if not {MANAGER, DISPLAY} <= self._known.keys():
            return Power()
        return power_by_upower(self._known[MANAGER], self._known[DISPLAY])

    def fileno(self) -> int:
        """Readable when `read` has something."""
        return self._bus.fileno()

    def read(self) -> bool:
        """Hears what has come; whether it says anything else now."""
        before = self.power
        for told in self._bus.read():
            match told:
                case Known(of, values):
                    self._known[of] = values
                case Vanished() | Disconnected():
                    self._known.clear()
                case _:
                    pass
        return self.power != before

    def look(self) -> None:
        """Asks it once more; `read` will say whether it was otherwise."""
        self._bus.look()

    def close(self) -> None:
        """Ends the connection."""
        self._bus.close()

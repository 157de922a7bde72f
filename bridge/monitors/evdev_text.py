"""Lines that are typed on input devices, as the events of serial ports that they are told as. It opens no device.

What was typed goes into events and nowhere else: no key and no line is ever logged from here.
"""

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from bridge.model.events import Event, Fields, Origin
from bridge.monitors.input_asked import SpelledPort
from bridge.sources.serial import SERIAL
from bridge.sources.typist import LONGEST_LINE, Cut, Typist

_LOG = logging.getLogger(__name__)
Key = tuple[int, int, int]
"""When, which key, its value."""


class SpelledLines:
    """The lines of one device; `lost` counts those that were too long to be told."""

    def __init__(self, port: SpelledPort, *, device: str) -> None:
        """`device` is what messages call it."""
        self.port = port
        self.lost = 0
        self._device = device
        self._typist: Typist = port.typist()
        self._is_new = True

    def hear(self, keys: Iterable[Key]) -> list[Event]:
        """What keys end."""
        found = []
        for at, key, value in keys:
            match self._typist.hear(at, key, value):
                case str() as line:
                    found.append(Event(SERIAL.name, at, {**self.port.fields, "line": line}))
                case Cut.TOO_LONG:
                    self.lost += 1
                    _LOG.warning("device %s: a line of more than %d characters is dropped", self._device, LONGEST_LINE)
        return found

    def find(self, at: int, held: Collection[int]) -> None:
        """The keys that are down, as a look at the device shows; where that is news, keys were lost."""
        if not self._typist.find(at, held) and not self._is_new:
            self.lost += 1
            _LOG.warning("device %s: keys were lost; the line that was being typed is dropped", self._device)
        self._is_new = False

    def lose(self, at: int) -> None:
        """The kernel lost keys, which has been counted and logged."""
        self._typist.lose(at)
        self._is_new = True


@dataclass(slots=True)
class SpelledPorts:
    """Which ports are open, for being spelled by some device: one that several devices spell is open until the last."""

    _spelling: dict[str, dict[str, Fields]] = field(default_factory=dict)
    """By port and devpath, the fields that events of the port have."""
    _declared: frozenset[str] = frozenset()

    def declare(self, names: frozenset[str], *, at: int) -> list[Event]:
        """These ports are asked for by name: tells of the new ones that no device spells, so that this is known."""
        new = names - self._declared - self._spelling.keys()
        self._declared = names
        return [_state({"port": name}, "lost", at, Origin.START) for name in sorted(new)]

    def follow(self, devpath: str, port: SpelledPort | None, *, at: int, origin: Origin) -> list[Event]:
        """The device spells this port from now on, or none: tells of ports that are lost, and that are opened."""
        name = port.name if port is not None else None
        found = []
        for other in [each for each, devices in self._spelling.items() if devpath in devices and each != name]:
            fields = self._spelling[other].pop(devpath)
            if not self._spelling[other]:
                del self._spelling[other]
                found.append(_state(fields, "lost", at, Origin.LIVE if origin is Origin.START else origin))
        if port is not None:
            devices = self._spelling.setdefault(port.name, {})
            if not devices:
                found.append(_state(port.fields, "opened", at, origin))
            devices[devpath] = port.fields
        return found

    def snapshot(self, at: int) -> list[Event]:
        """Each port that is open, and those asked for by name that are not."""
        opened = [_state(next(iter(each.values())), "opened", at, Origin.START) for each in self._spelling.values()]
        lost = sorted(self._declared - self._spelling.keys())
        return opened + [_state({"port": name}, "lost", at, Origin.START) for name in lost]


def _state(fields: Fields, state: str, at: int, origin: Origin) -> Event:
    return Event(SERIAL.name, at, {**fields, "state": state}, origin)

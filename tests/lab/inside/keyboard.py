"""A keyboard that the kernel takes for a real one, made by uinput, and another reader of it. No daemon is here."""

import os
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from evdev import InputDevice, UInput, ecodes

from tests.lab.inside.machine import settle

NAME = "hwbridge lab scanner"
_KEYS = [number for number in range(1, 128) if number in ecodes.KEY]


class Keyboard:
    """Keys by their names without `KEY_`; made when built."""

    def __init__(self, name: str = NAME) -> None:
        self._device = UInput({ecodes.EV_KEY: _KEYS}, name=name, phys="hwbridge/lab/keys")
        settle()
        self.node = str(self._device.device.path)

    def press(self, *keys: str) -> None:
        """These go down, one after the other."""
        self._set(keys, 1)

    def let_go(self, *keys: str) -> None:
        """These go up."""
        self._set(keys, 0)

    def tap(self, *keys: str) -> None:
        """Each goes down and up."""
        for key in keys:
            self.press(key)
            self.let_go(key)

    def write_line(self, line: str) -> None:
        """Small letters and digits, and Enter."""
        self.tap(*line.upper(), "ENTER")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._device.close()
        settle()

    def _set(self, keys: Iterable[str], value: int) -> None:
        for key in keys:
            self._device.write(ecodes.EV_KEY, ecodes.ecodes[f"KEY_{key}"], value)
            self._device.syn()


class Reader:
    """Another program that has the device open: it is told what nobody has grabbed."""

    def __init__(self, node: str) -> None:
        self._device = InputDevice(node)
        os.set_blocking(self._device.fd, False)

    def heard(self) -> list[str]:
        """The keys that it was told of since it was asked last, `A+` down and `A-` up."""
        found = []
        while True:
            try:
                events = list(self._device.read())
            except BlockingIOError:
                return found
            found += [
                f"{ecodes.KEY[event.code].removeprefix('KEY_')}{'-+'[event.value]}"
                for event in events
                if event.type == ecodes.EV_KEY
            ]

    def grab(self) -> None:
        """Takes the device for itself."""
        self._device.grab()

    def let_go(self) -> None:
        """Gives it back."""
        self._device.ungrab()

    def close(self) -> None:
        """Closes the device."""
        self._device.close()

"""Whether somebody touches keyboard, mouse or screen, where no logind says so. What is typed is not looked at.

Of what a device sends only the time is read. After a touch nobody listens for `QUIET`: who types wakes us once in that.
"""

import errno
import os
import select
import struct
from collections.abc import Collection

from bridge.errors import DeviceError
from bridge.model.codes import code_number, type_number
from bridge.monitors.evdev_decode import SIZE
from bridge.monitors.evdev_device import InputNode
from bridge.monitors.evdev_node import CHUNK
from bridge.monitors.input_devices import FoundInput
from bridge.monitors.input_machine import Machine, Uevents
from bridge.monitors.monitor import Clock

QUIET = 10_000_000
"""Microseconds after a touch in which more of them are not heard: they would say nothing new."""
_EV_KEY, _EV_REL = type_number("EV_KEY"), type_number("EV_REL")
_OF_PEOPLE = frozenset(
    code_number(_EV_KEY, name)
    for name in ("KEY_ENTER", "KEY_SPACE", "KEY_KPENTER", "BTN_LEFT", "BTN_TOUCH", "BTN_SOUTH")
)
"""What a device has that people touch all the time; power buttons, lids and sensors have none of it."""
_TIME = struct.Struct("@LL")  # the beginning of struct input_event


def is_touched_by_people(found: FoundInput) -> bool:
    """Whether a device is a keyboard, a pointer, a touch screen or a gamepad."""
    return bool(found.capabilities.get(_EV_KEY, frozenset()) & _OF_PEOPLE)


class InputActivity:
    """Whether one of the machine's devices was touched not longer than `away_after` microseconds ago.

    Before the first touch nobody is present. `is_present` is None where no device may be read that people could touch.
    """

    def __init__(self, epoll: select.epoll, clock: Clock, machine: Machine, away_after: int) -> None:
        """Listens with `epoll`, which is the owner's."""
        self._epoll = epoll
        self._clock = clock
        self._machine = machine
        self._away_after = away_after
        self._nodes: dict[str, InputNode] = {}
        self._refused: dict[str, str] = {}
        self._uevents: Uevents | None = None
        self._touched: int | None = None
        self._quiet_until: int | None = None
        self._subscribe()
        self.look()

    @property
    def is_present(self) -> bool | None:
        """Whether somebody is there, as far as is known."""
        if self._touched is not None:
            return True
        return None if self._refused and not self._nodes else False

    @property
    def refused(self) -> tuple[str, ...]:
        """The devices that may not be read, each with the remedy."""
        return tuple(self._refused.values())

    @property
    def devices(self) -> int:
        """How many are listened to."""
        return len(self._nodes)

    def deadline(self) -> int | None:
        """When to listen again, or when nobody has been there for long enough."""
        if self._quiet_until is not None:
            return self._quiet_until
        return self._touched + self._away_after if self._touched is not None else None

    def read(self, ready: Collection[int]) -> None:
        """Hears what came, and what became of time; `ready` are the descriptors that have something."""
        now = self._clock()
        if self._uevents is not None and self._uevents.fileno() in ready:
            self._follow(self._uevents)
        if self._quiet_until is not None and now < self._quiet_until:
            return
        touched = max((self._drain(devpath) for devpath in [*self._nodes]), default=0)
        if touched:
            self._touched = min(touched, now)
            self._be_quiet(now)
        else:
            self._listen()
        if self._touched is not None and now >= self._touched + self._away_after:
            self._touched = None

    def look(self) -> None:
        """Opens devices that have come, closes those that went."""
        found = self._machine.find()
        for devpath in [devpath for devpath in self._nodes if devpath not in found]:
            self._close(devpath)
        self._refused = {devpath: line for devpath, line in self._refused.items() if devpath in ("", *found)}
        for devpath in found:
            if devpath not in self._nodes:
                self._open(devpath)

    def close(self) -> None:
        """Closes all."""
        for devpath in [*self._nodes]:
            self._close(devpath)
        self._unsubscribe()

    def _be_quiet(self, now: int) -> None:
        if self._quiet_until is None:
            for node in self._nodes.values():
                self._epoll.unregister(node.fileno())
        self._quiet_until = now + min(QUIET, self._away_after)

    def _listen(self) -> None:
        if self._quiet_until is not None:
            self._quiet_until = None
            for node in self._nodes.values():
                self._epoll.register(node.fileno(), select.EPOLLIN)

    def _drain(self, devpath: str) -> int:
        """When the device was last touched, of what is queued; 0 for nothing. One that went is closed."""
        touched = 0
        try:
            while data := os.read(self._nodes[devpath].fileno(), CHUNK):
                seconds, microseconds = _TIME.unpack_from(data, len(data) - SIZE)
                touched = int(seconds) * 1_000_000 + int(microseconds)
        except BlockingIOError:
            return touched
        except OSError as error:
            if error.errno != errno.ENODEV:
                self._refused[devpath] = f"{devpath}: cannot be read ({error.strerror})"
        self._close(devpath)
        return touched

    def _open(self, devpath: str) -> None:
        found = self._machine.read(devpath)
        if found is None or not is_touched_by_people(found):
            return
        try:
            node = self._machine.open(found.identity.device)
        except OSError as error:
            remedy = "add the user that hwbridge runs as to the group input, or run it as root"
            self._refused[devpath] = f"{found.identity.device}: may not be read ({error.strerror}): {remedy}"
            return
        self._refused.pop(devpath, None)
        codes = [(kind, code) for kind in (_EV_KEY, _EV_REL) for code in found.capabilities.get(kind, ())]
        try:
            node.mask(codes)
        except OSError as error:
            node.close()
            self._refused[devpath] = f"{found.identity.device}: cannot be read ({error.strerror})"
            return
        self._nodes[devpath] = node
        if self._quiet_until is None:
            self._epoll.register(node.fileno(), select.EPOLLIN)

    def _close(self, devpath: str) -> None:
        node = self._nodes.pop(devpath)
        if self._quiet_until is None:
            self._epoll.unregister(node.fileno())
        node.close()

    def _subscribe(self) -> None:
        try:
            self._uevents = self._machine.subscribe()
        except DeviceError as error:
            self._refused[""] = f"keyboards that come later are not seen: {error}"
            return
        self._epoll.register(self._uevents.fileno(), select.EPOLLIN)

    def _unsubscribe(self) -> None:
        if self._uevents is not None:
            self._epoll.unregister(self._uevents.fileno())
            self._uevents.close()
            self._uevents = None

    def _follow(self, uevents: Uevents) -> None:
        try:
            heard, dropped = uevents.read()
        except DeviceError as error:
            self._unsubscribe()
            self._refused[""] = f"keyboards that come later are not seen: {error}"
            return
        if heard or dropped:
            self.look()

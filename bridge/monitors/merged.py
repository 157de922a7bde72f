"""Several subscriptions to device events read as one: in the kernel's order, and what two of them heard only once.

That events were lost is remembered here until they are listed anew. Nothing here knows what an event means, or lists.
"""

import contextlib
import os
import select
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Protocol

import msgspec
import pyudev

AT_ONCE = 4096
"""Events handed on in one go: a storm leaves the rest for the next, and the daemon lives in between."""
WHOLE_QUEUE = 1 << 18
"""More events than the largest queue holds (128 MiB, no event takes less than half a KiB)."""
REMEMBERED = 1024


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What one subscription lets pass: `subsystems` and (libudev's AND) `tag`; None is everything."""

    subsystems: frozenset[str] | None = None
    tag: str | None = None

    def passes(self, properties: Mapping[str, str]) -> bool:
        """Whether events of the device with these udev properties pass.

        >>> Filter(subsystems=frozenset({"tty", "input"})).passes({"SUBSYSTEM": "tty"})
        True
        >>> Filter(tag="hwbridge").passes({"SUBSYSTEM": "tty", "TAGS": ":systemd:hwbridge:"})
        True
        """
        if self.tag is not None and self.tag not in properties.get("TAGS", "").split(":"):
            return False
        return self.subsystems is None or properties.get("SUBSYSTEM") in self.subsystems

    def __str__(self) -> str:
        """As people read it."""
        if self.tag is not None:
            return f"tag {self.tag}"
        return "every subsystem" if self.subsystems is None else f"subsystems {' '.join(sorted(self.subsystems))}"


class Subscription(Protocol):
    """What `UeventSocket` is, and a test's fake."""

    def fileno(self) -> int:
        """A descriptor that is readable when `read` has something to tell."""

    def read(self) -> tuple[list[pyudev.Device], bool]:
        """Events that wait, and whether some were lost; no event only when none is left."""

    def close(self) -> None:
        """Closes the descriptor."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """Events by SEQNUM; whether to list: some were lost, and none still waits that is older than a list made now."""

    devices: tuple[pyudev.Device, ...]
    is_repair_due: bool


class MergedSubscriptions:
    """One descriptor and one order for any number of subscriptions."""

    def __init__(self, subscribe: Callable[[Filter], Subscription]) -> None:
        """Listens to nothing yet; `subscribe` opens one subscription."""
        self.lost = 0
        """How often a queue was too short."""
        self.is_behind = False
        """Whether events were lost since the last `start_over`; as long as they were, the descriptor is readable."""
        self._subscribe = subscribe
        self._open: dict[Filter, Subscription] = {}
        self._numbers = _Numbers()
        self._epoll = select.epoll()
        self._again = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._epoll.register(self._again, select.EPOLLIN)

    @property
    def filters(self) -> Collection[Filter]:
        """What is listened to."""
        return self._open.keys()

    def fileno(self) -> int:
        """An epoll of all subscriptions."""
        return self._epoll.fileno()

    def listen(self, filters: Iterable[Filter]) -> Heard:
        """Listens to `filters` from now on and instead of what was listened to; returns what waited until here.

        If one cannot be opened, everything stays as it was. Who listens to nothing is not behind.
        """
        wanted = frozenset(filters)
        with contextlib.ExitStack() as opened:
            fresh: dict[Filter, Subscription] = {}
            for one in sorted(wanted - self._open.keys(), key=str):
                fresh[one] = self._subscribe(one)
                opened.callback(fresh[one].close)
            opened.pop_all()
        for one, subscription in fresh.items():
            self._open[one] = subscription
            self._epoll.register(subscription.fileno(), select.EPOLLIN)
        heard = self.drain(WHOLE_QUEUE)  # with both old and new open, so that nothing falls between
        for one in self._open.keys() - wanted:
            self._close(one)
        self.is_behind &= bool(self._open)
        return heard

    def drain(self, most: int = AT_ONCE) -> Heard:
        """What waits, until a pass over all subscriptions finds nothing or `most` events are there."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._again)
        devices: list[pyudev.Device] = []
        lost = emptied = False
        while not emptied and len(devices) < most:
            emptied = True
            for subscription in self._open.values():
                read, dropped = subscription.read()
                devices += [device for device in read if self._numbers.is_new(device.sequence_number)]
                lost |= dropped
                emptied &= not read
        if emptied:
            self._numbers.forget_some()
        self.lost += lost
        self.is_behind |= lost
        if self.is_behind:  # the last event may have been among these: then no socket will wake anybody
            os.eventfd_write(self._again, 1)
        devices.sort(key=lambda device: device.sequence_number)
        return Heard(devices=tuple(devices), is_repair_due=self.is_behind and emptied)

    def start_over(self) -> None:
        """Everything is listed from now on: behind is only who loses more."""
        self.is_behind = False

    def close(self) -> None:
        """Closes every descriptor."""
        for one in tuple(self._open):
            self._close(one)
        if not self._epoll.closed:
            self._epoll.close()
            os.close(self._again)

    def _close(self, one: Filter) -> None:
        subscription = self._open.pop(one)
        self._epoll.unregister(subscription.fileno())
        subscription.close()


class _Numbers:
    """The numbers of recent events: at least `REMEMBERED`, and those since all queues were last found empty.

    Not a watermark, because udevd's workers do not send in order. What one socket has, the other has within the same
    sending, but it may be read much later: behind all that waits there.
    """

    def __init__(self) -> None:
        self._recent: set[int] = set()
        self._former: set[int] = set()

    def is_new(self, number: int) -> bool:
        if number in self._recent or number in self._former:
            return False
        self._recent.add(number)
        if len(self._recent) >= WHOLE_QUEUE:
            self._turn()
        return True

    def forget_some(self) -> None:
        if len(self._recent) >= REMEMBERED:
            self._turn()

    def _turn(self) -> None:
        self._former, self._recent = self._recent, set()

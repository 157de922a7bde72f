"""One open input device: what it sends, what state it is in, and how that is repaired when the kernel lost events.

Nothing here finds devices or knows a rule; what is asked of the device is told. What its keys spell becomes lines in
`evdev_text`, and `evdev_grab` knows whether it is ours alone.
"""

import contextlib
import errno
import logging
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from operator import attrgetter
from typing import Protocol

from bridge.model.events import DeviceGone, Event, Field, Origin
from bridge.monitors.evdev_decode import SIZE, SYN_DROPPED, Code, decode, keys_in, pair, prepare, until_dropped
from bridge.monitors.evdev_grab import Grab
from bridge.monitors.evdev_node import CHUNK, EV_ABS, Axis, has_state
from bridge.monitors.evdev_text import SpelledLines
from bridge.monitors.input_asked import EV_KEY, Asked, SpelledPort
from bridge.sources.device_fields import readable
from bridge.sources.evdev import InputIdentity, event_of_value

_LOG = logging.getLogger(__name__)
_DROPPED = pair(SYN_DROPPED)
_READS_AT_ONCE = 16
"""So that a device that sends faster than we read cannot keep us for ever."""

Found = list[Event | DeviceGone]


class InputNode(Protocol):
    """An open node: `bridge.monitors.evdev_node.KernelNode`, or a pipe and a table."""

    def fileno(self) -> int:
        """A non-blocking descriptor that sends `struct input_event`s."""

    def mask(self, codes: Collection[Code], /) -> None:
        """Lets, if it can, only these codes pass. Raises OSError."""

    def state(self, event_type: int, numbers: Collection[int], /) -> dict[int, int]:
        """The present value of each of these codes of one type. Raises OSError."""

    def axis(self, number: int, /) -> Axis:
        """What the kernel says of one axis. Raises OSError."""

    def grab(self) -> None:
        """Takes the device for ourselves. Raises OSError."""

    def let_go(self) -> None:
        """Gives it back. Raises OSError."""

    def close(self) -> None:
        """Closes the descriptor."""


class EvdevDevice:
    """An input device from its opening until it goes.

    `read`, `read_rest` and `watch` may find that it went: then the last of what they return is a `DeviceGone`, and
    `gone` holds; all that is left to do is to close it. `failure` says what ended it, where that was no unplugging.
    """

    def __init__(self, *, identity: InputIdentity, node: InputNode, clock: Callable[[], int]) -> None:
        self.identity = identity
        self.gone = False
        self.failure: str | None = None
        self._lost = 0
        self._node = node
        self._clock = clock
        self._begun = b""  # of an event that a read has cut; evdev itself never does that
        self._asked = Asked()
        self._heard: frozenset[Code] = frozenset()
        self._grab = Grab(node)
        self._lines: SpelledLines | None = None
        self._prepared: dict[int, dict[str, Field]] = {}
        self._known: dict[int, int] = {}

    @property
    def lost(self) -> int:
        """How often events were lost: by the kernel, or because a line was too long."""
        return self._lost + (self._lines.lost if self._lines is not None else 0)

    @property
    def spells(self) -> SpelledPort | None:
        """The port whose lines the keys spell."""
        return self._asked.spells

    @property
    def refusal(self) -> str | None:
        """What is asked of the device and cannot be had, though it is open."""
        return f"device {describe(self.identity)}: {self._grab.refusal}" if self._grab.refusal is not None else None

    @property
    def summary(self) -> str:
        """The device for people, and what is special about it."""
        grabbed = {(True, False): ", grabbed", (False, True): ", to be grabbed"}
        grab = grabbed.get((self._grab.is_taken, self._grab.is_waited_for), "")
        spells = f", types for the port {self.spells.name}" if self.spells is not None else ""
        return f"{describe(self.identity)}{grab}{spells}"

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._node.fileno()

    def watch(self, identity: InputIdentity, asked: Asked) -> Found:
        """Does from now on what is asked of the device, and calls it `identity`.

        Returns what came until now, then the present value of each code that was not wanted before.
        """
        return self._until_gone(lambda found: self._rewatch(identity, asked, found))

    def read(self) -> Found:
        """What has come, in order; of an unplugged device, what the kernel still hands out (evdev_read: not much)."""
        return self._until_gone(self._receive)

    def read_rest(self) -> Found:
        """What has come from a device that was removed, and its end."""
        return self._until_gone(self._receive_rest)

    def resync(self) -> Found:
        """What has come, and the values that are others than was told."""
        return self._until_gone(self._resync)

    def snapshot(self) -> list[Event]:
        """Each wanted code with its last value, origin `start`.

        The kernel is not asked, because it would throw queued events away.
        """
        at = self._clock()
        return [
            self._event(code, self._known[pair(code)], at=at, origin=Origin.START)
            for code in sorted(self._asked.wanted)
            if has_state(code)
        ]

    def axes(self, numbers: Iterable[int]) -> dict[int, Axis]:
        """What the kernel says of these axes; of a device that is just going, of fewer."""
        axes: dict[int, Axis] = {}
        with contextlib.suppress(OSError):
            for number in numbers:
                axes[number] = self._node.axis(number)
        return axes

    def close(self) -> None:
        """Closes the node; a second call does nothing."""
        self._node.close()

    def _until_gone(self, step: Callable[[Found], None]) -> Found:
        found: Found = []
        try:
            step(found)
        except OSError as error:
            if error.errno != errno.ENODEV:
                self.failure = error.strerror or str(error)
            self.gone = True
            found.append(DeviceGone("evdev", self._clock(), self.identity.device))
        return found

    def _receive(self, found: Found) -> None:
        self._decode(self._take(), found)
        self._take_if_due(found)

    def _receive_rest(self, found: Found) -> None:
        for _ in range(_READS_AT_ONCE):
            self._decode(self._take(), found)
        raise _unplugged()

    def _resync(self, found: Found) -> None:
        self._receive(found)
        self._ask({event_type for event_type, _ in filter(has_state, self._heard)}, frozenset(), found)
        self._take_if_due(found)

    def _rewatch(self, identity: InputIdentity, asked: Asked, found: Found) -> None:
        if self._heard:
            self._receive(found)
        before = self._asked
        self.identity, self._asked = identity, asked
        self._grab.want(asked.grab)
        if asked.spells != before.spells:
            self._spell(asked.spells)
        self._prepared = prepare(identity.fields(), asked.wanted | {SYN_DROPPED})
        self._set_mask()
        new = asked.wanted - before.wanted
        types = {event_type for event_type, _ in filter(has_state, new)}
        if self._grab.is_waited_for or (asked.spells is not None and asked.spells != before.spells):
            types.add(EV_KEY)
        self._ask(types, new, found)
        self._take_if_due(found)

    def _spell(self, port: SpelledPort | None) -> None:
        self._lost = self.lost
        self._lines = SpelledLines(port, device=describe(self.identity)) if port is not None else None

    def _set_mask(self) -> None:
        """Lets pass what has to be heard; all keys, as long as they stand in the way of the grab."""
        heard = self._asked.heard | (self._asked.keys if self._grab.is_waited_for else frozenset())
        if heard != self._heard:
            self._node.mask(heard)
            self._heard = heard

    def _take_if_due(self, found: Found) -> None:
        """Takes the device for ourselves, when that is asked and no key is down."""
        if not self._grab.is_due:
            return
        refused = self._grab.refusal
        self._grab.take()
        if self._grab.is_taken:
            self._decode(self._take(), found)  # a key that went down meanwhile may have been told to others, too
            if self._grab.is_held_up:
                self._grab.give_back()
        elif self._grab.refusal != refused:
            _LOG.warning("%s", self.refusal)
        self._set_mask()

    def _take(self) -> bytes:
        """Whole events that are there, b"" where there is none. Raises OSError, ENODEV when the device has gone."""
        try:
            data = os.read(self._node.fileno(), CHUNK)
        except BlockingIOError:
            return b""
        if not data:
            raise _unplugged()
        if self._begun or len(data) % SIZE:
            data = self._begun + data
            whole = len(data) - len(data) % SIZE
            data, self._begun = data[:whole], data[whole:]
        return data

    def _decode(self, data: bytes, found: Found) -> None:
        events, latest = decode(data, self._prepared)
        if _DROPPED in latest:
            self._repair(data, found)
        else:
            found += self._with_keys(data, events)
            self._known.update(latest)

    def _with_keys(self, data: bytes, events: list[Event]) -> list[Event]:
        """The events, with the lines that the keys in `data` spell."""
        if self._lines is None and not self._asked.grab:
            return events
        keys = keys_in(data)
        for _, key, value in keys:
            self._grab.hear(key, value)
        lines = self._lines.hear(keys) if self._lines is not None else []
        return sorted([*events, *lines], key=attrgetter("at")) if lines else events

    def _repair(self, data: bytes, found: Found) -> None:
        """Tells what came before the SYN_DROPPED in `data`, and then what the present state says of all after it.

        The state is asked at once, and not after the next SYN_REPORT as event-codes.rst advises: of a masked device
        that may not come for hours. What is queued by now is older than that state; moments among it are lost.
        """
        kept = until_dropped(data)
        events, latest = decode(kept, self._prepared)
        if SYN_DROPPED not in self._asked.wanted:
            events.pop()
        found += self._with_keys(kept, events)
        self._known.update(latest)
        self._lost += 1
        and_lines = ""
        if self._lines is not None:
            self._lines.lose(self._clock())
            and_lines = "; a line that is being typed is dropped"
        told = "device %s: the kernel lost events (SYN_DROPPED); asking for its state%s"
        _LOG.warning(told, describe(self.identity), and_lines)
        for _ in range(_READS_AT_ONCE):
            if not self._take():
                break
        self._ask({event_type for event_type, _ in filter(has_state, self._heard)}, frozenset(), found)

    def _ask(self, types: Iterable[int], new: Collection[Code], found: Found) -> None:
        """Asks for what is heard of these types: tells the `new` codes, and wanted ones if they are not as known.

        Others can differ where the kernel lost their events, or threw them away because it was asked.
        """
        numbers: dict[int, list[int]] = defaultdict(list)
        for event_type, number in sorted(filter(has_state, self._heard)):
            numbers[event_type].append(number)
        for event_type in sorted(types):
            values = self._node.state(event_type, numbers[event_type])
            at = self._clock()
            if event_type == EV_KEY:
                self._find_keys(at, {number for number, value in values.items() if value})
            for number, value in values.items():
                code = (event_type, number)
                if code not in self._asked.wanted:
                    continue
                if code in new:
                    found.append(self._event(code, value, at=at, origin=Origin.START))
                elif not _is_same(event_type, self._known[pair(code)], value):
                    found.append(self._event(code, value, at=at, origin=Origin.RESYNC))
                self._known[pair(code)] = value

    def _find_keys(self, at: int, down: set[int]) -> None:
        self._grab.find(down)
        if self._lines is not None:
            self._lines.find(at, down)

    def _event(self, code: Code, value: int, *, at: int, origin: Origin) -> Event:
        return event_of_value(self._prepared[pair(code)], value, at=at, origin=origin)


def describe(identity: InputIdentity) -> str:
    r"""A device for people: its node and its name, without characters that would move a terminal's cursor.

    >>> print(describe(InputIdentity(device="/dev/input/event3", name="Jack\x1b[2J")))
    /dev/input/event3 "Jack\x1b[2J"
    """
    shown = (each if each.isprintable() else each.encode("unicode_escape").decode() for each in readable(identity.name))
    return f'{identity.device} "{"".join(shown)}"'


def _is_same(event_type: int, known: int, value: int) -> bool:
    # Of all but axes the kernel keeps one bit: a key that repeats (2) is down, a sound has any frequency.
    return known == value if event_type == EV_ABS else bool(known) == bool(value)


def _unplugged() -> OSError:
    return OSError(errno.ENODEV, os.strerror(errno.ENODEV))

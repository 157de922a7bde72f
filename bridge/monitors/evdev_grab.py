"""The taking of a device for ourselves (EVIOCGRAB): when, and what became of it. It reads nothing from the device.

It is taken when no key is down. Else whoever was told of a key's press would never hear of its release, and the key
would be down for them for ever. What the kernel takes back when we die is not our business.
"""

import errno
import os
from collections.abc import Iterable
from typing import Protocol


class GrabbedNode(Protocol):
    """As much of a node as it takes."""

    def grab(self) -> None:
        """Takes the device. Raises OSError, with EBUSY where somebody else has taken it."""

    def let_go(self) -> None:
        """Gives it back. Raises OSError."""


class Grab:
    """Whether one device is to be ours, and is. A device that is refused us is heard again when it is given back."""

    def __init__(self, node: GrabbedNode) -> None:
        self._node = node
        self._down: set[int] = set()
        self._is_wanted = False
        self.is_taken = False
        self.refusal: str | None = None
        """Why the device is not ours though no key is down."""

    @property
    def is_waited_for(self) -> bool:
        """Whether it is still to be taken, so that all keys have to be heard."""
        return self._is_wanted and not self.is_taken

    @property
    def is_due(self) -> bool:
        """Whether it can be taken now."""
        return self.is_waited_for and not self._down

    @property
    def is_held_up(self) -> bool:
        """Whether a key is down."""
        return bool(self._down)

    def want(self, is_wanted: bool) -> None:
        """It is to be ours from now on, or is not: then it is given back at once. Raises OSError."""
        self._is_wanted = is_wanted
        self.refusal = None if not is_wanted else self.refusal
        if not is_wanted and self.is_taken:
            self.give_back()

    def find(self, down: Iterable[int]) -> None:
        """The keys that are down, as a look at the device shows."""
        self._down = set(down)

    def hear(self, key: int, value: int) -> None:
        """A key went down or up, or repeats."""
        if value:
            self._down.add(key)
        else:
            self._down.discard(key)

    def take(self) -> None:
        """Takes the device, or says in `refusal` why not. Raises OSError when the device has gone."""
        try:
            self._node.grab()
        except OSError as error:
            if error.errno == errno.ENODEV:
                raise
            by_whom = "another program has it" if error.errno == errno.EBUSY else os.strerror(error.errno or 0)
            self.refusal = f"cannot be grabbed ({by_whom}): tried again when its keys are heard, and at reload"
        else:
            self.is_taken, self.refusal = True, None

    def give_back(self) -> None:
        """Gives the device back. Raises OSError."""
        self.is_taken = False
        self._node.let_go()

r"""Who types: keys of one device in, lines of text out. No device is read here, and nothing is written down or logged.

A line is what was typed up to the key that ends lines. A key types when it goes down, not when it repeats; one that no
layout knows types nothing. Where keys were lost, the line that they are missing from is not told.
"""

from collections.abc import Collection
from enum import Enum

from bridge.sources.device_fields import readable
from bridge.sources.layouts import (
    ALT,
    CAPS_LOCK,
    CTRL,
    ENTER,
    KEYPAD_DIGITS,
    KEYPAD_ENTER,
    META,
    MOST_DIGITS,
    SHIFT,
    Layout,
    control_character,
    numbered_character,
)

LONGEST_LINE = 4096
"""Characters of a line; it is what `max_frame` of a serial port is without being said."""
PAUSE = 1_000_000
"""Microseconds. After a loss, keys behind so long a pause are trusted: no scanner rests in the midst of a line."""
_SHOWN = str.maketrans({"\r": "\\x0d", "\n": "\\x0a"})
"""A line holds no line's end."""


class Cut(Enum):
    """Why what was typed is no line."""

    TOO_LONG = "too long"


class Typist:
    r"""What is typed on one device. Times are microseconds of the keys' clock.

    >>> from bridge.sources.layouts import LAYOUTS
    >>> typist = Typist(LAYOUTS["us"], end=28)
    >>> [typist.hear(at, key, 1) for at, key in enumerate((42, 3, 28))]  # shift, 2, Enter
    [None, None, '@']
    """

    def __init__(self, layout: Layout, *, end: int, longest: int = LONGEST_LINE) -> None:
        """`end` is the number of the key that ends a line; that of the keypad is Enter, too."""
        self._layout = layout
        self._ends = {end, KEYPAD_ENTER} if end == ENTER else {end}
        self._longest = longest
        self._held: set[int] = set()
        self._caps_lock = False
        self._numbered = ""
        self._line: list[str] = []
        self._is_cut = False
        self._lost_at: int | None = None

    @property
    def keys(self) -> frozenset[int]:
        """The numbers of the keys that it has to be told of."""
        return frozenset(self._layout) | SHIFT | CTRL | ALT | META | {CAPS_LOCK} | self._ends

    def is_typed_on(self, keys: Collection[int]) -> bool:
        """Whether a device with these keys can end a line."""
        return not self._ends.isdisjoint(keys)

    def hear(self, at: int, key: int, value: int) -> str | Cut | None:
        r"""A key went down (`value` 1), up (0), or repeats: the line that this ends, or why that is none.

        NUL and line ends within a line are written as `\x00`, `\x0d` and `\x0a`.
        """
        if value == 1 and key not in self._held:
            self._held.add(key)
            return self._press(at, key)
        if value == 0:
            self._held.discard(key)
            if key in ALT and self._held.isdisjoint(ALT):
                digits, self._numbered = self._numbered, ""
                return self._type(at, numbered_character(digits))
        return None

    def find(self, at: int, held: Collection[int]) -> bool:
        """The keys that are down, as a look at the device shows; tells whether that is no news.

        Otherwise keys were lost: what is being typed is dropped.
        """
        before, self._held = self._held, set(held).intersection(self.keys)
        if before == self._held:
            return True
        self.lose(at)
        return False

    def lose(self, at: int) -> None:
        """Keys were lost: drops what has been typed, and what is typed up to the line's end or a pause."""
        self._line.clear()
        self._numbered = ""
        self._is_cut = False
        self._lost_at = at

    def _press(self, at: int, key: int) -> str | Cut | None:
        if key == CAPS_LOCK:
            self._caps_lock = not self._caps_lock
            return None
        if key in self._ends:
            return self._end(at)
        if not self._held.isdisjoint(ALT):
            self._numbered = (self._numbered + KEYPAD_DIGITS.get(key, ""))[:MOST_DIGITS]
            return None
        return self._type(at, self._character(key))

    def _character(self, key: int) -> str | None:
        if key not in self._layout or not self._held.isdisjoint(META):
            return None
        shift = not self._held.isdisjoint(SHIFT)
        plain, shifted = self._layout[key]
        if not self._held.isdisjoint(CTRL):
            return control_character(shifted if shift else plain)
        turned = self._caps_lock and plain.isalpha()
        return shifted if shift is not turned else plain

    def _type(self, at: int, character: str | None) -> Cut | None:
        if character is None or self._is_distrusted(at) or self._is_cut:
            return None
        self._line.append(character)
        if len(self._line) <= self._longest:
            return None
        self._line.clear()
        self._is_cut = True
        return Cut.TOO_LONG

    def _end(self, at: int) -> str | None:
        is_line = not (self._is_distrusted(at) or self._is_cut)
        line = readable("".join(self._line)).translate(_SHOWN)
        self._line.clear()
        self._is_cut = False
        self._lost_at = None
        return line if is_line else None

    def _is_distrusted(self, at: int) -> bool:
        """Whether a key pressed now may belong to a line that keys are missing from."""
        if self._lost_at is None:
            return False
        is_near = at - self._lost_at < PAUSE
        self._lost_at = at if is_near else None
        return is_near

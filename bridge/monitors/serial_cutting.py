"""The frames of a serial port, cut from what comes in; an expression is given so much processor time for that, no more.

How frames are cut stands in `bridge.sources.frames`. Nothing here reads a port, or closes one.
"""

import logging
from collections.abc import Sequence

from bridge.errors import OutOfTimeError
from bridge.mapping.ports import DelimiterFrame, LengthFrame, LineFrame, RegexFrame, SerialPort
from bridge.monitors.limited import within
from bridge.monitors.monitor import Clock
from bridge.sources.frames import Cutter, DelimiterCutter, LengthCutter, LineCutter, PatternCutter

SECONDS = 0.1
"""Processor time that an expression has for what is read at once."""
TIMES, WITHIN = 3, 60_000_000
"""So often within so many microseconds may it take longer; then the port is given up."""
_CHUNK = 64 << 10
_CHUNK_TO_SEARCH = 64
"""Of bytes that are searched fewer are read at once, so that many short frames in a row are no reason for haste."""
_log = logging.getLogger("bridge.monitors.serial")


class Patience:
    """How often the expression of a declared port has taken too long, however often the port was opened meanwhile."""

    def __init__(self, clock: Clock) -> None:
        self.is_over = False
        self._clock = clock
        self._times: list[int] = []

    def strain(self) -> None:
        """It took too long once more."""
        now = self._clock()
        self._times = [*(at for at in self._times if now - at < WITHIN), now]
        self.is_over = self.is_over or len(self._times) >= TIMES

    @staticmethod
    def why_over(declared: SerialPort) -> str:
        """Why the port is given up, and what helps."""
        return (
            f"the regex {_regex(declared)} took more than {SECONDS:g} s {TIMES} times within a minute: "
            "closed until the next reload; let no part of it that is repeated repeat something itself"
        )


class Cutting:
    """Cuts what comes in between an opening of a port and its end. What takes too long is thrown away and counted."""

    def __init__(self, declared: SerialPort, patience: Patience) -> None:
        """Strains `patience` whenever it takes too long."""
        is_searched = isinstance(declared.frame, RegexFrame)
        self.chunk = _CHUNK_TO_SEARCH if is_searched else _CHUNK
        """How many bytes are to be read at once."""
        self._declared = declared
        self._patience = patience
        self._is_searched = is_searched
        self._cutter = _cutter_of(declared)
        self._dropped = 0
        self._is_dropping = False

    @property
    def dropped(self) -> int:
        """How often something was thrown away."""
        return self._dropped + self._cutter.dropped

    def cut(self, data: bytes) -> Sequence[bytes]:
        """The frames that are complete with this; none, and the log says why, where that takes too long."""
        dropped = self._cutter.dropped
        try:
            frames = within(SECONDS, lambda: self._cutter.cut(data)) if self._is_searched else self._cutter.cut(data)
        except OutOfTimeError:
            self._begin_anew()
            return []
        self._note_dropped(self._cutter.dropped > dropped, is_over=bool(frames))
        return frames

    def _begin_anew(self) -> None:
        told = "serial port %s: the regex %s takes more than %g s for what came: thrown away"
        _log.warning(told, self._declared.name, _regex(self._declared), SECONDS)
        self._dropped = self.dropped + 1
        self._cutter = _cutter_of(self._declared)
        self._patience.strain()

    def _note_dropped(self, is_dropped: bool, *, is_over: bool) -> None:
        if is_dropped and not self._is_dropping:
            told = "serial port %s: more than %d bytes came without the end of a frame: thrown away"
            _log.warning(told, self._declared.name, self._declared.max_frame)
        self._is_dropping = is_dropped or (self._is_dropping and not is_over)


def _cutter_of(declared: SerialPort) -> Cutter:
    match declared.frame:
        case LineFrame():
            return LineCutter(limit=declared.max_frame)
        case DelimiterFrame(delimiter):
            return DelimiterCutter(delimiter, limit=declared.max_frame)
        case LengthFrame(length):
            return LengthCutter(length)
        case found:
            return PatternCutter(found.pattern, limit=declared.max_frame)


def _regex(declared: SerialPort) -> str:
    return declared.frame.pattern.pattern.decode() if isinstance(declared.frame, RegexFrame) else ""

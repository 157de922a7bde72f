"""Sleep, as logind announces it, and a short hold on it, so that handlers hear of it before. It puts nothing to sleep.

The hold is a delay inhibitor (https://systemd.io/INHIBITOR_LOCKS): logind waits for its end, but
no longer than InhibitDelayMaxSec. That the machine has woken up is noticed by the clock, elsewhere.
"""

import logging
import os

from bridge.monitors.bus import Bus
from bridge.monitors.bus_words import Answered, Appeared, Call, Disconnected, Failed, Heard, Signals, Told, Vanished
from bridge.monitors.monitor import Clock
from bridge.monitors.session_logind import LOGIND, MANAGER, PATH

_log = logging.getLogger("bridge.monitors.session")
_PREPARE = Signals(LOGIND, MANAGER, "PrepareForSleep", PATH)
_INHIBIT = Call(
    LOGIND, PATH, MANAGER, "Inhibit", "ssss", ("sleep", "hwbridge", "Tasks are told of sleep before it", "delay")
)


class Sleep:
    """What a `Bus` tells of sleep; `hold` is for how many microseconds it is put off, 0 for not at all."""

    def __init__(self, bus: Bus, clock: Clock, hold: int, *, is_there: bool) -> None:
        """Asks for what it needs; `is_there` is whether logind is known to be."""
        self._bus = bus
        self._clock = clock
        self._hold = hold
        self._number: int | None = None
        self._inhibitor: int | None = None
        self._until: int | None = None
        self._complaint = ""
        self.refused: tuple[str, ...] = ()
        bus.want(_PREPARE)
        if is_there:
            self._take()

    def hear(self, told: Told) -> bool:
        """Takes one thing that the bus told; whether it is that the machine will sleep."""
        match told:
            case Heard(member=_PREPARE.member, values=(True,)):
                self._until = self._clock() + self._hold
                return True
            case Heard(member=_PREPARE.member, values=(False,)):
                self._take()
            case Appeared(service) if service == LOGIND:
                self._let_go()  # of a logind that another took the place of
                self._take()
            case Vanished(service) if service == LOGIND:
                self._let_go()
            case Disconnected():
                self._let_go()
            case Failed(number, why=why) if number == self._number:
                self._refuse(why)
            case Heard(member=_PREPARE.member, values=values):
                self._complain(f"logind says {_PREPARE.member} with {values!r}, not with true or false")
        return False

    def take(self, answer: Answered) -> bool:
        """Whether this is the hold that was asked for, and still is; it is ours then."""
        if answer.number != self._number:
            return False
        if len(answer.descriptors) != 1:
            self._refuse(f"it answered with {len(answer.descriptors)} descriptors, not with one")
            return False
        (self._inhibitor,) = answer.descriptors
        self._number, self.refused = None, ()
        return True

    def deadline(self) -> int | None:
        """When sleep is not put off any longer."""
        return self._until

    def read(self) -> None:
        """Lets go when it is time."""
        if self._until is not None and self._clock() >= self._until:
            self._let_go()

    def close(self) -> None:
        """Lets go."""
        self._let_go()
        self._bus.forget(_PREPARE)

    def _take(self) -> None:
        self._until = None
        if self._hold and self._inhibitor is None and self._number is None:
            self._number = self._bus.call(_INHIBIT)

    def _refuse(self, why: str) -> None:
        self._number = None
        self.refused = (f"Suspend may be told too late, as logind does not let sleep be put off: {why}",)

    def _complain(self, line: str) -> None:
        if line != self._complaint:
            _log.warning("%s", line)
        self._complaint = line

    def _let_go(self) -> None:
        self._until = self._number = None
        inhibitor, self._inhibitor = self._inhibitor, None
        if inhibitor is not None:
            os.close(inhibitor)

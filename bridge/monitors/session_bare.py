"""Sessions and presence on a machine without logind: utmp and input devices, each only if it is asked for.

Nothing here says what is told of them.
"""

import select
from collections.abc import Collection

from bridge.monitors.input_machine import Machine
from bridge.monitors.monitor import Clock
from bridge.monitors.session_input import InputActivity
from bridge.monitors.session_utmp import UTMP, UtmpSessions
from bridge.sources.sessions import Sessions


class BareSessions:
    """What there is to know without logind. Nothing is watched before `ask`."""

    def __init__(self, epoll: select.epoll, clock: Clock, machine: Machine, away_after: int) -> None:
        """Listens with `epoll`, which is the owner's."""
        self._epoll = epoll
        self._clock = clock
        self._machine = machine
        self._away_after = away_after
        self._utmp: UtmpSessions | None = None
        self._input: InputActivity | None = None

    def ask(self, *, sessions: bool, presence: bool) -> None:
        """Watches these from now on, and no more than these."""
        if sessions is not (self._utmp is not None):
            self._close_utmp()
            self._utmp = UtmpSessions(self._epoll) if sessions else None
        if presence is not (self._input is not None):
            self._close_input()
            self._input = self._opened_input() if presence else None

    @property
    def now(self) -> Sessions:
        """How it is, as far as is known and asked."""
        return Sessions(
            self._utmp.now if self._utmp is not None else None,
            self._input.is_present if self._input is not None else None,
        )

    @property
    def lost(self) -> int:
        """How often the kernel lost count of what was written."""
        return self._utmp.lost if self._utmp is not None else 0

    @property
    def devices(self) -> tuple[str, ...]:
        """What is watched."""
        touched = (_counted(self._input.devices),) if self._input is not None else ()
        return (*((str(UTMP),) if self._utmp is not None and self._utmp.is_there else ()), *touched)

    @property
    def refused(self) -> tuple[str, ...]:
        """What cannot be known, and why."""
        of_utmp = self._utmp.refused if self._utmp is not None else ()
        return (*of_utmp, *(self._input.refused if self._input is not None else ()))

    def deadline(self) -> int | None:
        """When `read` finds it to be otherwise."""
        return self._input.deadline() if self._input is not None else None

    def read(self, ready: Collection[int]) -> bool:
        """Takes what the `ready` descriptors have; whether something was lost, and found by looking."""
        if self._input is not None:
            self._input.read(ready)
        return self._utmp.read() if self._utmp is not None else False

    def look(self) -> None:
        """Looks at everything."""
        if self._input is not None:
            self._input.look()
        if self._utmp is not None:
            self._utmp.look()

    def close(self) -> None:
        """Ends it."""
        self._close_utmp()
        self._close_input()

    def _opened_input(self) -> InputActivity:
        return InputActivity(self._epoll, self._clock, self._machine, self._away_after)

    def _close_utmp(self) -> None:
        if self._utmp is not None:
            self._utmp.close()

    def _close_input(self) -> None:
        if self._input is not None:
            self._input.close()


def _counted(devices: int) -> str:
    match devices:
        case 0:
            return "no keyboard or pointer"
        case 1:
            return "1 keyboard or pointer"
        case _:
            return f"{devices} keyboards and pointers"

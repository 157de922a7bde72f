"""The pressure on processor, memory and disk: triggers of the kernel's that wake us while there is some, and only then.

What wakes is no more than a hint (an epoll within an epoll takes it away): how it is, is read anew each time. Nothing
here decides what is too much.
"""

import os
import select
from collections.abc import Mapping

from bridge.monitors.power_machine import PRESSURE, Machine


class PressureWatch:
    """One trigger for each resource, as far as this kernel lets us have them."""

    def __init__(self, machine: Machine, thresholds: Mapping[str, int], epoll: select.epoll) -> None:
        """Has `epoll` woken when some process waits for a resource in so many percent of the time."""
        self._machine = machine
        self._thresholds = thresholds
        self._open: dict[str, int] = {}
        self._refused: dict[str, str] = {}
        for resource, percent in thresholds.items():
            try:
                self._open[resource] = machine.watch_pressure(resource, percent)
            except OSError as error:
                self._refused[resource] = error.strerror or str(error)
            else:
                epoll.register(self._open[resource], select.EPOLLPRI)
        self.has_all = not self._refused or not self.averages()
        """Whether we are woken for each resource that there is: of others only a look now and then tells."""

    @property
    def refused(self) -> tuple[str, ...]:
        """What wakes nobody, and why."""
        reasons = dict.fromkeys(self._refused.values())
        return tuple(f"{self._files(reason)}: {reason}; it wakes nobody" for reason in reasons)

    def averages(self) -> Mapping[str, float]:
        """The percentage of the last ten seconds in which some process waited for each resource."""
        return self._machine.pressure(self._thresholds.keys())

    def close(self) -> None:
        """Closes the triggers, which also takes them out of the epoll."""
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()

    def _files(self, reason: str) -> str:
        return f"{PRESSURE}/" + ",".join(sorted(each for each, why in self._refused.items() if why == reason))

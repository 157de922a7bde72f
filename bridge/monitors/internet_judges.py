"""Who says whether there is internet, besides the kernel: NetworkManager where it is, and a probe where one is wanted.

What their words are worth is decided in `sources/internet`. None of them is waited for: until the first has spoken,
nothing is known.
"""

import logging
import select

from bridge.monitors.bus import why_no_bus
from bridge.monitors.monitor import Clock
from bridge.monitors.network_manager import NetworkManager
from bridge.monitors.network_part import Heard
from bridge.monitors.network_settings import NetworkSettings
from bridge.monitors.probe import Probe
from bridge.sources.internet import Word, internet_of
from bridge.sources.network_state import Internet, Tables

PATIENCE = 2_000_000
"""Microseconds that NetworkManager has for its first word; after that it counts as having none."""
_log = logging.getLogger("bridge.monitors.network")


class InternetJudges:
    """A part of the network that is known by asking."""

    def __init__(self, settings: NetworkSettings, clock: Clock) -> None:
        """Asks NetworkManager; a probe is sent when there is a way."""
        self._clock = clock
        self._metered = settings.metered
        self._patient_until: int | None = None
        self._probe = None if settings.probe is None else Probe(settings.probe, settings.probe_interval, clock)
        self._epoll = select.epoll()
        if self._probe is not None:
            self._epoll.register(self._probe.fileno(), select.EPOLLIN)
        self._manager = self._reached_manager()
        if self._manager is None:
            _log.debug("NetworkManager is not asked: %s", why_no_bus())
        else:
            self._patient_until = clock() + PATIENCE

    def fileno(self) -> int:
        """Readable when `hear` is to be called."""
        return self._epoll.fileno()

    def hear(self) -> Heard:
        """Whether somebody says something else now, or NetworkManager has kept silent for too long."""
        matters = False
        if self._manager is not None:
            matters = self._manager.read()
        if self._patient_until is not None and (matters or self._clock() >= self._patient_until):
            self._patient_until, matters = None, True
        return Heard(matters=(self._probe is not None and self._probe.read()) or matters)

    def deadline(self) -> int | None:
        """When patience is over, or a probe is to be sent or given up."""
        probe = None if self._probe is None else self._probe.deadline()
        return min((at for at in (self._patient_until, probe) if at is not None), default=None)

    def judge(self, tables: Tables) -> Internet | None:
        """Whether there is internet, by what everybody says; None while somebody has not spoken yet.

        A bus that was not there is looked for again; who is on it counts as soon as they have spoken.
        """
        self._manager = self._manager or self._reached_manager()
        ways = tables.best_ways()
        used = {way.index for way in ways}
        if self._probe is not None:
            self._probe.consider((ways, tuple(a for a in tables.addresses if a.index in used)) if ways else None)
        if self._patient_until is not None or (self._probe is not None and self._probe.is_awaited()):
            return None
        return internet_of(
            tables,
            word=Word() if self._manager is None else self._manager.word,
            answer=None if self._probe is None else self._probe.answer,
            metered=self._metered,
        )

    def ask_again(self) -> None:
        """Asks everybody once more."""
        if self._manager is not None:
            self._manager.look()
        if self._probe is not None:
            self._probe.again()

    def names(self) -> tuple[str, ...]:
        """Who judges now, for people."""
        manager = () if self._manager is None or self._manager.word == Word() else ("NetworkManager",)
        return (*manager, *(() if self._probe is None else (f"probe {self._probe.shown}",)))

    def refused(self) -> tuple[str, ...]:
        """Why a probe that is wanted cannot be."""
        return () if self._probe is None or self._probe.refused is None else (self._probe.refused,)

    def close(self) -> None:
        """Asks nobody any more; no thread stays."""
        for each in (self._manager, self._probe):
            if each is not None:
                each.close()
        self._epoll.close()

    def _reached_manager(self) -> NetworkManager | None:
        if why_no_bus() is not None:
            return None
        manager = NetworkManager()
        self._epoll.register(manager.fileno(), select.EPOLLIN)
        return manager

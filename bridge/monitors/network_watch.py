"""All that knows of the network, behind one descriptor: rtnetlink, the resolver's files, and who judges the internet.

Whoever says that something happened only has us look, a moment later, at everything that was asked for. So a burst of
`ip` commands is one look, and nothing is told but what is the case then. Nothing here knows a level or an event.
"""

import logging
import select
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from bridge.errors import DeviceError
from bridge.monitors.internet_judges import InternetJudges
from bridge.monitors.link_speeds import LinkSpeeds
from bridge.monitors.monitor import Clock
from bridge.monitors.network_part import NetworkPart
from bridge.monitors.network_settings import NetworkSettings
from bridge.monitors.resolver import ResolverFiles
from bridge.monitors.rtnetlink import Rtnetlink
from bridge.sources.network_state import NetworkState

WINDOW = 50_000
"""Microseconds from the first sign of a change to the look: what does not last as long may not be told."""
_log = logging.getLogger("bridge.monitors.network")
P = TypeVar("P", bound=NetworkPart)


@dataclass(frozen=True, slots=True)
class Look:
    """How everything is, and whether it was looked at because news were lost or nobody heard them."""

    state: NetworkState
    is_repair: bool = False


class NetworkWatch:
    """Looks at the network when there is reason to. It has nothing open before something is asked for."""

    def __init__(
        self, *, clock: Clock, settings: NetworkSettings, open_rtnetlink: Callable[[], Rtnetlink] = Rtnetlink
    ) -> None:
        """Watches nothing yet."""
        self.lost = 0
        """How often news were lost."""
        self._clock = clock
        self._settings = settings
        self._open_rtnetlink = open_rtnetlink
        self._epoll = select.epoll()
        self._rtnetlink: Rtnetlink | None = None
        self._resolver: ResolverFiles | None = None
        self._judges: InternetJudges | None = None
        self._no_resolver = ""
        self._speeds = LinkSpeeds()
        self._look_at: int | None = None
        self._is_lost = False
        self._is_repair = False
        self._is_behind = False
        """Whether news still wait that are older than a look would be."""

    def fileno(self) -> int:
        """Readable when `read` is to be called."""
        return self._epoll.fileno()

    def deadline(self) -> int | None:
        """When `read` is to be called, if it is not before."""
        deadlines = (self._look_at, *(part.deadline() for part in self._parts()))
        return min((at for at in deadlines if at is not None), default=None)

    def ask(self, kinds: Collection[str]) -> None:
        """Watches what these kinds of levels take from now on, and nothing else.

        Raises `DeviceError` where that is not possible; what was watched before still is. A resolver that cannot be
        watched is reported where something else is.
        """
        asks_tables = bool(frozenset(kinds) - {"resolver"})
        rtnetlink = self._rtnetlink or (self._opened(self._open_rtnetlink) if asks_tables else None)
        self._no_resolver = ""
        try:
            resolver = self._resolver or (self._opened(ResolverFiles) if "resolver" in kinds else None)
        except DeviceError as error:
            if not asks_tables:
                raise
            resolver, self._no_resolver = None, f"the resolver is not told: {error.strerror}"
        judges = self._judges or (self._opened(self._open_judges) if "internet" in kinds else None)
        self._rtnetlink = self._kept(rtnetlink, asks_tables)
        self._resolver = self._kept(resolver, "resolver" in kinds)
        self._judges = self._kept(judges, "internet" in kinds)

    def read(self) -> Look | None:
        """A look, if it is time for one. It hears what has come, without waiting."""
        self._hear()
        is_time = self._look_at is not None and self._clock() >= self._look_at
        return self._look() if is_time and not self._is_behind else None

    def look(self) -> Look | None:
        """A look at once; None where the kernel's tables do not hold still, and it is tried again soon."""
        self._hear()
        return self._look()

    def repair(self) -> Look | None:
        """A look at once that is a repair; so is the next one, where this is None.

        Those are asked once more who are not sure to tell of all that changes: what they say is heard later.
        """
        if self._judges is not None:
            self._judges.ask_again()
        self._is_repair = True
        return self.look()

    def judges(self) -> tuple[str, ...]:
        """Who says whether there is internet, besides the routes, for people."""
        return () if self._judges is None else self._judges.names()

    def refused(self) -> tuple[str, ...]:
        """What cannot be watched, and why."""
        own = [self._no_resolver] if self._no_resolver else []
        return (*own, *(line for part in self._parts() for line in part.refused()))

    def close(self) -> None:
        """Ends it; no descriptor and no thread stays."""
        for part in self._parts():
            part.close()
        self._epoll.close()

    def _parts(self) -> Iterator[NetworkPart]:
        parts: tuple[NetworkPart | None, ...] = (self._rtnetlink, self._resolver, self._judges)
        return (part for part in parts if part is not None)

    def _hear(self) -> None:
        at = self._clock()
        ready = {descriptor for descriptor, _ in self._epoll.poll(0)}
        heard = [part.hear() for part in self._parts() if part.fileno() in ready or _is_due(part, at)]
        self._is_behind = not all(each.emptied for each in heard)
        if any(each.lost for each in heard) and not self._is_lost:
            self._is_lost = True
            self.lost += 1
            _log.warning("news of the network were lost, the kernel's queue was full: everything is looked at again")
        if any(each.matters for each in heard) and self._look_at is None:
            self._look_at = at + WINDOW

    def _look(self) -> Look | None:
        self._look_at = None
        tables = None if self._rtnetlink is None else self._rtnetlink.tables()
        if self._rtnetlink is not None and tables is None:
            self._look_at = self._clock() + WINDOW
            return None
        is_repair = self._is_lost or self._is_repair
        self._is_lost = self._is_repair = False
        if tables is not None:
            tables = replace(tables, links=self._speeds.given(tables.links))
        state = NetworkState(
            tables=tables,
            resolver=None if self._resolver is None else self._resolver.resolver(),
            internet=None if tables is None or self._judges is None else self._judges.judge(tables),
        )
        return Look(state, is_repair)

    def _open_judges(self) -> InternetJudges:
        return InternetJudges(self._settings, self._clock)

    def _opened(self, open_part: Callable[[], P]) -> P:
        part = open_part()
        self._epoll.register(part.fileno(), select.EPOLLIN)
        return part

    def _kept(self, part: P | None, is_asked: bool) -> P | None:
        if part is None or is_asked:
            return part
        self._closed(part)
        return None

    def _closed(self, part: NetworkPart) -> None:
        self._epoll.unregister(part.fileno())
        part.close()


def _is_due(part: NetworkPart, at: int) -> bool:
    deadline = part.deadline()
    return deadline is not None and at >= deadline

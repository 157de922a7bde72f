"""The live source `network`: links, addresses, default routes, the resolver and the internet, each as a level.

What is looked at, and when, is in `network_watch`; what that makes of levels, in `sources/network_state`. Nothing here
polls: while nothing changes nobody is woken, but by a probe where one is wanted.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from bridge.mapping.interest import Interest
from bridge.model.events import Event, Fields, Origin
from bridge.monitors.monitor import Clock, LiveSource, MonitorReport, Settings
from bridge.monitors.network_settings import NetworkSettings, read_settings
from bridge.monitors.network_watch import Look, NetworkWatch
from bridge.monitors.rtnetlink import Rtnetlink
from bridge.sources.network import KINDS, NETWORK
from bridge.sources.network_changes import Change, Told
from bridge.sources.network_state import Levels, levels_of
from bridge.sources.source import Source


class Telling(Protocol):
    """What of the levels is told, and in which words."""

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of levels that have to be looked at."""

    def changes(self, changes: Sequence[Change]) -> Iterator[tuple[Fields, Origin]]:
        """What is told of changes."""

    def present(self, levels: Levels) -> Iterator[Fields]:
        """What is told of the levels as they are."""


class LevelsThemselves:
    """Tells those levels that are asked for."""

    def __init__(self, interest: Interest) -> None:
        """For what asks."""
        self._interest = interest
        self.kinds = frozenset(kind for kind in KINDS if interest.may_ask("kind", kind))

    def changes(self, changes: Sequence[Change]) -> Iterator[tuple[Fields, Origin]]:
        """Each change is an event."""
        return ((change.fields, change.origin) for change in changes if self._asks(change.fields))

    def present(self, levels: Levels) -> Iterator[Fields]:
        """Each level."""
        return filter(self._asks, levels.values())

    def _asks(self, fields: Fields) -> bool:
        return self._interest.possible(fields, ("interface", "kind"))


class NetworkMonitor:
    """A `Monitor`: looks at the network when something has changed there, and tells what is otherwise."""

    def __init__(
        self,
        *,
        clock: Clock,
        settings: NetworkSettings,
        telling: Callable[[Interest], Telling] = LevelsThemselves,
        source: Source = NETWORK,
        open_rtnetlink: Callable[[], Rtnetlink] = Rtnetlink,
    ) -> None:
        """Watches nothing yet."""
        self._clock = clock
        self._source = source
        self._telling_of = telling
        self._telling = telling(Interest(source.name, ()))
        self._watch = NetworkWatch(clock=clock, settings=settings, open_rtnetlink=open_rtnetlink)
        self._told = Told()

    def fileno(self) -> int:
        """Readable when `read` is to be called, which may find that nothing changed."""
        return self._watch.fileno()

    def deadline(self) -> int | None:
        """When `read` has looked, or a probe is due; None while all is quiet."""
        return self._watch.deadline()

    def watch(self, interest: Interest) -> Sequence[Event]:
        """Watches what `interest` asks for; tells what has come for the former one, and what is newly watched.

        What is not known yet, because somebody has to be asked for it, is told when it is.
        """
        telling, former = self._telling_of(interest), self._telling
        self._watch.ask(former.kinds | telling.kinds)
        known = {self._source.subject(fields) for fields in former.present(self._told.levels)}
        changes = self._changes(self._watch.look())
        told = list(former.changes([each for each in changes if each.origin is not Origin.START]))
        known |= {self._source.subject(fields) for fields, _ in told}
        self._watch.ask(telling.kinds)
        self._told.keep(telling.kinds)
        self._telling = telling
        present = telling.present(self._told.levels)
        told += [(fields, Origin.START) for fields in present if self._source.subject(fields) not in known]
        return self._events(told)

    def read(self) -> Sequence[Event]:
        """What is otherwise than was told, once something happened and had a moment to settle."""
        return self._events(self._telling.changes(self._changes(self._watch.read())))

    def snapshot(self) -> Sequence[Event]:
        """All levels that are known, as they were told."""
        return self._events((fields, Origin.START) for fields in self._telling.present(self._told.levels))

    def resync(self) -> Sequence[Event]:
        """What a look at everything shows to be otherwise; who has to be asked tells it later."""
        return self._events(self._telling.changes(self._changes(self._watch.repair())))

    def report(self) -> MonitorReport:
        """The interfaces, who judges the internet, what may not be watched, and how often news were lost."""
        interfaces = dict.fromkeys(interface for interface, _ in self._told.levels if interface)
        return MonitorReport(
            devices=(*sorted(interfaces), *(f"internet by {each}" for each in self._watch.judges())),
            refused=self._watch.refused(),
            lost=self._watch.lost,
        )

    def close(self) -> None:
        """Ends it; no descriptor and no thread stays."""
        self._watch.close()

    def _changes(self, look: Look | None) -> list[Change]:
        if look is None:
            return []
        origin = Origin.RESYNC if look.is_repair else Origin.LIVE
        return self._told.turn(levels_of(look.state), look.state.kinds(), origin)

    def _events(self, told: Iterable[tuple[Fields, Origin]]) -> list[Event]:
        at = self._clock()
        return [Event(self._source.name, at, fields, origin) for fields, origin in told]


def open_monitor(*, clock: Clock, settings: Settings) -> NetworkMonitor:
    """The monitor that `[network]` of hwbridge.toml asks for."""
    return NetworkMonitor(clock=clock, settings=NetworkSettings.of(settings))


LIVE = LiveSource(source=NETWORK, open=open_monitor, settings=read_settings)

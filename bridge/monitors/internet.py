"""What the network tells of the machine as a whole: the part `network` of the live source `system`.

It is the monitor of the source `network` in other words: that something changed, and whether there is internet, and
for free. Nothing here looks at the network.
"""

from collections.abc import Iterable, Iterator, Sequence

from bridge.mapping.interest import Interest
from bridge.mapping.system_levels import OPPOSITES, opposite_of
from bridge.model.events import Fields, Origin
from bridge.monitors.monitor import Clock, LiveSource, Settings
from bridge.monitors.network import NetworkMonitor
from bridge.monitors.network_settings import NetworkSettings, read_settings
from bridge.sources.network import KINDS
from bridge.sources.network_changes import Change
from bridge.sources.network_state import Levels
from bridge.sources.system import SYSTEM

STATE_CHANGE, AVAILABLE, FREE = "NetworkStateChange", "InternetAvailable", "FreeNetworkAvailable"
NAMES = frozenset({STATE_CHANGE, AVAILABLE, OPPOSITES[AVAILABLE], FREE})
"""What this part of the source tells."""


class MachinesNetwork:
    """Tells those names that are asked for; of a level and its opposite, the level first."""

    def __init__(self, interest: Interest) -> None:
        """For what asks."""
        self._names = frozenset(name for name in NAMES if interest.may_ask("name", name))
        self.kinds = frozenset(KINDS if STATE_CHANGE in self._names else ("internet",) if self._names else ())

    def changes(self, changes: Sequence[Change]) -> Iterator[tuple[Fields, Origin]]:
        """First what is lost, then that something changed, last what is won.

        So a task that such a change triggers runs once where it waits for what comes, and not where it has just gone.
        """
        levels = [level for change in changes for level in self._changed(change)]
        yield from ((fields, origin) for fields, origin in levels if _is_lost(fields))
        if STATE_CHANGE in self._names:
            for change in _furthest(changes):
                about = {name: change.fields[name] for name in ("interface", "kind") if name in change.fields}
                yield {"name": STATE_CHANGE, **about}, change.origin
        yield from ((fields, origin) for fields, origin in levels if not _is_lost(fields))

    def _changed(self, change: Change) -> Iterator[tuple[Fields, Origin]]:
        if change.fields["kind"] != "internet":
            return
        before = [] if change.before is None else list(self._levels_of(change.before))
        for level in self._levels_of(change.fields):
            if level not in before:
                yield level, change.origin

    def present(self, levels: Levels) -> Iterator[Fields]:
        """Whether there is internet, and for free."""
        return (
            level for fields in levels.values() if fields["kind"] == "internet" for level in self._levels_of(fields)
        )

    def _levels_of(self, internet: Fields) -> Iterator[Fields]:
        is_there = internet["value"] == 1
        for name, value in ((AVAILABLE, is_there), (FREE, is_there and not internet.get("metered"))):
            level: Fields = {"name": name, "value": int(value)}
            yield from (
                each for each in (level, opposite_of(level)) if each is not None and each["name"] in self._names
            )


def _is_lost(level: Fields) -> bool:
    """Whether a level, or the one that it is the opposite of, is not there."""
    return level["value"] == (level["name"] == OPPOSITES[AVAILABLE])


def _furthest(changes: Sequence[Change]) -> Iterable[Change]:
    """Of each interface that changed the change that most depends on the others, so that each is told of once.

    Of the machine's own levels one only where no interface changed: else they are what followed from that.
    """
    happened = [change for change in changes if change.origin is not Origin.START and _is_of_use(change)]
    by_interface = {change.fields.get("interface"): change for change in happened}  # they come in order of need
    of_machine = by_interface.pop(None, None)
    return by_interface.values() or (() if of_machine is None else (of_machine,))


def _is_of_use(change: Change) -> bool:
    """Whether anything changed of what can be used: an interface that is down may come and go unnoticed."""
    return "interface" not in change.fields or change.turns() or change.fields["value"] == 1


def open_monitor(*, clock: Clock, settings: Settings) -> NetworkMonitor:
    """The monitor that `[network]` of hwbridge.toml asks for."""
    checked = NetworkSettings.of(settings)
    return NetworkMonitor(clock=clock, settings=checked, telling=MachinesNetwork, source=SYSTEM)


LIVE = LiveSource(source=SYSTEM, open=open_monitor, settings=read_settings, tells=NAMES)

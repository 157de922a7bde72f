"""The monitors that are installed, ours and those of plugins. None is opened here, nor loaded before it is asked for.

To look for them takes 10 ms and more, so a plugin that is installed meanwhile is seen by the next daemon.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from bridge.errors import DeviceError, InvalidValueError
from bridge.mapping.interest import Interest
from bridge.monitors.monitor import Clock, LiveSource, Monitor, Settings
from bridge.service.opened import open_monitor
from bridge.sources import SOURCES
from bridge.sources.source import Source

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "bridge.monitors"
"""The group of entry points: each is called as its source, or as `SOURCE.PART`, and names a `LiveSource`."""
OURS = "bridge"
"""The package whose monitors are our own."""


@cache
def installed_monitors() -> "Mapping[str, EntryPoint]":
    """The entry points of monitors by name, ours before those of others: of several that have one name the first."""
    first = {name: found[0] for name, found in _all_installed().items()}
    return dict(sorted(first.items(), key=lambda each: not _is_ours(each[1])))


def shadowed(monitor: str) -> Sequence[str]:
    """What has the name of a monitor too, and is not used since it is found later: of each what it names."""
    return [_called(each) for each in _all_installed()[monitor][1:]]


@cache
def _all_installed() -> "Mapping[str, Sequence[EntryPoint]]":
    from importlib.metadata import entry_points  # 34 ms, which `replay` and `check` mostly do without

    found: dict[str, list[EntryPoint]] = {}
    for entry_point in entry_points(group=GROUP):
        found.setdefault(entry_point.name, []).append(entry_point)
    return found


def source_of(monitor: str) -> str:
    """The source that a monitor of this name tells of.

    >>> source_of("system.power"), source_of("udev")
    ('system', 'udev')
    """
    return monitor.partition(".")[0]


def table_of(monitor: str) -> str:
    """The table of hwbridge.toml that a monitor of this name reads.

    >>> table_of("system.power"), table_of("udev")
    ('power', 'udev')
    """
    return monitor.rpartition(".")[2]


def watched_sources() -> frozenset[str]:
    """The sources that there are monitors of."""
    return frozenset(map(source_of, installed_monitors()))


def may_be_asked(monitor: str, interest: Interest) -> bool:
    """Whether it is worth loading a monitor to ask whether it is asked."""
    if interest.asks():
        return True
    try:
        source = SOURCES.get(source_of(monitor))
    except InvalidValueError:  # of a plugin that cannot be loaded; no rule can name it either
        return False
    return source is not None and source.names_triggers


def monitors_of(source: str) -> Iterator[str]:
    """The names of the monitors that tell of a source."""
    return (name for name in installed_monitors() if source_of(name) == source)


@cache
def live_source(monitor: str) -> LiveSource:
    """What the entry point of this name names. Raises `DeviceError` where that is no monitor."""
    entry_point = installed_monitors()[monitor]
    try:
        loaded = entry_point.load()
    except (Exception, SystemExit) as error:  # a plugin's code: whatever it does wrong, the others go on
        raise DeviceError(f"{_called(entry_point)} cannot be loaded: {type(error).__name__}: {error}") from error
    if not isinstance(loaded, LiveSource):
        raise DeviceError(f"{_called(entry_point)} is no LiveSource, but {type(loaded).__name__}")
    if loaded.source.name != source_of(monitor):
        raise DeviceError(f"{_called(entry_point)} tells of {loaded.source.name}, but its entry point is {monitor}")
    return loaded


def told_by(monitor: str) -> frozenset[str]:
    """The values of `name` that a monitor of a part tells; none where that cannot be known."""
    try:
        return live_source(monitor).tells or frozenset()
    except DeviceError:
        return frozenset()


def open_installed(monitor: str, *, clock: Clock, settings: Settings) -> Monitor:
    """Opens the monitor of this name, which watches nothing yet. Whatever is wrong with it is a `DeviceError`."""
    return open_monitor(
        live_source(monitor), clock=clock, settings=settings, is_foreign=not _is_ours(installed_monitors()[monitor])
    )


def _is_ours(entry_point: "EntryPoint") -> bool:
    return entry_point.module.partition(".")[0] == OURS  # who installed it stands in a file to read


def _called(entry_point: "EntryPoint") -> str:
    """An entry point in a message: what it names, and which package says so."""
    distribution = entry_point.dist
    return f"{entry_point.value}{f' of {distribution.name}' if distribution is not None else ''}"


def use_plugins() -> None:
    """Lets rules and recordings have the sources of plugins, too."""
    SOURCES.find_with(_source_of_plugin, _NamesOfPlugins())


class _NamesOfPlugins:
    """The sources that monitors tell of, looked for when somebody goes through them."""

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(watched_sources()))


def _source_of_plugin(name: str) -> Source | None:
    """The source that its monitors name. Raises `InvalidValueError` where none of them can be loaded."""
    errors = []
    for monitor in monitors_of(name):
        try:
            return live_source(monitor).source
        except DeviceError as error:
            errors.append(f"{monitor}: {error}")
    if errors:
        raise InvalidValueError(f"source {name} cannot be used: {'; '.join(errors)}")
    return None

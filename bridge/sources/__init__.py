"""The sources: for each, its fields, what an event is about, the way from raw data to an event. No device is opened.

Monitors and recordings share these; a new source is one file here and one in `bridge/monitors`. Which sources have a
monitor is not known here: the entry points in the group `bridge.monitors` say it, and those of plugins bring sources
of their own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from bridge.sources.device import DEVICE
from bridge.sources.evdev import EVDEV
from bridge.sources.network import NETWORK
from bridge.sources.serial import SERIAL
from bridge.sources.source import Source
from bridge.sources.system import SYSTEM
from bridge.sources.udev import UDEV


class Sources(Mapping[str, Source]):
    """Sources by their names: ours, and of plugins those that somebody has asked for by name.

    >>> sources = Sources([UDEV])
    >>> sources.find_with({"evdev": EVDEV}.get, ["evdev"])
    >>> [*sources], sources["evdev"].name, [*sources]
    (['udev'], 'evdev', ['udev', 'evdev'])
    """

    def __init__(self, own: Iterable[Source]) -> None:
        self._known = {source.name: source for source in own}
        self._find: Callable[[str], Source | None] = lambda name: None
        self._names: Iterable[str] = ()

    def find_with(self, find: Callable[[str], Source | None], names: Iterable[str]) -> None:
        """Asks `find` for sources that are not known here; a program that has plugins says so at its start.

        `names` are those that it finds. It may raise `InvalidValueError` for one of them that is broken.
        """
        self._find = find
        self._names = names

    def names(self) -> list[str]:
        """The names of all sources, those too that nobody has asked for yet."""
        return list(dict.fromkeys((*self._known, *self._names)))

    def __getitem__(self, name: str) -> Source:
        if name not in self._known:
            found = self._find(name)
            if found is None:
                raise KeyError(name)
            self._known[name] = found
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


SOURCES = Sources((UDEV, EVDEV, SERIAL, NETWORK, DEVICE, SYSTEM))

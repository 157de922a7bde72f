"""What a scene is: one monitor, opened on something real, and the hands that make things happen to it.

A scene says what there is (`truth`) and makes it otherwise; it never says what a monitor has to do about it. That is
said once for all of them, by the contract.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from bridge.model.events import DeviceGone, Event, Fields
from bridge.monitors.monitor import Clock, LiveSource, Monitor
from bridge.service.installed import live_source
from bridge.sources import SOURCES
from bridge.sources.source import Subject
from bridge.toml.document import parse
from bridge.toml.schema import root_table

Levels = Mapping[Subject, Fields]
"""For each subject (owner, rest) fields of its latest event."""


class Scene(ABC):
    """One monitor and its world. It is made anew for every contract, and `folder` is empty then."""

    monitor: ClassVar[str]
    """The name of the entry point: `serial`, `system.power`."""
    within: ClassVar[Sequence[str]] = ()
    """A command in which the scene is played by a child of its own, as `unshare ...`; () plays it in the tests."""
    without: ClassVar[Mapping[str, str]] = {}
    """Of `loss`, `unplug`, `start` those that cannot be of this monitor, and why."""
    configuration: str = ""
    """The monitor's settings: what stands in its table of hwbridge.toml, below the head."""
    wakes_after: ClassVar[int | None] = None
    """The least microseconds between two deadlines of an idle monitor; None: it has none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def why_not(cls) -> str | None:
        """Why the scene cannot be played on this machine, if so: the test is skipped, which CI counts as a failure."""
        return None

    @abstractmethod
    def begin(self) -> None:
        """Makes what is there before the monitor is opened."""

    def end(self) -> None:
        """Ends what was begun, which most need not. The monitor is closed by then."""
        return

    @abstractmethod
    def rules(self) -> str:
        """A rules file: what is asked of the monitor. At least one rule raises at `change`."""

    @property
    def live(self) -> LiveSource:
        """What the entry point names."""
        return live_source(self.monitor)

    def open(self, clock: Clock) -> Monitor:
        """The monitor, on this scene's world."""
        table = root_table(parse("hwbridge.toml", self.configuration.encode()), [])
        return self.live.open(clock=clock, settings=self.live.settings(table))

    @abstractmethod
    def change(self) -> Fields:
        """Makes something happen, each time something new; returns fields that an event of it has to have."""

    def lose(self) -> None:
        """Makes so much happen, while nobody reads the monitor, that it loses some; the last of it leaves things
        otherwise than they were. A scene `without` loss is never asked.
        """
        raise AssertionError(self.without["loss"])

    @abstractmethod
    def unplug(self) -> None:
        """Takes away what the monitor watches."""

    @abstractmethod
    def plug(self) -> None:
        """Gives it back; it may be otherwise than it was."""

    @abstractmethod
    def truth(self) -> Levels:
        """How everything that is asked for is now, from another side than the monitor's.

        A level that was told is right if it has these fields, beside others; none is told that is not here.
        """

    def seen(self, told: Iterable[Event | DeviceGone]) -> Levels:
        """How everything is after what was told, from the first watch on."""
        return levels_of(told)


def levels_of(told: Iterable[Event | DeviceGone]) -> Levels:
    """The latest event of every subject that is there, as rules see it. Moments leave nothing behind."""
    levels: dict[Subject, Fields] = {}
    for each in told:
        source = SOURCES[each.source]
        if isinstance(each, DeviceGone):
            levels = {subject: fields for subject, fields in levels.items() if subject[0] != each.owner}
            continue
        owner, rest = source.subject(each.fields)
        if source.leaves(each.fields):
            levels = {one: fields for one, fields in levels.items() if one[0] != owner or one[1] in source.lasting}
            if rest not in source.lasting:
                continue
        if not source.is_moment(each.fields) and not source.repeats(each.fields):
            levels[owner, rest] = each.fields
    return levels


def is_true(seen: Levels, truth: Levels) -> bool:
    """Whether what was told is how it is."""
    return seen.keys() == truth.keys() and all(fields.items() <= seen[one].items() for one, fields in truth.items())

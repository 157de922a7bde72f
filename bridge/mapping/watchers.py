"""Device watchers: what tasks are told of the devices that they watch, gathered. Nothing here starts a task.

One plug makes many events, so they are gathered until none has come for a while, and raised as one batch. What was
there already counts as added, once a boot and device; the devices that a task knows of are told as values for the
store. A gathering that has not been raised survives nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush, heapreplace
from itertools import count

import msgspec

from bridge.mapping.index import Index
from bridge.mapping.memory import ForgottenThisBoot, RaisedThisBoot
from bridge.mapping.raising import told_by
from bridge.model.checks import Checks
from bridge.model.details import Details, details_of_fields
from bridge.model.durations import MICROSECONDS
from bridge.model.events import DeviceGone, Event, Fields, Origin
from bridge.model.triggers import DeviceWatcherEventKind, DeviceWatcherTrigger, OwnTrigger, Raised
from bridge.model.windows_names import windows_name
from bridge.sources.udev import UDEV

QUIET = 100 * MICROSECONDS["ms"]
"""A gathering is over when nothing has come for so long,"""
LONGEST = MICROSECONDS["s"]
"""or when it began so long ago,"""
MOST = 1000
"""or when it has so many events."""

Watched = Raised | RaisedThisBoot | ForgottenThisBoot
_KINDS = {"add": DeviceWatcherEventKind.ADD, "remove": DeviceWatcherEventKind.REMOVE}


class Watcher(msgspec.Struct, frozen=True, eq=False):
    """One watcher of a task; `name` is what its devices are remembered by, which no rule can have for its name."""

    task: str
    name: str
    trigger: DeviceWatcherTrigger
    place: int

    @property
    def match(self) -> Checks:
        """The tests of its devices."""
        return self.trigger.match

    @property
    def counts_devices(self) -> bool:
        """Whether it is told of devices that are there, and so must know of which it was told."""
        return DeviceWatcherEventKind.ADD in self.trigger.kinds

    def asked_fields(self) -> frozenset[str]:
        """Every field that it tests."""
        return frozenset(name for name, _ in self.match)


@dataclass(slots=True, eq=False)
class _Gathering:
    """What one watcher is to be told of; `due` is None when it is over, `there` are the devices to be remembered."""

    watcher: Watcher
    began: int
    due: int | None
    batch: list[Details] = field(default_factory=list)
    there: dict[str, None] = field(default_factory=dict)
    origins: set[Origin] = field(default_factory=set)


class Watchers:
    """All watchers. `remembered` are the devices that are known of, by watcher's name; others may use it too."""

    def __init__(self, remembered: set[tuple[str, str]]) -> None:
        self._remembered = remembered
        self.all: tuple[Watcher, ...] = ()
        """Every watcher, in the order in which they raise."""
        self._index: Index[Watcher] | None = None
        """Made when it is first asked for: tasks may come one by one."""
        self._gatherings: dict[Watcher, _Gathering] = {}
        self._queue: list[tuple[int, int, int, _Gathering]] = []
        """By when they were due when they were filed here, then by the watcher's place."""
        self._numbers = count()

    def serve(self, asked: Sequence[tuple[str, DeviceWatcherTrigger]]) -> Sequence[ForgottenThisBoot]:
        """Goes on with the watchers of these tasks; one that watches the same as before goes on gathering."""
        before = {watcher.name: watcher for watcher in self.all}
        gatherings = self._gatherings
        self.all = tuple(_named(asked))
        self._gatherings = {}
        for watcher in self.all:
            former = before.pop(watcher.name, None)
            gathering = gatherings.pop(former, None) if former is not None else None
            if gathering is not None and former is not None and former.trigger == watcher.trigger:
                gathering.watcher = watcher
                self._gatherings[watcher] = gathering
            elif gathering is not None:
                gathering.due = None
        for left in gatherings.values():
            left.due = None
        self._index = None
        over = sorted(each for each in self._remembered if each[0] in before) if before else []
        self._remembered.difference_update(over)
        return [ForgottenThisBoot(*each) for each in over]

    def hear(self, event: Event) -> Sequence[Watched]:
        """A device came, went or changed, or was found; what that raises at once, which is rare."""
        found = event.origin is Origin.START
        kind = DeviceWatcherEventKind.ADD if found else _kind_of(event)
        raised: list[Watched] = []
        if self._index is None:
            self._index = Index(UDEV, [(each.place, each, each.match) for each in self.all])
        for candidate in self._index.candidates(event.fields):
            watcher = candidate.one
            if kind not in watcher.trigger.kinds or not candidate.matches(event.fields):
                continue
            if not (found and self._knows(watcher, str(event.fields.get("devpath", "")))):
                raised += self._gather(watcher, kind, event)
        return raised

    def lost(self, gone: DeviceGone) -> Sequence[Watched]:
        """A device went of which no event tells how: whoever was told that it is there is told that it went."""
        remove = DeviceWatcherEventKind.REMOVE
        event = Event(UDEV.name, gone.at, {"action": "remove", "devpath": gone.owner}, replayed=gone.replayed)
        raised: list[Watched] = []
        for watcher in self.all:
            if remove in watcher.trigger.kinds and self._knows(watcher, gone.owner):
                raised += self._gather(watcher, remove, event)
        return raised

    def gone(self, devpath: str) -> Sequence[ForgottenThisBoot]:
        """A device went: when it is found again, it has been added."""
        if not self.all:
            return ()
        for gathering in self._gatherings.values():
            gathering.there.pop(devpath, None)
        there = [(watcher.name, devpath) for watcher in self.all if (watcher.name, devpath) in self._remembered]
        self._remembered.difference_update(there)
        return [ForgottenThisBoot(*each) for each in there]

    @property
    def deadline(self) -> int | None:
        """When the next gathering is over, in microseconds, or None."""
        while self._queue:
            filed, _, number, gathering = self._queue[0]
            if gathering.due == filed:
                return filed
            if gathering.due is None:
                heappop(self._queue)
            else:
                heapreplace(self._queue, (gathering.due, gathering.watcher.place, number, gathering))
        return None

    def is_due(self, at: int) -> bool:
        """Whether a gathering is over by then; as one is never filed too late, most are not even looked at."""
        if not self._queue or self._queue[0][0] > at:
            return False
        deadline = self.deadline
        return deadline is not None and deadline <= at

    def advance(self, at: int) -> Sequence[Watched]:
        """What gatherings raise that are over by `at`, in order."""
        raised: list[Watched] = []
        while (deadline := self.deadline) is not None and deadline <= at:
            _, _, _, gathering = heappop(self._queue)
            raised += self._raise(gathering, deadline)
        return raised

    def _knows(self, watcher: Watcher, devpath: str) -> bool:
        gathering = self._gatherings.get(watcher)
        return (watcher.name, devpath) in self._remembered or (gathering is not None and devpath in gathering.there)

    def _gather(self, watcher: Watcher, kind: DeviceWatcherEventKind, event: Event) -> Sequence[Watched]:
        gathering = self._gatherings.get(watcher)
        if gathering is None:
            due = event.at + QUIET
            gathering = self._gatherings[watcher] = _Gathering(watcher, event.at, due)
            heappush(self._queue, (due, watcher.place, next(self._numbers), gathering))
        gathering.due = min(max(gathering.due or 0, event.at + QUIET), gathering.began + LONGEST)
        gathering.batch.append(details_of_fields({"kind": windows_name(kind), **_told(watcher, event.fields)}))
        gathering.origins.add(event.origin)
        devpath = str(event.fields.get("devpath", ""))
        if kind is DeviceWatcherEventKind.REMOVE:
            gathering.there.pop(devpath, None)
        elif watcher.counts_devices:
            gathering.there[devpath] = None
        return self._raise(gathering, event.at) if len(gathering.batch) == MOST else ()

    def _raise(self, gathering: _Gathering, at: int) -> Sequence[Watched]:
        watcher = gathering.watcher
        gathering.due = None
        del self._gatherings[watcher]
        new = [(watcher.name, each) for each in gathering.there if (watcher.name, each) not in self._remembered]
        self._remembered.update(new)
        raised = Raised(
            at=at,
            trigger=OwnTrigger.DEVICE_WATCHER,
            task=watcher.task,
            batch=tuple(gathering.batch),
            origin=Origin.START if gathering.origins == {Origin.START} else Origin.LIVE,
            seen_at=gathering.began if gathering.began != at else None,
        )
        return [*(RaisedThisBoot(*each) for each in new), raised]


def _named(asked: Sequence[tuple[str, DeviceWatcherTrigger]]) -> Iterator[Watcher]:
    """The watchers with their names; a task may have several."""
    numbers: dict[str, int] = {}
    for place, (task, trigger) in enumerate(asked):
        numbers[task] = numbers.get(task, 0) + 1
        yield Watcher(task, f"{task}\n{numbers[task]}", trigger, place)


def _kind_of(event: Event) -> DeviceWatcherEventKind:
    return _KINDS.get(str(event.fields.get("action")), DeviceWatcherEventKind.UPDATE)


def _told(watcher: Watcher, fields: Fields) -> Fields:
    """All fields, as a rule without `details` raises them; none of them hides the kind."""
    told = dict(told_by(watcher, fields))
    told.pop("kind", None)
    return told

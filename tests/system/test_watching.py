"""Who watches is told everything once and in order, or how much is lost; who does not read holds up nobody."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import pytest

from bridge.dispatch.decisions import Heard, Progressed
from bridge.dispatch.runs import Runs
from bridge.model.events import DeviceGone, Event
from bridge.model.guid import Guid
from bridge.model.triggers import Raised
from bridge.pipeline.pipeline import Outcome
from bridge.service.backlog import Backlog, View
from bridge.service.telling import Telling
from bridge.service.watching import MOST_AT_ONCE, TOGETHER_SECONDS, Watcher, Watching
from bridge.store.values import HistoryRow

GUID = Guid("{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}")
EVERYTHING = View()


class Loop:
    """An event loop whose time the test says."""

    def __init__(self) -> None:
        self.now = 100.0
        self.due: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, call: Callable[[], None]) -> object:
        self.due.append((self.now + seconds, call))
        return object()

    def run(self, seconds: float = TOGETHER_SECONDS) -> None:
        self.now += seconds
        due, self.due = self.due, []
        for at, call in due:
            if at <= self.now:
                call()
            else:
                self.due.append((at, call))


class Reader:
    """An outlet: what was written to it, and whether its reader reads."""

    def __init__(self, room: int = 1 << 30) -> None:
        self.room = room
        self.writes: list[bytes] = []

    @property
    def is_blocked(self) -> bool:
        return self.room <= 0

    def write(self, encoded: bytes) -> None:
        assert not self.is_blocked, "who does not read is written to"
        self.room -= len(encoded)
        self.writes.append(encoded)

    def end(self, encoded: bytes) -> None:
        raise AssertionError("a watch has no end of its own")

    def abort(self) -> None:
        raise AssertionError("nobody is hung up on for being slow")

    def told(self) -> list[dict[str, Any]]:
        """What was told, and a gap as the number that was lost."""
        return [json.loads(answer)["parameters"] for answer in b"".join(self.writes).split(b"\0")[:-1]]

    def seqs(self) -> list[object]:
        """The numbers of lines, and for a gap what it says."""
        return [one["entry"]["seq"] if "entry" in one else one["gap"] for one in self.told()]


class Wanted:
    """A store that is told whether lines are wanted."""

    def __init__(self) -> None:
        self.said: list[bool] = []

    def tell(self, wanted: bool) -> None:
        self.said.append(wanted)


class Desk:
    """A hub, and lines to tell."""

    def __init__(self, most_facts: int = 1000, most_bytes: int = 1 << 20) -> None:
        self.loop = Loop()
        self.store = Wanted()
        self.telling = Telling(cast(Any, self.store), Runs())
        self.watching = Watching(cast(Any, self.loop), self.telling, Backlog(most_facts, most_bytes))
        self.seq = 0

    def join(self, view: View = EVERYTHING, room: int = 1 << 30, *, is_live: bool = True) -> tuple[Reader, Watcher]:
        reader = Reader(room)
        return reader, self.watching.join(view, reader, is_live=is_live)

    def happen(self, count: int = 1, **more: Any) -> None:
        """So many lines are committed."""
        self.telling.lines([self._line(**more) for _ in range(count)])

    def _line(self, **more: Any) -> HistoryRow:
        self.seq += 1
        return HistoryRow(seq=self.seq, wall=1, what="reset", **more)

    def read(self, reader: Reader, watcher: Watcher, room: int = 1 << 30) -> None:
        reader.room = room
        self.watching.go_on(watcher)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_what_happens_is_told_at_once_after_a_rest_and_then_together(desk: Desk) -> None:
    reader, _ = desk.join()
    desk.happen()
    desk.loop.run(0)
    assert reader.seqs() == [1]

    for _ in range(5):
        desk.happen(2)
    desk.loop.run(TOGETHER_SECONDS / 2)
    assert reader.seqs() == [1]
    desk.loop.run(TOGETHER_SECONDS / 2)
    assert reader.seqs() == list(range(1, 12))
    assert len(reader.writes) == 2


def test_all_who_want_the_same_are_written_the_very_same_bytes(desk: Desk) -> None:
    readers = [desk.join()[0] for _ in range(3)]
    desk.happen(10)
    desk.loop.run()

    first, *others = [reader.writes for reader in readers]
    assert all(writes[0] is first[0] for writes in others)


def test_who_comes_later_is_not_told_what_was_before(desk: Desk) -> None:
    first, _ = desk.join()
    desk.happen()
    second, _ = desk.join()
    desk.happen()
    desk.loop.run()

    assert (first.seqs(), second.seqs()) == ([1, 2], [2])


def test_lines_are_told_to_those_who_may_read_them_and_want_them(desk: Desk) -> None:
    views = {
        "all": View(),
        "1000": View(reader=1000),
        "1001": View(reader=1001),
        "lamp": View(task="lamp"),
        "lamp of 1001": View(reader=1001, task="lamp"),
        "trigger": View(trigger="T"),
        "both": View(reader=1000, task="lamp", trigger="T"),
    }
    readers = {name: desk.join(view)[0] for name, view in views.items()}
    desk.happen(task="lamp", readers=frozenset({1000}))
    desk.happen(task="lamp", trigger="T", readers=frozenset({1000}))
    desk.happen(trigger="T", readers=frozenset({1000, 1001}))
    desk.happen(task="bell")
    desk.loop.run()

    assert {name: reader.seqs() for name, reader in readers.items()} == {
        "all": [1, 2, 3, 4],
        "1000": [1, 2, 3],
        "1001": [3],
        "lamp": [1, 2],
        "lamp of 1001": [],
        "trigger": [2, 3],
        "both": [2],
    }


def test_who_does_not_read_is_told_the_rest_when_he_does(desk: Desk) -> None:
    slow, watcher = desk.join(room=1)
    fast, _ = desk.join()
    for _ in range(20):
        desk.happen(10)
        desk.loop.run()
    assert len(slow.writes) == 1
    assert fast.seqs() == list(range(1, 201))

    desk.read(slow, watcher)
    desk.happen()
    desk.loop.run()
    assert slow.seqs() == list(range(1, 202))


def test_who_reads_too_slowly_is_told_how_much_he_has_lost(desk: Desk) -> None:
    slow, watcher = desk.join(room=1)
    fast, _ = desk.join()
    for _ in range(500):
        desk.happen(10)
        desk.loop.run()
    desk.read(slow, watcher)

    told = slow.seqs()
    (gap,) = [one for one in told if isinstance(one, dict)]
    place = told.index(gap)
    assert fast.seqs() == list(range(1, 5001))
    assert told[:place] == list(range(1, 11))
    assert told[place + 1 :] == list(range(11 + gap["lost"], 5001))
    assert 700 < len(told) - place < 1001


def test_what_others_are_told_is_not_lost_to_a_slow_reader(desk: Desk) -> None:
    slow, watcher = desk.join(View(task="lamp"), room=1)
    desk.happen(task="lamp")
    desk.loop.run()
    desk.happen(5, task="lamp")
    desk.happen(4000, task="bell")
    desk.join()
    desk.happen(4000, task="bell")
    desk.happen(task="lamp")
    desk.read(slow, watcher)
    desk.loop.run()

    assert slow.seqs() in ([1, {"lost": 5}, 8007], [1, 2, 3, 4, 5, 6, 8007])


def test_a_backlog_is_bounded_in_bytes_too() -> None:
    desk = Desk(most_bytes=100_000)
    slow, watcher = desk.join(room=1)
    desk.happen(key="x" * 1000)
    desk.loop.run()
    desk.happen(500, key="x" * 1000)
    desk.read(slow, watcher)
    desk.loop.run()

    first, gap, *rest = slow.seqs()
    assert first == 1
    assert gap == {"lost": 500 - len(rest)}
    assert 60 < len(rest) < 100


def test_much_at_once_is_told_in_parts_that_have_to_be_read(desk: Desk) -> None:
    reader, watcher = desk.join(room=MOST_AT_ONCE)
    desk.happen(900, key="x" * 1000)
    desk.loop.run()
    assert len(reader.writes) == 1
    for _ in range(20):
        desk.read(reader, watcher, room=1)

    assert reader.seqs() == list(range(1, 901))
    assert max(map(len, reader.writes)) < MOST_AT_ONCE + 2000


def test_who_resumes_is_told_what_came_meanwhile_but_not_what_he_has_read(desk: Desk) -> None:
    reader, watcher = desk.join(View(events=True), is_live=False)
    desk.happen(3)
    desk.watching.events([Event("udev", 1, {"action": "add"})])
    desk.loop.run()
    desk.happen(2)
    assert reader.writes == []

    desk.watching.catch_up(watcher)  # having read lines 1 to 5
    desk.happen()
    desk.loop.run()
    assert [list(one) for one in reader.told()] == [["event"], ["entry"]]
    assert reader.told()[1]["entry"]["seq"] == 6


def test_who_resumes_for_long_has_lost_only_what_the_history_does_not_have(desk: Desk) -> None:
    other, _ = desk.join()
    reader, watcher = desk.join(View(events=True), is_live=False)
    desk.watching.events([Event("udev", at, {"action": "add"}) for at in range(7)])
    desk.happen(5000)
    desk.watching.catch_up(watcher)
    desk.happen()
    desk.loop.run()

    assert reader.seqs() == [{"lost": 7}, 5001]
    assert other.seqs() == list(range(1, 5002))


def test_while_nobody_watches_nothing_is_asked_for(desk: Desk) -> None:
    desk.happen()
    _, first = desk.join()
    _, second = desk.join(View(task="lamp"))
    desk.watching.leave(first)
    assert desk.store.said == [True]
    desk.happen(task="lamp")
    desk.watching.leave(second)
    desk.loop.run()
    reader, _ = desk.join()
    desk.happen()
    desk.loop.run()

    assert desk.store.said == [True, False, True]
    assert reader.seqs() == [3]


def test_raw_events_are_for_those_who_ask_and_are_lines_of_a_recording(desk: Desk) -> None:
    plain, _ = desk.join()
    wanted = [desk.watching.wants_events]
    reader, watcher = desk.join(View(events=True))
    wanted.append(desk.watching.wants_events)
    desk.telling.events([Event("udev", 104_000, {"action": "add"}), DeviceGone("evdev", 2_000_000, "event3")])
    desk.telling.events([Event("udev", 3_000_000, {"action": "add"}, replayed=True)])
    desk.loop.run()
    desk.watching.leave(watcher)
    wanted.append(desk.watching.wants_events)

    assert reader.told() == [
        {"event": {"at": 0.104, "source": "udev", "origin": "live", "action": "add"}},
        {"event": {"at": 2, "source": "evdev", "gone": "event3"}},
        {"event": {"at": 3, "source": "udev", "origin": "live", "action": "add", "replayed": True}},
    ]
    assert plain.told() == []
    assert wanted == [False, True, False]


def test_a_raise_that_no_task_has_heard_is_told_without_a_number(desk: Desk) -> None:
    reader, _ = desk.join()
    heard, unheard = Raised(at=1, trigger=GUID, key="a"), Raised(at=1, trigger=GUID, key="b", rule="in")
    said: list[Outcome] = [heard, Heard(at=1, raised=heard, owners=frozenset({None})), unheard]
    desk.telling.lines(desk.telling.outcomes(said, written=True))
    assert desk.telling.outcomes([Progressed(at=1, instance_id="over", progress=1)], written=False) == []
    desk.loop.run()

    (one,) = reader.told()
    entry = one["entry"]
    assert entry.pop("at") > 1_600_000_000_000_000
    assert entry == {
        "what": "raised",
        "trigger": str(GUID),
        "key": "b",
        "rule": "in",
        "origin": "live",
        "details": {},
    }


def test_bytes_of_a_name_that_is_no_text_are_told(desk: Desk) -> None:
    reader, _ = desk.join()
    desk.happen(key="\udcff")
    desk.loop.run()

    assert reader.told()[0]["entry"]["key"] == "\udcff"


def _turns(chance: random.Random, desk: Desk, watched: Sequence[tuple[Reader, Watcher]]) -> Iterator[None]:
    for _ in range(400):
        match chance.choice(("happen", "happen", "run", "read")):
            case "happen":
                desk.happen(chance.randrange(60), task=chance.choice(("lamp", "bell")), key="x" * chance.randrange(300))
            case "run":
                desk.loop.run(chance.choice((0, TOGETHER_SECONDS)))
            case _:
                desk.read(*chance.choice(watched), room=chance.choice((1, 1000, 20_000)))
        yield


@pytest.mark.parametrize("seed", range(30))
def test_whatever_comes_every_line_is_told_once_in_order_or_counted_as_lost(seed: int) -> None:
    chance = random.Random(seed)
    desk = Desk(most_facts=200, most_bytes=40_000)
    views = (View(), View(), View(task="lamp"), View(task="bell"))
    watched = [desk.join(view, room=chance.choice((1, 10_000)), is_live=True) for view in views]
    shown: dict[str | None, list[int]] = {None: [], "lamp": [], "bell": []}

    add = desk.telling.lines

    def remember(rows: Sequence[HistoryRow]) -> None:
        for row in rows:
            for task in (None, row.task):
                shown[task].append(row.seq or 0)
        add(rows)

    desk.telling.lines = remember  # type: ignore[method-assign]  # to hear what was told
    for _ in _turns(chance, desk, watched):
        pass
    for reader, watcher in watched:
        desk.loop.run()
        desk.read(reader, watcher)

    for (reader, _), view in zip(watched, views, strict=True):
        rest = iter(shown[view.task])
        for one in reader.seqs():
            if isinstance(one, dict):
                for _ in range(one["lost"]):
                    next(rest)
            else:
                assert next(rest) == one
        assert list(rest) == []

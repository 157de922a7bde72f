"""Group commit: what waits together is committed together, and flushed if one of it asks for that."""

from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue
from threading import Event

import pytest
from stored import DEADLINE_SECONDS, NOW, Stored, owed, remembered

from bridge.store.database import Database
from bridge.store.store import Store
from bridge.store.values import Durability, Limits
from bridge.store.writer import MOST_WRITES, Heard


class SlowEars:
    """Hears of commits, and does not let go of the first one before it is told to."""

    def __init__(self) -> None:
        self.commits: SimpleQueue[Sequence[object]] = SimpleQueue()
        self.go_on = Event()

    def committed(self, tokens: Sequence[object]) -> None:
        self.commits.put(tokens)
        assert self.go_on.wait(DEADLINE_SECONDS)

    def heard(self) -> Heard:
        return Heard(committed=self.committed, turned=lambda *_: None, damaged=lambda _: None)


def test_what_is_queued_during_a_commit_is_committed_together(tmp_path: Path) -> None:
    ears = SlowEars()
    store = Store(tmp_path, "boot 1", "first", Limits(), Durability.FULL, ears.heard())
    store.write([owed(0)], NOW, token=0, flush=True)
    assert ears.commits.get(timeout=DEADLINE_SECONDS) == [0]
    for number in range(1, MOST_WRITES + 51):
        store.write([owed(number)], NOW, token=number, flush=True)
    ears.go_on.set()
    store.close()

    assert ears.commits.get() == list(range(1, MOST_WRITES + 1))
    assert ears.commits.get() == list(range(MOST_WRITES + 1, MOST_WRITES + 51))
    assert len(remembered(tmp_path).restored.owed) == MOST_WRITES + 51


def test_a_snapshot_is_committed_alone(tmp_path: Path) -> None:
    ears = SlowEars()
    store = Store(tmp_path, "boot 1", "first", Limits(), Durability.NORMAL, ears.heard())
    store.write([owed(0)], NOW, token="first")
    ears.commits.get(timeout=DEADLINE_SECONDS)
    store.write([owed(1)], NOW, token="before")
    store.rewrite([owed(2)], NOW, token="snapshot")
    store.write([owed(3)], NOW, token="after")
    ears.go_on.set()
    store.close()

    assert [ears.commits.get() for _ in range(3)] == [["before"], ["snapshot"], ["after"]]
    assert [kept.number for kept in remembered(tmp_path).restored.owed] == [2, 3]


@pytest.mark.parametrize(
    ("durability", "levels"), [(Durability.FULL, [1, 2, 1]), (Durability.NORMAL, [1, 1, 1])], ids=str
)
def test_what_asks_for_a_flush_is_flushed_if_durability_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durability: Durability, levels: list[int]
) -> None:
    found: list[int] = []
    commit = Database.commit

    def noting(database: Database) -> None:
        found.append(database.number("synchronous"))
        commit(database)

    monkeypatch.setattr(Database, "commit", noting)
    with Stored(tmp_path, durability=durability) as stored:
        stored.write(owed(1))
        stored.write(owed(2), flush=True)
        stored.write(owed(3))

    assert found == levels  # 2 is FULL, 1 is NORMAL


def test_the_wal_is_carried_over_and_used_again(tmp_path: Path) -> None:
    with Stored(tmp_path) as stored:
        for number in range(20_000):
            stored.write(owed(number % 50), token=number, wait=False)
        stored.wait_for(19_999)

        assert (tmp_path / "store.db-wal").stat().st_size < 3 * 1024 * 1024
        assert sorted(path.name for path in tmp_path.iterdir()) == ["store.db", "store.db-wal", "store.reserve"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store.db", "store.reserve"]

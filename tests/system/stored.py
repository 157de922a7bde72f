"""A store in a real directory, driven from the test's thread: what it tells is waited for, with a deadline."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

from bridge.dispatch.decisions import Activate, Finished
from bridge.dispatch.kept import Answered, Kept, TaskKept, TaskState
from bridge.model.guid import Guid
from bridge.model.tasks import Exec, Instance, InstanceState, Registration
from bridge.model.templates import Template
from bridge.model.triggers import CustomSystemEventTrigger, Raised
from bridge.store.store import Store
from bridge.store.values import Durability, HistoryPage, HistoryRow, Limits, Question, Remembered, Times
from bridge.store.writer import Heard

GUID = Guid.parse("{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}")
JACK = ("/dev/input/event3", "SW_HEADPHONE_INSERT")
NOW = Times(now=5_000_000, wall_offset=1_700_000_000_000_000)
DEADLINE_SECONDS = 30


def raised(at: int = 1_000_000, key: str = "", **details: str) -> Raised:
    return Raised(at=at, trigger=GUID, key=key, details=details)


def owed(number: int, **more: object) -> Kept:
    given = {"number": number, "task": "jack", "raised": raised(), **more}
    return Kept(**given)  # type: ignore[arg-type]  # the test says which


def registration(name: str = "jack", **more: object) -> Registration:
    run = Exec(arguments=(Template.parse("/bin/true"),))
    return Registration(name=name, triggers=(CustomSystemEventTrigger(GUID),), run=run, **more)  # type: ignore[arg-type]  # likewise


def task(name: str = "jack", *, from_file: bool = True, owner: int | None = None, **more: object) -> TaskKept:
    state = TaskState(name=name, definition=f"all of {name}", **more)  # type: ignore[arg-type]  # likewise
    said = registration(name, from_file=from_file, owner=owner, definition=state.definition)
    return TaskKept(state=state, registration=said)


def activated(number: int) -> tuple[Kept, Activate]:
    """A raise is owed, and a run of it begins."""
    run = instance(number)
    return owed(number, instance_id=run.instance_id), Activate(at=1_000_000 + number, instance=run)


def completed(number: int, output: str = "") -> tuple[Answered, Finished]:
    """That run is over."""
    ending = Finished(at=1_500_000 + number, instance=instance(number), state=InstanceState.SUCCEEDED, output=output)
    return Answered(number=number), ending


def instance(number: int) -> Instance:
    return Instance(instance_id=f"first-{number}", task=registration(), raised=raised())


class Stored:
    """One start of the daemon, as far as its store goes."""

    def __init__(
        self,
        directory: Path,
        *,
        boot: str = "boot 1",
        start: str = "first",
        times: Times = NOW,
        limits: Limits | None = None,
        durability: Durability = Durability.NORMAL,
    ) -> None:
        self.turns: SimpleQueue[tuple[bool, str]] = SimpleQueue()
        self.damage: SimpleQueue[str] = SimpleQueue()
        self._committed: SimpleQueue[Sequence[object]] = SimpleQueue()
        self._answers: SimpleQueue[HistoryPage] = SimpleQueue()
        self.told: SimpleQueue[Sequence[HistoryRow]] = SimpleQueue()
        heard = Heard(
            committed=self._committed.put,
            turned=lambda *turn: self.turns.put(turn),
            damaged=self.damage.put,
            told=self.told.put,
        )
        self.times = times
        self._tokens: list[object] = []
        self.store = Store(directory, boot, start, limits or Limits(), durability, heard)
        self._is_open = True

    def read(self) -> Remembered:
        return self.store.read(self.times)

    def write(self, *outcomes: object, token: object = None, flush: bool = False, wait: bool = True) -> None:
        """Writes, and if wished waits until that is committed."""
        own = object() if token is None else token
        self.store.write(outcomes, self.times, flush=flush, token=own)
        if wait:
            self.wait_for(own)

    def rewrite(self, *outcomes: object) -> None:
        own = object()
        self.store.rewrite(outcomes, self.times, token=own)
        self.wait_for(own)

    def wait_for(self, token: object) -> None:
        while token not in self._tokens[-500:]:
            self._tokens += self._committed.get(timeout=DEADLINE_SECONDS)

    def committed(self) -> list[object]:
        """What was told to be committed until now."""
        with suppress(Empty):
            while True:
                self._tokens += self._committed.get_nowait()
        return self._tokens

    def turned(self) -> tuple[bool, str]:
        return self.turns.get(timeout=DEADLINE_SECONDS)

    def history(self, limit: int = 1000, *, name: str | None = None, since: int | None = None) -> list[HistoryRow]:
        return list(self.page(limit=limit, task=name, since=since).rows)

    def page(self, **asked: object) -> HistoryPage:
        question = Question(**{"limit": 1000, **asked})  # type: ignore[arg-type]  # the test says which
        self.store.history(question, self._answers.put)
        return self._answers.get(timeout=DEADLINE_SECONDS)

    def close(self, *, clean: bool = True) -> None:
        if self._is_open:
            self._is_open = False
            self.store.close(clean=clean)

    def __enter__(self) -> "Stored":
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()


def remembered(directory: Path, **more: object) -> Remembered:
    """What the next start finds."""
    with Stored(directory, start="next", **more) as stored:  # type: ignore[arg-type]  # likewise
        return stored.read()


def crash(directory: Path, *outcomes: object, **more: object) -> None:
    """A start of the daemon that writes this, and is then killed without closing anything."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            stored = Stored(directory, **more)  # type: ignore[arg-type]  # likewise
            stored.read()
            stored.write(*outcomes)
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert status == 0

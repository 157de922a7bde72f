"""The stage that a scene is played on: its monitor, who listens to it, and what was logged.

It judges nothing by itself, but that every told event is one that a recording may have.
"""

import logging
import select
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bridge.mapping.asking import interest_of
from bridge.mapping.interest import Interest
from bridge.mapping.load.rules import load_rules
from bridge.mapping.table import RuleTable
from bridge.model.events import DeviceGone, Event, Origin
from bridge.monitors.monitor import Monitor, TimedMonitor
from bridge.recording.jsonl import event_of_line, line_of_event
from bridge.service.clock import monotonic
from bridge.service.installed import source_of
from bridge.sources import SOURCES
from bridge.toml.document import parse
from scenes.scene import Scene, is_true

DEADLINE_SECONDS = 30
QUIET_MILLISECONDS = 200
Told = Event | DeviceGone


class Stage:
    """A scene that has begun, with its monitor open; nothing is watched yet."""

    def __init__(self, scene: Scene, lines: list[str]) -> None:
        self.scene = scene
        self.lines = lines
        """What was logged, from warnings on."""
        self.source = source_of(scene.monitor)
        self.table = _table(scene.rules())
        self.interest = interest_of(self.source, self.table)
        self.monitor: Monitor = scene.open(monotonic)
        self.told: list[Told] = []
        """Everything that was told since the start."""
        self.read: Callable[[], Sequence[Told]] = self.monitor.read
        self._is_open = True

    def watch(self, interest: Interest | None = None) -> None:
        """Watches what the scene's rules ask for."""
        self.take(self.monitor.watch(self.interest if interest is None else interest))

    def start(self) -> None:
        """Watches, and hears until what was told is how it is and nothing more comes."""
        self.watch()
        self.until_true("the start")
        self.settle()

    def until_true(self, after: str) -> None:
        """Hears until what was told is how it is."""
        self.until(lambda: is_true(self.scene.seen(self.told), self.scene.truth()), f"the truth after {after}")

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Hears until something holds; an AssertionError says what was told instead."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not holds():
            left = deadline - time.monotonic()
            if left <= 0:
                shown = "\n".join(line_of_event(each) for each in self.told[-40:])
                truth = f"the truth is {dict(self.scene.truth())}"
                raise AssertionError(
                    f"{self.scene.monitor}: waited for {what}; {truth}; told was\n{shown}\n{self.lines}"
                )
            self._hear(left * 1000)

    def settle(self) -> None:
        """Hears until nothing comes any more."""
        while self._hear(QUIET_MILLISECONDS) or self._is_busy():
            pass

    def resync(self) -> None:
        """Asks the monitor to look at everything."""
        self.take(self.monitor.resync())

    def close(self) -> None:
        """Closes the monitor, once."""
        if self._is_open:
            self._is_open = False
            self.monitor.close()

    def deadline(self) -> int | None:
        """The monitor's, in microseconds of the clock."""
        return self.monitor.deadline() if isinstance(self.monitor, TimedMonitor) else None

    def _is_busy(self) -> bool:
        """Whether something is pending that an idle monitor has not."""
        deadline, rest = self.deadline(), self.scene.wakes_after
        return deadline is not None and (rest is None or deadline - monotonic() < rest // 2)

    def _hear(self, milliseconds: float) -> bool:
        """Waits so long for the monitor, and reads it if it has something or its deadline is there; says so."""
        waiting = select.poll()
        waiting.register(self.monitor.fileno(), select.POLLIN)
        deadline = self.deadline()
        if deadline is not None:
            milliseconds = min(milliseconds, max(0, -(-(deadline - monotonic()) // 1000)))
        readable = bool(waiting.poll(milliseconds))
        if readable or (deadline is not None and deadline <= monotonic()):
            self.take(self.read())
            return True
        return False

    def take(self, told: Sequence[Told]) -> None:
        """Hears what a monitor told."""
        for each in told:
            check(each)
        self.told += told


def check(told: Told) -> None:
    """Raises where this is no event of its source, or a recording of it would say something else."""
    if isinstance(told, Event):
        checked = dict(SOURCES[told.source].checked(dict(told.fields)))
        assert checked == dict(told.fields), f"{told} is told, and recorded would be {checked}"
    line = line_of_event(told)
    again = event_of_line("told", 1, line.encode())
    assert line_of_event(again) == line, f"{line} is read as {again}"
    assert isinstance(again, DeviceGone) or again.origin in Origin


@contextmanager
def staged(scene: Scene) -> Iterator[Stage]:
    """The scene, begun, with its monitor; both are ended behind it."""
    lines = _Lines()
    logger = logging.getLogger("bridge")
    logger.addHandler(lines)
    try:
        scene.begin()
        stage = Stage(scene, lines.lines)
        try:
            yield stage
        finally:
            stage.close()
    finally:
        logger.removeHandler(lines)
        scene.end()


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def _table(rules: str) -> RuleTable:
    table, problems = load_rules([parse("scene.toml", rules.encode())])
    assert not problems, "\n".join(map(str, problems))
    return table


def play_here(scene: type[Scene], check: Callable[[Stage], None], folder: Path) -> None:
    """Plays a contract in this process."""
    with staged(scene(folder)) as stage:
        check(stage)

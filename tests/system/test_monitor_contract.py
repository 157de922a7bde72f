"""What every monitor has to do, whatever it watches. Each contract is played on every scene of tests/system/scenes."""

import gc
import json
import os
import select
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from scenes.playing import contract, names_for, scenes
from scenes.scene import is_true
from scenes.stage import Stage, Told

from bridge.mapping.interest import Interest
from bridge.model.events import DeviceGone, Event, Fields, Origin
from bridge.monitors.monitor import Monitor, MonitorReport, TimedMonitor
from bridge.recording.jsonl import read_recording
from bridge.service.clock import monotonic
from bridge.service.installed import installed_monitors
from bridge.service.recorder import Ends, Recorder
from bridge.testing.replay import Replay
from bridge.testing.transcript import json_of

WINDOW_MILLISECONDS = 700
"""How long an idle monitor is looked at: a multiple of what a loop that polls would wait."""


if TYPE_CHECKING:
    import pytest


def pytest_generate_tests(metafunc: "pytest.Metafunc") -> None:
    """Each contract is played on every scene that can be."""
    names = names_for(metafunc.function)
    if names is not None:
        metafunc.parametrize("name", names)


def is_told(told: Iterable[Told], wanted: Fields, origin: Origin) -> bool:
    return any(
        isinstance(each, Event) and each.origin is origin and wanted.items() <= each.fields.items() for each in told
    )


def origins(told: Iterable[Told]) -> set[Origin]:
    return {each.origin for each in told if isinstance(each, Event)}


@contract("start")
def test_the_state_that_is_found_is_told_as_start(stage: Stage) -> None:
    assert stage.scene.truth(), "a scene in which nothing is there shows nothing"

    stage.start()

    assert origins(stage.told) == {Origin.START}
    assert stage.monitor.report().lost == 0


@contract("start")
def test_a_snapshot_is_the_present_state_and_is_told_as_start(stage: Stage) -> None:
    stage.start()

    found = stage.monitor.snapshot()

    assert is_true(stage.scene.seen(found), stage.scene.truth()), found
    assert origins(found) == {Origin.START}


@contract("change")
def test_a_change_is_told_as_live(stage: Stage) -> None:
    stage.start()
    before = len(stage.told)

    wanted = stage.scene.change()
    stage.until(lambda: is_told(stage.told[before:], wanted, Origin.LIVE), f"{dict(wanted)}, live")
    stage.until_true("a change")
    stage.settle()

    assert origins(stage.told[before:]) == {Origin.LIVE}
    assert stage.monitor.report().lost == 0
    assert stage.lines == []


@contract("change")
def test_who_asks_for_nothing_is_told_nothing(stage: Stage) -> None:
    stage.start()
    stage.watch(Interest(stage.source, ()))
    stage.settle()
    before = len(stage.told)

    stage.scene.change()
    stage.settle()

    assert stage.told[before:] == []


@contract("change")
def test_who_asks_again_is_told_what_happened_since(stage: Stage) -> None:
    stage.start()
    stage.watch(Interest(stage.source, ()))
    stage.settle()
    stage.scene.change()

    asked_again = len(stage.told)
    stage.start()

    assert Origin.LIVE not in origins(stage.told[asked_again:])


@contract("loss")
def test_what_was_lost_is_repaired_told_as_resync_counted_and_logged_once(stage: Stage) -> None:
    stage.start()
    before = len(stage.told)

    stage.scene.lose()
    stage.until(lambda: stage.monitor.report().lost > 0, "a loss that is counted")
    stage.until_true("a loss")
    stage.settle()

    assert is_true(stage.scene.seen(stage.told), stage.scene.truth())
    repaired = [each for each in stage.told[before:] if isinstance(each, DeviceGone) or each.origin is Origin.RESYNC]
    assert repaired, "nothing was repaired"
    assert stage.monitor.report().lost == 1
    assert len(stage.lines) == 1, stage.lines


@contract("loss")
def test_after_a_loss_changes_are_told_as_live_again(stage: Stage) -> None:
    stage.start()
    stage.scene.lose()
    stage.until(lambda: stage.monitor.report().lost > 0, "a loss that is counted")
    stage.until_true("a loss")
    stage.settle()
    before = len(stage.told)

    wanted = stage.scene.change()
    stage.until(lambda: is_told(stage.told[before:], wanted, Origin.LIVE), f"{dict(wanted)}, live")

    assert stage.monitor.report().lost == 1


@contract("unplug")
def test_what_goes_and_comes_back_is_told_and_watched_as_before(stage: Stage) -> None:
    stage.start()

    for _ in range(2):
        gone = stage.scene.truth()
        stage.scene.unplug()
        assert stage.scene.truth() != gone, "a scene in which nothing goes shows nothing"
        stage.until_true("unplugging")
        stage.settle()
        stage.scene.plug()
        stage.until_true("plugging back")
        stage.settle()
    before = len(stage.told)
    wanted = stage.scene.change()
    stage.until(lambda: is_told(stage.told[before:], wanted, Origin.LIVE), f"{dict(wanted)}, live")
    stage.until_true("a change of what was plugged back")

    assert stage.monitor.report().lost == 0


@contract("idle")
def test_an_idle_monitor_wakes_nobody(stage: Stage) -> None:
    stage.start()
    stage.scene.change()
    stage.until_true("a change")
    stage.settle()
    asleep = _switches_of_threads()

    waiting = select.poll()
    waiting.register(stage.monitor.fileno(), select.POLLIN)
    woken = waiting.poll(WINDOW_MILLISECONDS)

    assert woken == []
    assert _switches_of_threads() == asleep, "a thread of the monitor does not sleep"
    deadline, rest = stage.deadline(), stage.scene.wakes_after
    assert deadline is None if rest is None else deadline is None or deadline - monotonic() > 0


@contract("resync")
def test_a_look_at_everything_tells_nothing_where_nothing_changed(stage: Stage) -> None:
    stage.start()
    stage.scene.change()
    stage.until_true("a change")
    stage.settle()
    before = len(stage.told)

    stage.resync()
    stage.settle()

    assert stage.told[before:] == []
    assert stage.monitor.report().lost == 0


@contract("close")
def test_nothing_stays_open_or_runs_behind_a_closed_monitor(stage: Stage) -> None:
    with closing(stage.scene.open(monotonic)):
        pass  # what a process opens once for all monitors is there now
    before = _what_is_there()
    monitor = stage.scene.open(monotonic)
    monitor.watch(stage.interest)
    stage.scene.change()
    monitor.read()

    monitor.close()
    gc.collect()

    assert _what_is_there() == before
    assert stage.lines == []


@contract("close")
def test_a_monitor_that_watched_nothing_closes_too(stage: Stage) -> None:
    before = _what_is_there()

    stage.scene.open(monotonic).close()

    assert _what_is_there() == before


@contract("record")
def test_what_was_told_live_is_what_its_recording_replays_and_raises_the_same(stage: Stage) -> None:
    name, tee = stage.scene.monitor, _Tee(stage.monitor)
    recorder = Recorder({name: tee}, clock=monotonic, ends=Ends())
    lines = [recorder.begin(lambda _: stage.interest, {})]
    stage.take(tee.new())

    def read() -> Sequence[Told]:
        lines.append(recorder.read([name]))
        return tee.new()

    stage.read = read
    stage.until_true("the start")
    stage.settle()
    wanted = stage.scene.change()
    stage.until(lambda: is_told(stage.told, wanted, Origin.LIVE), f"{dict(wanted)}, live")
    stage.until_true("a change")
    stage.settle()

    recorded = [*read_recording("recording.jsonl", b"".join(lines).splitlines(keepends=True))]

    assert [*map(_without_time, recorded)] == [*map(_without_time, stage.told)]
    raised = _raised(stage, stage.told)
    assert raised == _raised(stage, recorded)
    assert raised, "no rule of the scene raises at a change"


def test_every_monitor_of_ours_has_a_scene() -> None:
    ours = {
        name for name, each in installed_monitors().items() if each.dist is not None and each.dist.name == "hwbridge"
    }

    assert {scene.monitor for scene in scenes().values()} >= ours


class _Tee:
    """A monitor, and what it told since somebody looked."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._new: list[Told] = []

    def new(self) -> Sequence[Told]:
        new, self._new = self._new, []
        return new

    def fileno(self) -> int:
        return self._monitor.fileno()

    def watch(self, interest: Interest) -> Sequence[Told]:
        return self._heard(self._monitor.watch(interest))

    def read(self) -> Sequence[Told]:
        return self._heard(self._monitor.read())

    def snapshot(self) -> Sequence[Event]:
        return self._monitor.snapshot()

    def resync(self) -> Sequence[Told]:
        return self._heard(self._monitor.resync())

    def deadline(self) -> int | None:
        return self._monitor.deadline() if isinstance(self._monitor, TimedMonitor) else None

    def report(self) -> MonitorReport:
        return self._monitor.report()

    def close(self) -> None:
        self._monitor.close()

    def _heard(self, told: Sequence[Told]) -> Sequence[Told]:
        self._new += told
        return told


def _without_time(told: Told) -> tuple[object, ...]:
    return (told.source, told.owner) if isinstance(told, DeviceGone) else (told.source, told.origin, dict(told.fields))


def _raised(stage: Stage, told: Iterable[Told]) -> Sequence[Mapping[str, object]]:
    """What the scene's rules raise, without the times."""
    shown = [json_of(outcome) for outcome in Replay(stage.table).events(told)]
    raised = [json.loads(line) for line in shown if line is not None]
    return [{name: value for name, value in each.items() if name != "at"} for each in raised]


def _what_is_there() -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
    """The descriptors of this process by what they are of, its threads, and its children."""
    descriptors = []
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # that of the listing itself
            descriptors.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return sorted(descriptors), sorted(thread.name for thread in threading.enumerate()), children


def _switches_of_threads() -> Mapping[str, str]:
    """For each thread but this one how often it went to sleep, which one that sleeps does not do again."""
    counted = {}
    for thread in Path("/proc/self/task").iterdir():
        if int(thread.name) != threading.get_native_id():
            status = (thread / "status").read_text()
            counted[thread.name] = status.partition("\nvoluntary_ctxt_switches:")[2].partition("\n")[0].strip()
    return counted

"""`hwbridge replay`: what recorded events lead to, line by line, the same bytes everywhere.

It opens no device and asks no daemon, and it starts a program only if it is told to run the tasks.
"""

import argparse
import re
import select
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack

from bridge.cli.bar import Bar
from bridge.cli.durations import duration
from bridge.cli.errors import show_error
from bridge.cli.expected import difference_from
from bridge.cli.places import add_file_options, add_whose_options, directories_of, path, places_of
from bridge.dispatch.decisions import Finished, Quarantined, Slowed
from bridge.errors import InvalidValueError
from bridge.hosts.host import Ended, Host
from bridge.mapping.raising import Refusal
from bridge.model.durations import format_at, format_duration
from bridge.model.events import DeviceGone, Event
from bridge.model.tasks import InstanceState
from bridge.model.text import printable
from bridge.pipeline.pipeline import Outcome
from bridge.service.clock import monotonic, wall
from bridge.service.declarations import Declarations, read_declarations
from bridge.service.installed import use_plugins
from bridge.service.recordings import RecordingFile, merged, open_recording
from bridge.testing.pace import Pace
from bridge.testing.replay import MakeHost, Overdue, Replay
from bridge.testing.transcript import json_of, text_of
from bridge.testing.window import beginning_at, ending_at

_SPEED = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,6})?")
_SHOWN_CHARACTERS = 200


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `replay`."""
    parser.add_argument("files", metavar="FILE", type=path, nargs="+", help="a recording; several are merged by time")
    add_file_options(parser)
    add_whose_options(parser)
    for name, explanation in (
        ("from", "begin at that time of the recording, with the state that was there then: 1.5s"),
        ("to", "play no event that is later than that time of the recording"),
        ("until", "go on until that time of the recording, and no further: 10s"),
    ):
        parser.add_argument(f"--{name}", metavar="DURATION", type=duration, dest=f"{name}_at", help=explanation)
    parser.add_argument(
        "--speed", metavar="N", type=_speed, help="take time: 1 as long as it took, 2 half of it; without it, none"
    )
    parser.add_argument("--run", action="store_true", dest="runs", help="run the tasks' programs, as who you are")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.add_argument("--expect", metavar="FILE", type=path, help="compare with this file instead of printing")


def run(arguments: argparse.Namespace) -> int:
    """Prints what happens, or how that differs from what was expected."""
    use_plugins()
    _check_times(arguments.from_at, {"--to": arguments.to_at, "--until": arguments.until_at})
    declarations = read_declarations(directories_of(arguments, places_of(arguments)))
    with ExitStack() as opened:
        bar = opened.enter_context(Bar("checking")) if sys.stderr is not None and sys.stderr.isatty() else None
        recordings = [opened.enter_context(open_recording(file)) for file in arguments.files]
        events = _events(arguments, recordings, bar)
        begin = min(each.begin for each in recordings) if arguments.from_at is None else arguments.from_at
        outcomes = _replay(arguments, declarations, begin, opened).events(events, arguments.until_at)
        lines = _lines(outcomes, json_of if arguments.json else text_of, bar)
        if arguments.expect is not None:
            lines = difference_from(arguments.expect, lines)
        printed = _print(lines, bar, at_once=arguments.runs or arguments.speed is not None)
    return 1 if printed and arguments.expect is not None else 0


def _check_times(begin: int | None, ends: Mapping[str, int | None]) -> None:
    for option, end in ends.items():
        if begin is not None and end is not None and begin > end:
            raise InvalidValueError(f"--from {format_duration(begin)} is later than {option} {format_duration(end)}")


def _speed(text: str) -> float:
    speed = float(text) if _SPEED.fullmatch(text) else 0
    if not speed:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0, as 1, 10 or 0.5")
    return speed


def _events(
    arguments: argparse.Namespace, recordings: Sequence[RecordingFile], bar: Bar | None
) -> Iterator[Event | DeviceGone]:
    """The events to be played."""
    events = merged(recordings)
    if bar is not None:
        events = bar.counted("replaying", events, sum(recording.count for recording in recordings))
    if arguments.from_at is not None:
        events = beginning_at(events, arguments.from_at)
    if arguments.to_at is not None:
        events = ending_at(events, arguments.to_at)
    return events


def _replay(arguments: argparse.Namespace, declarations: Declarations, begin: int, opened: ExitStack) -> Replay:
    """The driver; `begin` microseconds is what is now at first: times of a recording may count from anywhere."""
    pace = Pace(arguments.speed, begin, monotonic, _wait) if arguments.speed is not None else None
    make_host = _programs(opened, lambda at: wall() - (replay.now - at)) if arguments.runs else None
    wait_until = pace.wait_until if pace is not None else None
    replay = Replay(declarations.rules, declarations.tasks, make_host, wait_until=wait_until, begin=begin)
    return replay


def _programs(opened: ExitStack, wall_time: Callable[[int], int]) -> MakeHost:
    from bridge.testing.programs import Programs  # asyncio takes longer to load than most replays

    def make_host(ended: Callable[[Ended | Overdue], None]) -> Host:
        return opened.enter_context(Programs(ended, wall_time))

    return make_host


def _wait(seconds: float) -> None:
    """Waits, but not for what nobody would read any more."""
    waiting = select.poll()
    if sys.stdout is not None:
        waiting.register(1, 0)
    if waiting.poll(seconds * 1000):
        raise BrokenPipeError


def _lines(outcomes: Iterable[Outcome], show: Callable[[Outcome], str | None], bar: Bar | None) -> Iterator[str]:
    """What happens, line by line; what is only for whoever looks on goes to stderr."""
    for outcome in outcomes:
        remark = _remark(outcome)
        if remark is not None:
            if bar is not None:
                bar.give_way()
            show_error(f"hwbridge: {remark}")
        line = show(outcome)
        if line is not None:
            yield line


def _remark(outcome: Outcome) -> str | None:
    match outcome:
        case Refusal():
            return outcome.message
        case Quarantined(task=task, why=why):
            return f"{task} is quarantined: {why}"
        case Slowed(task=task, until=until):
            return f"{task} seems to raise its own trigger; its next run waits until {format_at(until)}"
        case Finished(state=InstanceState.FAILED, instance=instance):
            last = outcome.output.rstrip().rpartition("\n")[2][-_SHOWN_CHARACTERS:]
            why = f"{outcome.detail}{f'; last printed: {printable(last)}' if last else ''}"
            return f"{instance.task.name} {instance.instance_id} failed: {why}"
        case _:
            return None


def _print(lines: Iterable[str], bar: Bar | None, *, at_once: bool) -> int:
    """Prints the lines; returns how many there were."""
    count = 0
    shares_terminal = bar is not None and sys.stdout is not None and sys.stdout.isatty()
    for line in lines:
        if bar is not None and shares_terminal:
            bar.give_way()
        print(line, flush=at_once)
        count += 1
    return count

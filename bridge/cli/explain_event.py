"""`hwbridge explain --event`: what one event would lead to by the files there are: which rules raise, which tasks run.

It is asked as if nothing had been before it, of a replay in which every program succeeds at once. No daemon is asked.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from bridge.cli.explain_recordings import asked_for
from bridge.cli.explanations import Group, json_of_group, text_of_group
from bridge.cli.places import directories_of, places_of
from bridge.cli.verdicts import Verdicts, timers
from bridge.dispatch.decisions import Activate, Latched
from bridge.dispatch.explaining import Standing, held_up
from bridge.errors import InvalidValueError, RecordingError
from bridge.model.durations import format_at
from bridge.model.events import Event
from bridge.model.text import printable
from bridge.recording.jsonl import event_of_line
from bridge.recording.lines import LONGEST_LINE, lines_of
from bridge.service.declarations import read_declarations
from bridge.testing.replay import Replay
from bridge.testing.transcript import json_of

_CHUNK = 64 * 1024


def explain_event(arguments: argparse.Namespace) -> int:
    """Prints what came of each rule, and what of each task that heard of it."""
    event = _event(arguments.event)
    declarations = read_declarations(directories_of(arguments, places_of(arguments)))
    rules = asked_for(declarations.rules, arguments.rule)
    verdicts = Verdicts(rules)
    replay = Replay(rules, declarations.tasks, explain=verdicts.withheld, begin=event.at)
    at_once = list(replay.tell(event))
    groups = [Group(event.at, event, verdicts.of(at_once))]
    later = list(replay.run_out())
    groups += timers(verdicts.of(later))
    lines = [line for group in groups for line in (json_of_group if arguments.json else text_of_group)(group)]
    of_tasks = [each for each in (*at_once, *later) if isinstance(each, Activate | Latched)]
    lines += filter(None, map(json_of, of_tasks)) if arguments.json else dict.fromkeys(_text_of_tasks(of_tasks, replay))
    for line in lines:
        print(line)
    return 0


def _text_of_tasks(told: Sequence[Activate | Latched], replay: Replay) -> Iterator[str]:
    yield ""
    if not told:
        yield "no task would be activated"
    for each in told:
        match each:
            case Activate(at=at, instance=instance):
                key = f" for {instance.raised.key}" if instance.raised.key else ""
                line = f"{instance.task.name}: activated by {instance.raised.trigger}{key} at {format_at(at)}"
            case Latched(task=name):
                line = f"{name}: raised, and waits: {'; '.join(_holding(name, replay))}"
        yield printable(line)


def _holding(name: str, replay: Replay) -> Iterator[str]:
    dispatcher = replay.dispatcher
    task = dispatcher.tasks.get(name)
    if task is not None:
        standing = Standing(task=task, runs=(), levels=dispatcher.levels, refusal="", now=replay.now)
        yield from (why.message for why in held_up(standing))


# -- the event -----------------------------------------------------------------------------------------------------


def _event(given: str) -> Event:
    """The event that is meant. Raises `RecordingError`, and `InvalidValueError` where none is."""
    file, number, line = _line(given)
    event = event_of_line(file, number, _with_time(line))
    if not isinstance(event, Event):
        raise RecordingError(file, number, "tells that a device went, which no rule is asked about")
    return event


def _line(given: str) -> tuple[str, int, bytes]:
    """A recorded line, and where it stands."""
    if given.lstrip().startswith("{"):
        return "--event", 1, given.encode()
    if given == "-":
        lines = list(islice(lines_of(iter(lambda: sys.stdin.buffer.read(_CHUNK), b"")), 2))
        if len(lines) != 1:
            raise RecordingError("standard input", len(lines) or 1, "--event takes one line, the event")
        return "standard input", 1, lines[0]
    file, colon, number = given.rpartition(":")
    if not colon or not number.isascii() or not number.isdigit():
        raise InvalidValueError(f"--event {given!r} is neither a recorded line, {{...}}, nor FILE:LINE, nor -")
    return file, int(number), _line_of_file(file, int(number))


def _line_of_file(file: str, number: int) -> bytes:
    try:
        with Path(file).open("rb") as opened:
            lines = lines_of(iter(lambda: opened.read(_CHUNK), b""))
            line = next(islice(lines, max(0, number - 1), number), None)
    except OSError as error:
        raise RecordingError(file, number, f"cannot be read: {error.strerror}") from error
    if line is None or number == 0:
        raise RecordingError(file, number, "there is no such line")
    return line


def _with_time(line: bytes) -> bytes:
    """The line with a time, where it has none: who writes one by hand need not say when."""
    if len(line) > LONGEST_LINE:
        return line
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return line
    if not isinstance(record, dict) or not record or "at" in record:
        return line
    return line.replace(b"{", b'{"at": 0, ', 1)

"""`hwbridge replay`: what recorded events lead to, line by line, the same bytes everywhere. It starts no program."""

import argparse
import difflib
from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from pathlib import Path

from bridge.cli.errors import show_error
from bridge.cli.places import add_file_options, add_options_not_yet, add_whose_options, directories_of, path, places_of
from bridge.cli.recordings import read_recording_file
from bridge.errors import InvalidDurationError, RecordingError
from bridge.mapping.mapper import Refusal
from bridge.model.durations import parse_duration
from bridge.model.text import printable
from bridge.pipeline.pipeline import Outcome
from bridge.service.declarations import read_declarations
from bridge.testing.replay import Replay
from bridge.testing.transcript import json_of, text_of


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `replay`."""
    parser.add_argument("files", metavar="FILE", type=path, nargs="+", help="a recording; several are merged by time")
    add_file_options(parser)
    add_whose_options(parser)
    parser.add_argument(
        "--until",
        metavar="DURATION",
        type=_duration,
        help="go on until that time of the recording, and no further: 10s",
    )
    add_options_not_yet(parser, "--run", "--from", "--to", "--speed")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.add_argument("--expect", metavar="FILE", type=path, help="compare with this file instead of printing")


def run(arguments: argparse.Namespace) -> int:
    """Prints what happens, or compares it with what was expected."""
    declarations = read_declarations(directories_of(arguments, places_of(arguments)))
    recordings = [read_recording_file(file) for file in arguments.files]
    replay = Replay(declarations.rules, declarations.tasks)
    outcomes = replay.events(merge(*recordings, key=lambda event: event.at), arguments.until)
    show: Callable[[Outcome], str | None] = json_of if arguments.json else text_of
    lines = _shown(outcomes, show)
    if arguments.expect is None:
        for line in lines:
            print(line)
        return 0
    return _compare(arguments.expect, list(lines))


def _duration(text: str) -> int:
    try:
        return parse_duration(text)
    except InvalidDurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _shown(outcomes: Iterable[Outcome], show: Callable[[Outcome], str | None]) -> Iterator[str]:
    for outcome in outcomes:
        if isinstance(outcome, Refusal):
            show_error(f"hwbridge: {outcome.message}")
        line = show(outcome)
        if line is not None:
            yield line


def _compare(expected: Path, lines: list[str]) -> int:
    """1 and a unified diff on stdout if what happened is not what was expected."""
    try:
        wanted = expected.read_bytes()
    except OSError as error:
        raise RecordingError(str(expected), 1, f"cannot be read: {error.strerror}") from error
    found = "".join(f"{line}\n" for line in lines).encode()
    if found == wanted:
        return 0
    name = printable(str(expected))
    for line in difflib.unified_diff(_lines(wanted), _lines(found), name, "replayed", lineterm=""):
        print(line)
    return 1


def _lines(content: bytes) -> list[str]:
    """The lines as a diff shows them, which says of a last one without a line feed that it has none."""
    *lines, rest = [printable(line) for line in content.decode(errors="backslashreplace").split("\n")]
    return [*lines, f"{rest}\n\\ No newline at end of file"] if rest else lines

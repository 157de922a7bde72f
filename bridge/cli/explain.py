"""`hwbridge explain`: why a task does not run, or why rules raised at recorded events or not. It changes nothing.

What is asked about is told from what was given: an event, a task or recordings. What would be two of them is refused.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from bridge.cli.given import name, text
from bridge.cli.places import add_daemon_options, add_file_options
from bridge.errors import InvalidValueError
from bridge.service.installed import use_plugins

_RECORDING = ".jsonl"
_OF_FILES = ("rule", "rules", "tasks")
_OF_TASKS = ("socket",)


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `explain`."""
    parser.add_argument(
        "what",
        metavar="TASK|FILE",
        type=name,
        nargs="*",
        help=f"a task of the daemon; or a recording: a file, or what ends in {_RECORDING} or holds a slash; "
        "several recordings are merged by time",
    )
    parser.add_argument("--task", metavar="TASK", type=name, help="this task, whatever files there are")
    parser.add_argument(
        "--event",
        metavar="EVENT",
        type=text,
        help="this event, as a recording has it: the line itself, FILE:LINE, or - for a line on standard input",
    )
    add_file_options(parser)
    parser.add_argument("--rule", metavar="NAME", action="append", help="explain this rule only; may be given again")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    add_daemon_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints why, as far as it can be known."""
    use_plugins()
    what: Sequence[str] = arguments.what
    if sum((bool(what), arguments.task is not None, arguments.event is not None)) != 1:
        raise InvalidValueError("explain what? A task, recordings, or --event; see hwbridge explain --help")
    if arguments.event is not None:
        from bridge.cli.explain_event import explain_event  # late: each of the three loads what others need not

        _refuse(arguments, _OF_TASKS, "an event is explained without a daemon")
        return explain_event(arguments)
    task = arguments.task if arguments.task is not None else None if _are_recordings(what) else what[0]
    if task is not None:
        from bridge.cli.explain_task import explain_task

        _refuse(arguments, _OF_FILES, f"{task!r} is a task, which the daemon explains by the rules in force")
        return explain_task(arguments, task, is_guessed=arguments.task is None)
    from bridge.cli.explain_recordings import explain_recordings

    _refuse(arguments, _OF_TASKS, "recordings are explained without a daemon")
    return explain_recordings(arguments, list(map(Path, what)))


def _are_recordings(what: Sequence[str]) -> bool:
    """Whether recordings are meant: a task has one name, and a name that is a file's is the file's."""
    return len(what) > 1 or what[0] == "-" or what[0].endswith(_RECORDING) or "/" in what[0] or os.path.lexists(what[0])


def _refuse(arguments: argparse.Namespace, options: Sequence[str], why: str) -> None:
    given: Mapping[str, object] = vars(arguments)
    for option in options:
        if given[option]:
            raise InvalidValueError(f"--{option} has no meaning here: {why}")

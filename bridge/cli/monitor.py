"""`hwbridge monitor`: prints what happens, as it happens, until Ctrl-C or until nobody reads it. It changes nothing.

Where its reader is too slow, the daemon leaves out lines instead of waiting, and a line says so.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from typing import Any

from bridge.cli.asking import connected
from bridge.cli.entries import HEAD, row_of
from bridge.cli.event_lines import line_of
from bridge.cli.exit_codes import DONE
from bridge.cli.given import integer, name, text
from bridge.cli.places import add_daemon_options
from bridge.cli.reader import Reader
from bridge.cli.tables import GrowingTable
from bridge.errors import CallFailedError
from bridge.recording.record import event_of_record

Answer = Mapping[str, Any]
NOT_ALLOWED = "org.hwbridge.NotAllowed"
_ONLY_ROOT = "only root may watch events of devices: they can hold typed keys"
_WIDTHS = (3, len("2026-01-01 00:00:00 CEST"), len("registered"), len("background task"), len("e6385a39-12"))


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `monitor`."""
    parser.add_argument(
        "--since",
        metavar="SEQ",
        type=integer(0),
        help="begin with what the history has after the line with this number",
    )
    parser.add_argument("--task", metavar="NAME", type=name, help="only what is about this task")
    parser.add_argument("--trigger", metavar="TRIGGER", type=text, help="only what is about this trigger")
    parser.add_argument(
        "--events", action="store_true", help="events of devices too; root only: they can hold typed keys"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    add_daemon_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints until there is nothing more."""
    try:
        _print(arguments)
    except CallFailedError as error:
        if not arguments.events or error.error != NOT_ALLOWED:
            raise
        raise CallFailedError(error.error, error.parameters, _ONLY_ROOT) from error
    return DONE


def _print(arguments: argparse.Namespace) -> None:
    asked = {
        "since": arguments.since,
        "task": arguments.task,
        "trigger": arguments.trigger,
        "events": arguments.events or None,
    }
    with connected(arguments) as daemon, Reader(daemon.hang_up) as reader:
        show = _json_of if arguments.json else _table()
        try:
            with daemon.stream("org.hwbridge.Watch", asked) as answers:
                for answer in answers:
                    print(show(answer), flush=True)
        except ConnectionError:
            if not reader.is_gone:
                raise


def _json_of(answer: Answer) -> str:
    """An entry as `history` has it; other things look like one, with a `what` of their own."""
    if answer.get("entry") is not None:
        return json.dumps(answer["entry"])
    if answer.get("gap") is not None:
        return json.dumps({"what": "gap", "lost": answer["gap"].get("lost")})
    return json.dumps({"what": "event", "event": answer["event"]})


def _table() -> Callable[[Answer], str]:
    """What shows an answer as a row, the first one below the head: who is refused sees none."""
    table = GrowingTable(HEAD, _WIDTHS)
    head = [table.head_line()]

    def show(answer: Answer) -> str:
        lines = [*head, table.line(_row(answer))]
        head.clear()
        return "\n".join(lines)

    return show


def _row(answer: Answer) -> tuple[str, str, str, str, str, str]:
    if answer.get("entry") is not None:
        return row_of(answer["entry"])
    if answer.get("gap") is not None:
        lost = answer["gap"].get("lost")
        return ("-", "-", "gap", "-", "-", f"{'some' if lost is None else lost} lines lost")
    event = {name: value for name, value in answer["event"].items() if name != "replayed"}  # of a recording played live
    return ("-", "-", "event", "-", "-", line_of(event_of_record(event)))

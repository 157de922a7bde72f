"""`hwbridge wait`: waits until a trigger is raised, and prints what was raised. It raises nothing, and runs nothing."""

import argparse
import json

from bridge.cli.asking import TIMEOUT_SECONDS, connected
from bridge.cli.durations import duration
from bridge.cli.entries import about
from bridge.cli.exit_codes import DONE
from bridge.cli.given import text
from bridge.cli.places import add_daemon_options
from bridge.errors import CallFailedError
from bridge.model.durations import MICROSECONDS, format_duration
from bridge.model.text import printable

TIMED_OUT = "org.hwbridge.TimedOut"
_A_CENTURY = 36_525 * MICROSECONDS["d"]


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `wait`."""
    parser.add_argument(
        "trigger",
        metavar="TRIGGER",
        type=text,
        help="a GUID, a name that a rules file gives to one, or a system trigger",
    )
    parser.add_argument("--timeout", metavar="DURATION", type=duration, help="give up after that time: 30s")
    parser.add_argument("--key", type=text, help="only for this key; without it, for any")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_daemon_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Waits; prints what was raised."""
    timeout = arguments.timeout
    asked = {"trigger": arguments.trigger, "key": arguments.key, "timeout": timeout}
    # Longer than 292 years no socket waits.
    patience = None if timeout is None else min(timeout, _A_CENTURY) / MICROSECONDS["s"] + TIMEOUT_SECONDS
    try:
        with connected(arguments) as daemon:
            raised = daemon.call_within(patience, "org.hwbridge.Wait", asked)["raised"]
            line = json.dumps(raised) if arguments.json else f"{raised['what']} {about(raised)}"
    except CallFailedError as error:
        if error.error != TIMED_OUT:
            raise
        said = f"{arguments.trigger!r} was not raised within {format_duration(timeout)}"
        raise CallFailedError(error.error, error.parameters, said) from error
    print(printable(line))
    return DONE

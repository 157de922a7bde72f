"""`hwbridge start`: requests a run of a task that has an application trigger. Whether it may run, the daemon says."""

import argparse

from bridge.cli.asking import connected
from bridge.cli.errors import show_error
from bridge.cli.given import add_details_options, details_of, text
from bridge.cli.places import add_daemon_options
from bridge.errors import CallFailedError
from bridge.model.text import printable

ALLOWED = "Allowed"
UNKNOWN_ERROR = "UnknownError"
UNKNOWN_TASK = "org.hwbridge.UnknownTask"


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `start`."""
    parser.add_argument("name", metavar="NAME", type=text, help="the task")
    add_details_options(parser)
    add_daemon_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Requests it; prints the result, and why it is not Allowed."""
    asked = {"name": arguments.name, "details": details_of(arguments.data), "key": arguments.key}
    try:
        with connected(arguments) as daemon:
            answer = daemon.call("org.hwbridge.RequestTask", asked)
            result, reason = str(answer["result"]), answer["reason"]
    except CallFailedError as error:
        if error.error == UNKNOWN_TASK:  # Windows' word for it; which task that is, the error says
            print(UNKNOWN_ERROR)
        raise
    print(printable(result))
    if result == ALLOWED:
        return 0
    show_error(f"hwbridge: task {arguments.name!r}: {reason}")
    return 1

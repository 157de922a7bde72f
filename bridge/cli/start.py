"""`hwbridge start`: requests a run of a task that has an application trigger. Whether it may run, the daemon says."""

import argparse

from bridge.cli.asking import connected
from bridge.cli.errors import show_error
from bridge.cli.given import add_details_options, details_of, text
from bridge.cli.places import add_daemon_options

ALLOWED = "Allowed"


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `start`."""
    parser.add_argument("name", metavar="NAME", type=text, help="the task")
    add_details_options(parser)
    add_daemon_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Requests it; prints the result, and why it is not Allowed."""
    asked = {"name": arguments.name, "details": details_of(arguments.data), "key": arguments.key}
    with connected(arguments) as daemon:
        answer = daemon.call("org.hwbridge.RequestTask", asked)
        result, reason = str(answer["result"]), answer["reason"]
    print(result)
    if result == ALLOWED:
        return 0
    show_error(f"hwbridge: task {arguments.name!r}: {reason}")
    return 1

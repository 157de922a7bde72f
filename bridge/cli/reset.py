"""`hwbridge reset`: ends the quarantine of a task. What made it fail is not looked at."""

import argparse

from bridge.cli.asking import connected
from bridge.cli.given import text
from bridge.cli.places import add_daemon_options


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `reset`."""
    parser.add_argument("name", metavar="NAME", type=text, help="the task")
    add_daemon_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Resets it."""
    with connected(arguments) as daemon:
        daemon.call("org.hwbridge.Reset", {"name": arguments.name})
    return 0

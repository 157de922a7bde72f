"""`hwbridge unregister`: ends the registration of a task that no file has. It removes no file."""

import argparse

from bridge.cli.asking import connected
from bridge.cli.given import text
from bridge.cli.places import add_daemon_options


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `unregister`."""
    parser.add_argument("name", metavar="NAME", type=text, help="the task")
    parser.add_argument(
        "--cancel-task", action="store_true", help="cancel its runs too, instead of letting them finish"
    )
    add_daemon_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Unregisters it."""
    with connected(arguments) as daemon:
        daemon.call("org.hwbridge.Unregister", {"name": arguments.name, "cancel_task": arguments.cancel_task})
    return 0

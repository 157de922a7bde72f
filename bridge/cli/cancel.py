"""`hwbridge cancel`: asks a run to end. It does not wait for the end, and kills nothing itself."""

import argparse

from bridge.cli.asking import connected
from bridge.cli.given import text
from bridge.cli.places import add_daemon_options


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `cancel`."""
    parser.add_argument("instance", metavar="INSTANCE", type=text, help="the run's id, as `show` and `history` have it")
    add_daemon_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Cancels it."""
    with connected(arguments) as daemon:
        daemon.call("org.hwbridge.Cancel", {"instance_id": arguments.instance})
    return 0

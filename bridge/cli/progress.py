"""`hwbridge progress`: what a handler calls to say how far it is. Which run that is, its environment says."""

import argparse
import os

from bridge.cli.asking import connected
from bridge.cli.given import integer
from bridge.cli.places import add_daemon_options
from bridge.client.instance import MOST_PROGRESS
from bridge.errors import InvalidValueError

INSTANCE_ID = "HWBRIDGE_INSTANCE_ID"


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `progress`."""
    how_far = "how far it is, in a measure of the task's own"
    parser.add_argument("progress", metavar="N", type=integer(0, MOST_PROGRESS), help=how_far)
    add_daemon_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Reports it."""
    instance_id = os.environ.get(INSTANCE_ID)
    if not instance_id:
        raise InvalidValueError(f"{INSTANCE_ID} is not set: `hwbridge progress` is for handlers, which are given it")
    with connected(arguments) as daemon:
        daemon.call("org.hwbridge.ReportProgress", {"instance_id": instance_id, "progress": arguments.progress})
    return 0

"""`hwbridge history`: what the daemon has written down of raises, runs and registrations. It changes nothing."""

import argparse
import json
from itertools import islice

from bridge.cli.asking import connected
from bridge.cli.entries import lines_of_entries
from bridge.cli.given import integer, name
from bridge.cli.places import add_daemon_options
from bridge.client.pages import entries_since, newest_entries

USUAL = 100


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `history`."""
    parser.add_argument("--task", metavar="NAME", type=name, help="only what is about this task")
    parser.add_argument(
        "--limit", metavar="N", type=integer(1), help=f"at most so many lines: the newest {USUAL}, or all with --since"
    )
    parser.add_argument("--since", metavar="SEQ", type=integer(0), help="only lines after the one with this number")
    parser.add_argument("--json", action="store_true", help="print one JSON object for each line")
    add_daemon_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints lines, oldest first."""
    limit, since = arguments.limit, arguments.since
    with connected(arguments) as daemon:
        if since is None:
            entries = newest_entries(daemon, limit or USUAL, arguments.task)
        else:
            entries = list(islice(entries_since(daemon, since, arguments.task), limit))
        lines = list(map(json.dumps, entries)) if arguments.json else lines_of_entries(entries)
    for line in lines:
        print(line)
    return 0

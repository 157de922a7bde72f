"""`hwbridge show`: one task, what it waits for and what runs of it. It changes nothing."""

import argparse
import json

from bridge.cli.asking import connected
from bridge.cli.given import text
from bridge.cli.places import add_daemon_options
from bridge.cli.task_lines import lines_of_task


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `show`."""
    parser.add_argument("name", metavar="NAME", type=text, help="the task")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_daemon_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints all that is known of the task."""
    with connected(arguments) as daemon:
        (task,) = daemon.call("org.hwbridge.AllTasks", {"name": arguments.name})["tasks"]
        lines = [json.dumps(task)] if arguments.json else lines_of_task(task)
    for line in lines:
        print(line)
    return 0

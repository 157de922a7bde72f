"""`hwbridge list`: the registered tasks, and what each is doing. It changes nothing."""

import argparse
import json

from bridge.cli.asking import connected
from bridge.cli.given import text
from bridge.cli.places import add_daemon_options
from bridge.cli.task_lines import lines_of_tasks
from bridge.client.pages import all_tasks


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `list`."""
    parser.add_argument("--group", metavar="NAME", type=text, help="only the tasks of this group")
    parser.add_argument("--json", action="store_true", help="print one JSON object for each task")
    add_daemon_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints the tasks in the order of their names."""
    with connected(arguments) as daemon:
        tasks = list(all_tasks(daemon, arguments.group))
        lines = [json.dumps(task) for task in tasks] if arguments.json else lines_of_tasks(tasks)
    for line in lines:
        print(line)
    return 0

"""`hwbridge status`: what the daemon is and does. It changes nothing."""

import argparse
import json
from collections.abc import Iterator
from typing import Any

from bridge.cli.asking import connected
from bridge.cli.columns import moment
from bridge.cli.places import add_daemon_options
from bridge.cli.tables import alarming
from bridge.model.text import count_of, printable


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `status`."""
    add_daemon_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Prints the daemon's status."""
    with connected(arguments) as daemon:
        status = daemon.call("org.hwbridge.Status", {})["status"]
        lines = _lines(status)
    for line in [json.dumps(status)] if arguments.json else lines:
        print(line)
    return 0


def _lines(status: dict[str, Any]) -> list[str]:
    rules, tasks = count_of(status["rules"], "rule"), count_of(status["tasks"], "task")
    lines = [
        f"hwbridge {status['version']}, pid {status['pid']}, since {moment(status['started_at'])}",
        f"{rules}, {tasks}; {status['running']} running, {status['waiting']} waiting",
        f"{status['events']} events seen, {status['raised']} triggers raised",
        *_lines_of_store(status["store"]),
    ]
    lines += [alarming(f"quarantined: {each['name']}: {each['why']}") for each in status["quarantined"]]
    for monitor in status["monitors"]:
        devices = ", ".join(monitor["devices"]) or "no device"
        repaired = f"; events lost and repaired {monitor['lost']} times" if monitor["lost"] else ""
        lines.append(printable(f"{monitor['source']}: {devices}{repaired}"))
        lines += [alarming(f"  {refused}") for refused in monitor["refused"]]
    if status["reload_errors"]:
        lines.append(alarming("the last reload was refused; the rules and tasks from before are in force:"))
        lines += [alarming(f"  {error}") for error in status["reload_errors"]]
    return lines


def _lines_of_store(store: dict[str, Any]) -> Iterator[str]:
    yield f"store: durability {store['durability']}, {store['owed']} owed"
    if not store["accepts"]:
        yield alarming(f"  new raises are refused: {store['refusal']}")

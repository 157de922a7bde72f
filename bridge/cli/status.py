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

MOST_DEVICES = 12
"""Of each monitor people are shown so many, with `--json` all."""


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
        f"{count_of(status['events'], 'event')} seen, {count_of(status['raised'], 'trigger')} raised",
        *_lines_of_store(status["store"]),
    ]
    lines += [alarming(f"quarantined: {each['name']}: {each['why']}") for each in status["quarantined"]]
    for monitor in status["monitors"]:
        lost = f"; something was lost {count_of(monitor['lost'], 'time')}, see the log" if monitor["lost"] else ""
        lines.append(printable(f"{monitor['source']}: {_watched(monitor)}{lost}"))
        lines += [alarming(f"  {refused}") for refused in monitor["refused"]]
    if status["reload_errors"]:
        lines.append(alarming("the last reload was refused; the rules and tasks from before are in force:"))
        lines += [alarming(f"  {error}") for error in status["reload_errors"]]
    return lines


def _watched(monitor: dict[str, Any]) -> str:
    """What a monitor has open: the first of it, where that is much. One that is of no device is just open."""
    devices = monitor["devices"]
    if not devices and "." in monitor["source"]:
        return "nothing" if monitor["refused"] else "open"
    if not devices:
        return "no device"
    more = len(devices) - MOST_DEVICES
    return ", ".join([*devices[:MOST_DEVICES], *([f"and {more} more"] if more > 0 else [])])


def _lines_of_store(store: dict[str, Any]) -> Iterator[str]:
    yield f"store: durability {store['durability']}, {store['owed']} owed"
    if not store["accepts"]:
        yield alarming(f"  new raises are refused: {store['refusal']}")

"""`hwbridge status`: what the daemon is and does. It changes nothing."""

import argparse
import json
from datetime import UTC, datetime
from typing import Any

from bridge.cli.places import add_daemon_options, socket_to_call
from bridge.client.connection import Connection
from bridge.errors import ProtocolError
from bridge.model.text import count_of, printable


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `status`."""
    add_daemon_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Prints the daemon's status."""
    socket = str(socket_to_call(arguments))
    with Connection(socket, timeout_seconds=10) as connection:
        answer = connection.call("org.hwbridge.Status", {})
    try:
        lines = _lines(answer["status"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ProtocolError(f"{socket}: what answers here is no daemon of ours, or one of another version") from error
    for line in [json.dumps(answer["status"])] if arguments.json else lines:
        print(printable(line))
    return 0


def _lines(status: dict[str, Any]) -> list[str]:
    since = datetime.fromtimestamp(status["started_at"] / 1_000_000, UTC).astimezone()
    rules, tasks = count_of(status["rules"], "rule"), count_of(status["tasks"], "task")
    lines = [
        f"hwbridge {status['version']}, pid {status['pid']}, since {since:%Y-%m-%d %H:%M:%S %Z}",
        f"{rules}, {tasks}; {status['running']} running, {status['waiting']} waiting",
        f"{status['events']} events seen, {status['raised']} triggers raised",
    ]
    for monitor in status["monitors"]:
        devices = ", ".join(monitor["devices"]) or "no device"
        repaired = f"; events lost and repaired {monitor['lost']} times" if monitor["lost"] else ""
        lines.append(f"{monitor['source']}: {devices}{repaired}")
        lines += [f"  {refused}" for refused in monitor["refused"]]
    if status["reload_errors"]:
        lines.append("the last reload was refused; the rules and tasks from before are in force:")
        lines += [f"  {error}" for error in status["reload_errors"]]
    return lines

"""`hwbridge raise`: raises a trigger in the daemon, and may wait for the runs. Who may, the daemon says.

What is plain is done by `raise_at_once`, which means the same.
"""

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

from bridge.cli.asking import connected, in_words
from bridge.cli.exit_codes import DONE, FAILED, NO_SUBSCRIBERS
from bridge.cli.given import add_details_options, details_of, text
from bridge.cli.places import add_daemon_options
from bridge.client.connection import Connection
from bridge.model.guid import Guid
from bridge.model.text import printable

METHOD = "org.hwbridge.Raise"


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `raise`."""
    parser.add_argument(
        "trigger", metavar="TRIGGER", type=text, help="a GUID, or a name that a rules file gives to one"
    )
    add_details_options(parser)
    parser.add_argument(
        "--wait", action="store_true", help="wait until the runs are over that it leads to, and say how each ended"
    )
    add_daemon_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Raises; prints how many tasks it activates, and with `--wait` what became of each activation."""
    if arguments.trigger.startswith(("{", "urn:uuid:")):  # meant as a GUID: no daemon is needed to judge it
        Guid.parse(arguments.trigger)
    call = {"trigger": arguments.trigger, "details": details_of(arguments.data), "key": arguments.key}
    with connected(arguments) as daemon:
        if not arguments.wait:
            return _shown(daemon.call(METHOD, call))
        return _shown(daemon.call_within(None, METHOD, {**call, "wait": True}))


def told(daemon: Connection) -> int:
    """The exit code of a call that was sent on this connection: its answer is read and shown."""
    with in_words(daemon):
        return _shown(daemon.answer(METHOD))


def _shown(answer: Mapping[str, Any]) -> int:
    if answer["outcome"] == "NoSubscribers":
        print("NoSubscribers")
        return NO_SUBSCRIBERS
    print(f"Raised {int(answer['subscribers'])}")
    outcomes = answer.get("outcomes") or []
    for line in map(_line, outcomes):
        print(printable(line))
    return DONE if all(outcome.get("state") == "succeeded" for outcome in outcomes) else FAILED


def _line(outcome: Mapping[str, Any]) -> str:
    """What became of one activation, as a replay says it; of a run also why it was canceled, and what it ended with."""
    if outcome.get("dropped") is not None:
        return f"dropped {outcome['task']} {outcome['dropped']}"
    return " ".join(_said(outcome))


def _said(outcome: Mapping[str, Any]) -> Iterator[str]:
    instance_id = outcome.get("instance_id")  # of others' tasks it is not told
    yield f"completed {outcome['task']} {f'{instance_id} ' if instance_id else ''}{outcome['state']}"
    if outcome.get("reason"):
        yield outcome["reason"]
    if outcome.get("detail"):
        yield f"({outcome['detail']})"

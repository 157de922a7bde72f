"""`hwbridge raise`: raises a trigger in the daemon. Who may, the daemon says."""

import argparse

from bridge.cli.given import add_details_options, details_of, text
from bridge.cli.places import add_daemon_options, add_options_not_yet, socket_to_call
from bridge.client.connection import Connection
from bridge.errors import ProtocolError
from bridge.model.guid import Guid

NO_SUBSCRIBERS = 4


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `raise`."""
    parser.add_argument(
        "trigger", metavar="TRIGGER", type=text, help="a GUID, or a name that a rules file gives to one"
    )
    add_details_options(parser)
    add_options_not_yet(parser, "--wait")
    add_daemon_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Raises; prints how many tasks it activates."""
    if arguments.trigger.startswith(("{", "urn:uuid:")):  # meant as a GUID: no daemon is needed to judge it
        Guid.parse(arguments.trigger)
    call = {"trigger": arguments.trigger, "details": details_of(arguments.data), "key": arguments.key}
    socket = str(socket_to_call(arguments))
    with Connection(socket, timeout_seconds=10) as connection:
        answer = connection.call("org.hwbridge.Raise", call)
    match answer:
        case {"outcome": "NoSubscribers"}:
            print("NoSubscribers")
            return NO_SUBSCRIBERS
        case {"outcome": "Raised", "subscribers": int(subscribers)}:
            print(f"Raised {subscribers}")
            return 0
        case _:
            raise ProtocolError(f"{socket}: what answers here is no daemon of ours")

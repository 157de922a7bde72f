"""Asks the daemon for a verb, and says in words what it refused. Which method is called, the verb knows."""

import argparse
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from bridge.cli.places import sockets_to_try
from bridge.client.connection import Connection
from bridge.client.pages import all_tasks
from bridge.client.refusals import named
from bridge.errors import BridgeError, CallFailedError, NoDaemonError, ProtocolError
from bridge.model.sockets import NOBODY_THERE
from bridge.toml.values import did_you_mean

TIMEOUT_SECONDS = 10


@contextmanager
def connected(arguments: argparse.Namespace) -> Iterator[Connection]:
    """A connection to the daemon that is meant, on which what it answers is also read.

    Raises `BridgeError`s only: what does not answer as the interface says becomes a `ProtocolError`.
    """
    with _connection(arguments) as connection, in_words(connection):
        yield connection


@contextmanager
def in_words(connection: Connection) -> Iterator[None]:
    """What goes wrong with calls on the connection and with what they answer, as errors that people understand."""
    try:
        yield
    except CallFailedError as error:
        raise _in_words(error, connection) from error
    except BridgeError:
        raise
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise ProtocolError(
            f"{connection.path}: what answers here is no daemon of ours, or one of another version"
        ) from error


def _connection(arguments: argparse.Namespace) -> Connection:
    """To the first socket behind which a daemon is."""
    looked_at = []
    for socket in sockets_to_try(arguments):
        try:
            return Connection(socket, timeout_seconds=TIMEOUT_SECONDS)
        except NoDaemonError as error:
            looked_at.append(str(error))
            if not isinstance(error.__cause__, NOBODY_THERE):
                break
    raise NoDaemonError(f"{'; '.join(looked_at)}; {_how_to_start(arguments)}")


def _how_to_start(arguments: argparse.Namespace) -> str:
    (first, *others) = sockets_to_try(arguments)
    if arguments.system or (others and os.getuid() == 0):
        return "to start one: `systemctl start hwbridge`, or `hwbridge run`"
    if arguments.user or others:
        return "to start your own: `hwbridge run --user`"
    return f"to start one: `hwbridge run --socket {first}`"


def _in_words(error: CallFailedError, connection: Connection) -> CallFailedError:
    match error.error, error.parameters:
        case "org.hwbridge.UnknownTask", {"name": str(name)}:
            return _said(error, f"no task has the name {name!r}{_nearest(name, _names(connection))}")
        case "org.hwbridge.UnknownInstance", {"instance_id": str(instance_id)}:
            nearest = _nearest(instance_id, _instances(connection))
            return _said(error, f"no run has the id {instance_id!r}: it is over, or was never there{nearest}")
        case "org.hwbridge.TaskOfFile", {"name": str(name)}:
            return _said(error, f"task {name!r} is in a tasks file: take it out there, and send the daemon HUP")
        case _:
            return named(error)


def _said(error: CallFailedError, message: str) -> CallFailedError:
    return CallFailedError(error.error, error.parameters, message)


def _nearest(word: str, known: Iterable[str]) -> str:
    with suppress(BridgeError, LookupError, TypeError):  # who may not look, or has no daemon any more, gets no guess
        return did_you_mean(word, known)
    return ""


def _names(connection: Connection) -> Iterator[str]:
    return (task["name"] for task in all_tasks(connection))


def _instances(connection: Connection) -> Iterator[str]:
    return (run["instance_id"] for task in all_tasks(connection) for run in task["running"])

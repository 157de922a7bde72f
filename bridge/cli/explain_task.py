"""`hwbridge explain TASK`: why a task does not run, as the daemon knows it. It looks at no file and changes nothing."""

import argparse
import json
from contextlib import suppress

from bridge.cli.asking import connected
from bridge.cli.tables import table_lines
from bridge.errors import BridgeError, CallFailedError, InvalidValueError, NoDaemonError

_HEAD = ("WHAT", "SUBJECT", "WHY")


def explain_task(arguments: argparse.Namespace, name: str, *, is_guessed: bool) -> int:
    """Prints everything that is in its way, the first thing first, or that nothing is.

    `is_guessed` tells that a recording might have been meant.
    """
    if not name.isprintable():
        raise InvalidValueError(f"{name!r} is no name of a task: it holds what cannot be printed")
    more = "; nor is there a file of this name" if is_guessed else ""
    try:
        with connected(arguments) as daemon:
            reasons = daemon.call("org.hwbridge.Explain", {"name": name})["reasons"]
            rows = [(why["what"], why["subject"] or "-", why["message"]) for why in reasons]
    except CallFailedError as error:
        if error.error == "org.hwbridge.UnknownTask":
            more += _of_reload(arguments)
            raise type(error)(error.error, error.parameters, f"{error}{more}") from error
        raise
    except NoDaemonError as error:
        if is_guessed:
            raise NoDaemonError(f"{error}; {name!r} is no file, so a task is meant") from error
        raise
    for line in map(json.dumps, reasons) if arguments.json else table_lines(_HEAD, rows):
        print(line)
    return 0


def _of_reload(arguments: argparse.Namespace) -> str:
    """What to say where a task may be unknown because the daemon did not take the files that it was told to reload."""
    with suppress(BridgeError), connected(arguments) as daemon:
        if daemon.call("org.hwbridge.Status", {})["status"]["reload_errors"]:
            return "; the daemon has refused the files of its last reload (hwbridge status)"
    return ""

"""The command `hwbridge`: finds the verb, and turns errors into one line each and an exit code. Each verb has a file.

Exit codes (design.md, "Commands"): 0 done; 1 failed; 2 usage; 3 no daemon answers; 4 NoSubscribers; 65 bad recording;
77 not allowed; 78 bad rules, tasks or configuration.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from bridge import __version__
from bridge.errors import (
    BridgeError,
    CallFailedError,
    DeclarationError,
    InvalidValueError,
    NoDaemonError,
    RecordingError,
)

VERBS = {
    "run": "run the daemon",
    "check": "check rules and tasks files, and show every error in them",
    "replay": "show what recorded events lead to, without any hardware",
    "raise": "raise a trigger",
    "status": "show what the daemon is and does",
}
"""Each verb is the module `bridge.cli.VERB` (`raise_` for raise), with `configure(parser)` and `run(arguments)`."""
NOT_YET = frozenset(
    {"wait", "list", "show", "start", "cancel", "unregister", "reset", "history", "monitor", "record", "convert"}
    | {"timeline", "explain", "suggest", "doctor", "progress"}
)
"""Verbs of the contract that a later version brings; they are refused by name."""
_MODULES = {"raise": "raise_"}
_EXIT_CODES: Sequence[tuple[type[BridgeError], int]] = (
    (NoDaemonError, 3),
    (RecordingError, 65),
    (DeclarationError, 78),
    (InvalidValueError, 2),
)
_CALL_EXIT_CODES = {
    "org.hwbridge.UnknownTrigger": 2,
    "org.hwbridge.InvalidDetails": 2,
    "org.hwbridge.NotAllowed": 77,
    "org.varlink.service.PermissionDenied": 77,
}


class _Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line, without the usage above it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    parsed = _parse(given)
    try:
        code: int = parsed.run(parsed)
        sys.stdout.flush()
    except BridgeError as error:
        for line in str(error).splitlines():
            print(f"hwbridge: {line}" if not isinstance(error, DeclarationError) else line, file=sys.stderr)
        return _exit_code(error)
    except BrokenPipeError:
        # Whoever read us has enough (`| head`): no error, and nothing more to write, at exit neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return code


def _parse(given: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(prog="hwbridge", description="Hardware events run the tasks registered for them.")
    parser.add_argument("--version", action="version", version=f"hwbridge {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    chosen = next((word for word in given if not word.startswith("-")), None)
    if chosen in NOT_YET:
        parser.error(f"{chosen} is not there yet in this version of hwbridge")
    for verb, summary in VERBS.items():
        subparser = verbs.add_parser(verb, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        if verb == chosen:  # only the verb that is asked for is loaded
            module = import_module(f"bridge.cli.{_MODULES.get(verb, verb)}")
            module.configure(subparser)
            subparser.set_defaults(run=module.run)
    return parser.parse_args(given)


def _exit_code(error: BridgeError) -> int:
    if isinstance(error, CallFailedError):
        return _CALL_EXIT_CODES.get(error.error, 1)
    return next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), 1)

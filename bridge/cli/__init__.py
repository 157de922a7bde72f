"""The command `hwbridge`: finds the verb, and turns errors into one line each and an exit code. Each verb has a file.

Exit codes (design.md, "Commands"): 0 done; 1 failed; 2 usage; 3 no daemon answers; 4 NoSubscribers; 65 bad recording;
77 not allowed; 78 bad rules, tasks or configuration.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import NoReturn, TextIO

from bridge import __version__
from bridge.cli.errors import show_error
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
    "record": "write down what devices tell, to be replayed",
    "explain": "show why rules raised at recorded events, or why not",
    "raise": "raise a trigger",
    "start": "request a run of a task that has an application trigger",
    "cancel": "ask a run to end",
    "list": "list the registered tasks",
    "show": "show a task, what runs of it and what waits",
    "unregister": "end the registration of a task that no file has",
    "reset": "end the quarantine of a task",
    "history": "show what happened: raises, runs, registrations",
    "status": "show what the daemon is and does",
    "progress": "say from within a run how far it is",
}
"""Each verb is the module `bridge.cli.VERB` (`raise_` for raise), with `configure(parser)` and `run(arguments)`."""
NOT_YET = frozenset({"wait", "monitor", "convert", "timeline", "suggest", "doctor"})
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
        show_error(f"{self.prog}: {message}; see {self.prog} --help")
        self.exit(2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    if isinstance(sys.stdout, TextIOWrapper):  # the same bytes whatever the locale is
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        code = _run(sys.argv[1:] if arguments is None else arguments)
        print(end="", flush=True)
    except BrokenPipeError:  # whoever read us has enough (`| head`): no error
        _write_nothing_more(sys.stdout)
        code = 0
    except OSError as error:  # those of the verbs are BridgeErrors, so this is one of stdout
        _write_nothing_more(sys.stdout)
        show_error(f"hwbridge: cannot print: {error.strerror}")
        code = 1
    except KeyboardInterrupt:
        code = 130
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
    except OSError:
        _write_nothing_more(sys.stderr)
    return code


def _run(given: Sequence[str]) -> int:
    try:
        parsed = _parse(given)
        code: int = parsed.run(parsed)
    except SystemExit as asked:  # by argparse, which has shown an error, the help or the version
        return int(asked.code or 0)
    except DeclarationError as error:
        for problem in error.problems:
            show_error(str(problem))
        return _exit_code(error)
    except BridgeError as error:
        show_error(f"hwbridge: {error}")
        return _exit_code(error)
    return code


def _write_nothing_more(stream: TextIO) -> None:
    """Lets what is still to be written go nowhere: at exit Python would try again, complain and exit with 120."""
    os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), stream.fileno())


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

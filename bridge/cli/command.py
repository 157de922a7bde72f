"""Runs a command: finds the verb, and turns errors into one line each and an exit code. What a verb does, it says.

Whatever is printed is UTF-8, whatever the locale is; a reader who has enough is no error.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import NoReturn, TextIO

from bridge import __version__
from bridge.cli.errors import show_error
from bridge.cli.exit_codes import DONE, FAILED, INTERRUPTED, exit_code_of
from bridge.cli.verbs import COMPLETE, NOT_YET, VERBS, module_of
from bridge.errors import BridgeError, DeclarationError
from bridge.toml.values import did_you_mean


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line, without the usage above it, and what was meant."""

    def error(self, message: str) -> NoReturn:
        """Ends with a usage error."""
        show_error(f"{self.prog}: {message}; see {self.prog} --help")
        self.exit(2)

    def parse_known_args(  # type: ignore[override]  # argparse has overloads for namespaces of one's own; nobody here has
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """The same as argparse; an unknown option is refused here, where it is known which ones there are."""
        for word in () if self._subparsers is not None else args or ():
            if word == "--":
                break
            self._refuse_unknown(word)
        parsed, extra = super().parse_known_args(args, namespace)
        if extra:
            self.error(f"unrecognized arguments: {' '.join(extra)}")
        return parsed, extra

    def _refuse_unknown(self, word: str) -> None:
        option = word.partition("=")[0]
        known = [name for name in self._option_string_actions if name.startswith("--")]
        if option.startswith("--") and " " not in word and not any(name.startswith(option) for name in known):
            self.error(f"unrecognized arguments: {word}{did_you_mean(option, known)}")


def command(given: Sequence[str]) -> int:
    """Runs one command; returns its exit code."""
    return finished(lambda: _run(given))


def finished(do: Callable[[], int]) -> int:
    """Does it to its end: its exit code. Errors are shown, and what is printed is written."""
    if isinstance(sys.stdout, TextIOWrapper):  # the same bytes whatever the locale is
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        code = _without_errors(do)
        print(end="", flush=True)
    except OSError as error:  # those of the verbs are BridgeErrors, so one that names no file is one of stdout
        code = not_printed(error) if error.filename is None else _not_used(error)
    except KeyboardInterrupt:
        code = INTERRUPTED
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
    except OSError:
        _write_nothing_more(sys.stderr)
    return code


def _not_used(error: OSError) -> int:
    """The exit code where a file or directory that is always looked at cannot be."""
    show_error(f"hwbridge: {os.fsdecode(error.filename)}: {error.strerror}")
    return FAILED


def not_printed(error: OSError) -> int:
    """The exit code where stdout does not take what is printed."""
    _write_nothing_more(sys.stdout)
    if isinstance(error, BrokenPipeError):  # whoever read us has enough (`| head`): no error
        return DONE
    show_error(f"hwbridge: cannot print: {error.strerror}")
    return FAILED


def parser_of(*loaded: str) -> Parser:
    """The parser of the whole command line, which knows the options of the `loaded` verbs."""
    parser = Parser(prog="hwbridge", description="Hardware events run the tasks registered for them.")
    parser.add_argument("--version", action="version", version=f"hwbridge {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for verb, summary in VERBS.items():
        subparser = verbs.add_parser(verb, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        if verb in loaded:
            module = import_module(module_of(verb))
            module.configure(subparser)
            subparser.set_defaults(run=module.run)
    return parser


def _without_errors(do: Callable[[], int]) -> int:
    try:
        return do()
    except SystemExit as asked:  # by argparse, which has shown an error, the help or the version
        return int(asked.code or 0)
    except DeclarationError as error:
        for problem in error.problems:
            show_error(str(problem))
        return exit_code_of(error)
    except BridgeError as error:
        show_error(f"hwbridge: {error}")
        return exit_code_of(error)


def _run(given: Sequence[str]) -> int:
    chosen = next((word for word in given if not word.startswith("-")), None)
    if chosen == COMPLETE:
        from bridge.cli.complete import complete

        return complete(given[1:])
    parser = parser_of(*([chosen] if chosen in VERBS else []))  # only the verb that is asked for is loaded
    if chosen in NOT_YET:
        parser.error(f"{chosen} is not there yet in this version of hwbridge")
    if chosen is not None and chosen not in VERBS:
        parser.error(f"there is no verb {chosen!r}{did_you_mean(chosen, VERBS)}")
    parsed = parser.parse_args(given)
    code: int = parsed.run(parsed)
    return code


def _write_nothing_more(stream: TextIO) -> None:
    """Lets what is still to be written go nowhere: at exit Python would try again, complain and exit with 120."""
    os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), stream.fileno())

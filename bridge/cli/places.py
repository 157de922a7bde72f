"""The options that say which daemon and which files are meant, and what they mean. No file is opened here."""

import argparse
import os
from pathlib import Path

from bridge.model.sockets import VARIABLE, sockets_meant
from bridge.service.places import Directories, Places, system_places, user_places


def path(text: str) -> Path:
    """The path that an option gives. An empty one is refused: it is a variable without a value, not where we are."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty")
    return Path(text)


def add_daemon_options(parser: argparse.ArgumentParser) -> None:
    """Which daemon: `--socket`, `--user`, `--system`."""
    parser.add_argument(
        "--socket", metavar="PATH", type=path, help="where the daemon is reached (also HWBRIDGE_SOCKET)"
    )
    add_whose_options(parser)


def add_whose_options(parser: argparse.ArgumentParser) -> None:
    """Whose daemon and usual places: `--user`, `--system`."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--user", action="store_true", help="this user's daemon, and its usual places")
    which.add_argument("--system", action="store_true", help="the system's daemon, and its usual places")


def add_file_options(parser: argparse.ArgumentParser) -> None:
    """Which files: `--rules`, `--tasks`."""
    for name in ("rules", "tasks"):
        parser.add_argument(
            f"--{name}",
            metavar="DIR",
            type=path,
            action="append",
            help=f"read {name} from here (a directory or a file) instead of the usual places; may be given again",
        )


def places_of(arguments: argparse.Namespace) -> Places:
    """The places that a daemon started with these options has."""
    user = user_places(os.environ, os.getuid())
    if arguments.user or (os.getuid() != 0 and not arguments.system):
        return user
    return system_places()


def directories_of(arguments: argparse.Namespace, places: Places) -> Directories:
    """Where rules and tasks are read: what was given, else the usual places."""
    return Directories(
        rules=tuple(arguments.rules or ()) or places.rules,
        tasks=tuple(arguments.tasks or ()) or places.tasks,
        rules_given=bool(arguments.rules),
        tasks_given=bool(arguments.tasks),
    )


def given_socket(arguments: argparse.Namespace) -> Path | None:
    """The socket that was given: by option, else by the environment, but where an option says whose daemon it is."""
    of_environment = None if arguments.user or arguments.system else os.environ.get(VARIABLE)
    named = arguments.socket or of_environment
    return Path(named) if named else None


def sockets_to_try(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Where the daemon that is meant may be: by default the user's if it is there, else the system's."""
    given = None if arguments.socket is None else str(arguments.socket)
    return sockets_meant(os.environ, os.getuid(), given, user=arguments.user, system=arguments.system)

"""What is given to verbs on the command line, as values: text, details, a key. Nothing here asks the daemon."""

import argparse
from collections.abc import Sequence

from bridge.errors import InvalidValueError


def text(given: str) -> str:
    """The same text, known to be one; for argparse."""
    try:
        given.encode()
    except UnicodeEncodeError as error:
        raise argparse.ArgumentTypeError(f"{given!r} is not UTF-8") from error
    return given


def add_details_options(parser: argparse.ArgumentParser) -> None:
    """What tasks are told: `--data`, `--key`."""
    parser.add_argument(
        "--data",
        metavar="NAME=VALUE",
        type=text,
        action="append",
        default=[],
        help="a detail for the tasks; may be given again",
    )
    parser.add_argument(
        "--key", type=text, default="", help="the thing that it is about, such as a device; without it, none"
    )


def details_of(given: Sequence[str]) -> dict[str, str]:
    """The details that `--data` gave. Raises `InvalidValueError`.

    >>> details_of(["jack=desk", "level="])
    {'jack': 'desk', 'level': ''}
    """
    details: dict[str, str] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise InvalidValueError(f"--data {each!r} is not NAME=VALUE")
        if name in details:
            raise InvalidValueError(f"--data {name!r} is given twice")
        details[name] = value
    return details

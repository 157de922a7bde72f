"""What is given to verbs on the command line, as values: text, details, a key. Nothing here asks the daemon."""

import argparse
import re
from collections.abc import Callable, Sequence

from bridge.errors import InvalidValueError

MOST = 2**63 - 1
"""The largest integer that can be sent to the daemon."""


def text(given: str) -> str:
    """The same text, known to be one; for argparse."""
    try:
        given.encode()
    except UnicodeEncodeError as error:
        raise argparse.ArgumentTypeError(f"{given!r} is not UTF-8") from error
    return given


def name(given: str) -> str:
    """The same text, which is not empty: that would be a variable without a value; for argparse."""
    if not given:
        raise argparse.ArgumentTypeError("the name is empty")
    return text(given)


def integer(least: int, most: int = MOST) -> Callable[[str], int]:
    """What reads an integer of this range; for argparse.

    >>> integer(0)("12")
    12
    """

    def read(given: str) -> int:
        number = int(given) if re.fullmatch(r"-?[0-9]{1,19}", given) else None
        if number is None or not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{given!r} is not an integer from {least} to {most}")
        return number

    return read


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

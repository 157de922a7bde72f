"""A duration as an option gives it. It knows no option."""

import argparse

from bridge.cli.given import MOST
from bridge.errors import InvalidDurationError
from bridge.model.durations import MICROSECONDS, parse_duration


def duration(text: str) -> int:
    """Whole microseconds; what is no duration, or one that no clock counts, is a usage error that says so."""
    try:
        microseconds = parse_duration(text)
    except InvalidDurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if microseconds > MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is longer than {MOST // MICROSECONDS['d']}d")
    return microseconds

"""A duration as an option gives it. It knows no option."""

import argparse

from bridge.errors import InvalidDurationError
from bridge.model.durations import parse_duration


def duration(text: str) -> int:
    """Whole microseconds; what is no duration is a usage error that says so."""
    try:
        return parse_duration(text)
    except InvalidDurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from error

"""Lengths of time as people write them, and times as they are shown. Nothing here reads a clock."""

import re
from fractions import Fraction

from bridge.errors import InvalidDurationError

MICROSECONDS = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
}
_FORM = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)(us|ms|s|m|h|d)")


def parse_duration(text: object) -> int:
    """The whole microseconds that `text` says.

    Raises `InvalidDurationError` for anything but a number and a unit, and for a fraction of a microsecond.

    >>> parse_duration("20ms"), parse_duration("1.5h")
    (20000, 5400000000)
    """
    found = _FORM.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise InvalidDurationError(text)
    if found[1].isdigit():  # a Fraction takes ten times as long, and few durations need one
        return int(found[1]) * MICROSECONDS[found[2]]
    microseconds = Fraction(found[1]) * MICROSECONDS[found[2]]
    if microseconds.denominator != 1:
        raise InvalidDurationError(text)
    return int(microseconds)


def format_duration(microseconds: int) -> str:
    """The shortest way to write a duration, in the largest unit that divides it.

    >>> format_duration(25_000_000), format_duration(1_500_000)
    ('25s', '1500ms')
    """
    unit = next(unit for unit in ("d", "h", "m", "s", "ms", "us") if microseconds % MICROSECONDS[unit] == 0)
    return f"{microseconds // MICROSECONDS[unit]}{unit}" if microseconds else "0s"


def format_at(at: int) -> str:
    """A time in microseconds, as seconds with six digits.

    >>> format_at(104_000)
    '0.104000'
    """
    sign, at = ("-", -at) if at < 0 else ("", at)
    return f"{sign}{at // 1_000_000}.{at % 1_000_000:06d}"


def format_roughly(microseconds: int) -> str:
    """A length of time that was measured, in few digits, for people.

    >>> [format_roughly(each) for each in (900, 17_047, 1_240_000, 95_000_000, 7_500_000_000)]
    ['900us', '17ms', '1.2s', '95s', '125m']
    """
    for small, larger in (("us", "ms"), ("ms", "s")):
        if abs(microseconds) < MICROSECONDS[larger]:
            return f"{abs(microseconds) // MICROSECONDS[small]}{small}"
    seconds = abs(microseconds) / MICROSECONDS["s"]
    for unit, most in (("s", 120), ("m", 180), ("h", 72)):
        length = seconds / (MICROSECONDS[unit] / MICROSECONDS["s"])
        if length < most:
            return f"{length:.1f}{unit}" if length < 10 and unit == "s" else f"{round(length)}{unit}"
    return f"{round(seconds / 86_400)}d"

"""From a TOML value to a checked one: the conversions that every declaration uses. No table is read here.

A conversion takes what tomllib gave, or a reader of JSON, and returns the value, or raises `InvalidValueError` with
the text that follows the key in a message.
"""

from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from bridge.errors import InvalidValueError

T = TypeVar("T")

NOT_THERE_YET = "not there yet in this version of hwbridge"
_KINDS = {str: "string", bool: "boolean", int: "integer", float: "float", list: "array", dict: "table"}
_SHOWN_LENGTH = 60
MOST_GUESSED = 64
"""Characters of a word; nothing that is known has more, and guessing takes the longer the longer a word is."""


def text(value: object) -> str:
    """A string.

    >>> text(5)
    Traceback (most recent call last):
    bridge.errors.InvalidValueError: expected a string, found integer 5
    """
    if not isinstance(value, str):
        raise InvalidValueError(f"expected a string, found {describe(value)}")
    return value


def boolean(value: object) -> bool:
    """`true` or `false`."""
    if not isinstance(value, bool):
        raise InvalidValueError(f"expected true or false, found {describe(value)}")
    return value


def integer(minimum: int | None = None, maximum: int | None = None) -> Callable[[object], int]:
    """The conversion to an integer between `minimum` and `maximum`, both included.

    >>> integer(minimum=1)(0)
    Traceback (most recent call last):
    bridge.errors.InvalidValueError: expected an integer, at least 1, found integer 0
    """
    wanted = "expected an integer"
    wanted += f", at least {minimum}" if minimum is not None else ""
    wanted += f", at most {maximum}" if maximum is not None else ""

    def convert(value: object) -> int:
        if (
            not isinstance(value, int)
            or isinstance(value, bool)
            or (minimum is not None and value < minimum)
            or (maximum is not None and value > maximum)
        ):
            raise InvalidValueError(f"{wanted}, found {describe(value)}")
        return value

    return convert


def choice(*words: str, later: Collection[str] = ()) -> Callable[[object], str]:
    """The conversion to one of `words`; `later` are words of the contract that a later version understands.

    >>> choice("latest", "queue")("lastest")
    Traceback (most recent call last):
    bridge.errors.InvalidValueError: expected one of latest, queue, found string "lastest"; did you mean latest?
    """

    def convert(value: object) -> str:
        if isinstance(value, str) and value in words:
            return value
        if isinstance(value, str) and value in later:
            raise InvalidValueError(f"{describe(value)} is {NOT_THERE_YET}; there are {', '.join(words)}")
        meant = did_you_mean(value, words) if isinstance(value, str) else ""
        raise InvalidValueError(f"expected one of {', '.join(words)}, found {describe(value)}{meant}")

    return convert


def text_as(function: Callable[[str], T]) -> Callable[[object], T]:
    """The conversion of a string by `function`, which raises a `ValueError` for text that it does not take."""
    return lambda value: function(text(value))


def describe(value: object) -> str:
    """A TOML value in a message: its kind, and what it is where that is short.

    >>> describe(True), describe("on"), describe([1, 2])
    ('boolean true', 'string "on"', 'an array')
    """
    kind = _KINDS.get(type(value), "date or time")
    if value is None:
        return "null"
    if isinstance(value, list | dict):
        return f"an {kind}" if isinstance(value, list) else f"a {kind}"
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    shown = shown if len(shown) <= _SHOWN_LENGTH else f"{shown[:_SHOWN_LENGTH]}..."
    return f'{kind} "{shown}"' if isinstance(value, str) else f"{kind} {shown}"


def nearest_or_all(word: str, known: Collection[str]) -> str:
    """The same, with all known ones where none is near.

    >>> nearest_or_all("size", ["edge", "debounce"])
    '; there are debounce, edge'
    """
    return did_you_mean(word, known) or f"; there are {', '.join(sorted(known)) or 'none'}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: the nearest known one, or nothing.

    >>> did_you_mean("debounse", ["debounce", "edge"])
    '; did you mean debounce?'
    """
    from difflib import get_close_matches  # slow to load, and only an error needs it

    if len(word) > MOST_GUESSED:
        return ""
    nearest = get_close_matches(word, list(known), n=1)
    return f"; did you mean {nearest[0]}?" if nearest else ""

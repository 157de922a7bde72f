"""What recorded fields must be, said once for all sources that say it. Nothing here knows a source.

Every function raises `InvalidValueError`, with the text that follows file and line in a message.
"""

from collections.abc import Collection, Sequence

from bridge.errors import InvalidValueError
from bridge.model.events import Fields


def text_of(fields: Fields, name: str) -> str:
    """The text of a field that must be there, and say something.

    >>> text_of({"port": "scanner"}, "port")
    'scanner'
    """
    if name not in fields:
        raise InvalidValueError(f"has no {name}")
    value = fields[name]
    if not isinstance(value, str):
        raise InvalidValueError(f"{name} is a number, not a text")
    if not value:
        raise InvalidValueError(f"{name} is empty")
    return value


def word_of(fields: Fields, name: str, words: Sequence[str]) -> str:
    """The word that a field must hold.

    >>> word_of({"state": "gone"}, "state", ("opened", "lost"))
    Traceback (most recent call last):
    bridge.errors.InvalidValueError: state is 'gone', not one of opened, lost
    """
    word = text_of(fields, name)
    if word not in words:
        raise InvalidValueError(f"{name} is {word!r}, not one of {', '.join(words)}")
    return word


def number_of(fields: Fields, name: str, lowest: int, highest: int) -> int:
    """The integer from `lowest` to `highest` that a field must hold.

    >>> number_of({"value": 2}, "value", 0, 1)
    Traceback (most recent call last):
    bridge.errors.InvalidValueError: value is 2, not an integer from 0 to 1
    """
    if name not in fields:
        raise InvalidValueError(f"has no {name}")
    value = fields[name]
    if not isinstance(value, int) or not lowest <= value <= highest:
        shown = repr(value) if isinstance(value, str) or abs(value) < 2**63 else "a number of more than 64 bits"
        raise InvalidValueError(f"{name} is {shown}, not an integer from {lowest} to {highest}")
    return value


def check_texts(fields: Fields, integers: Collection[str]) -> None:
    """Refuses numbers where a monitor sends text."""
    for name in fields:
        if name not in integers and not isinstance(fields[name], str):
            raise InvalidValueError(f"{name} is a number, not a text")

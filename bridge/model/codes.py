"""The names and numbers of input event types and codes, as Linux has them. No header or device is read for it.

The table is committed (bridge/model/code_table.py), so that a rule means the same on every machine, whatever headers
python-evdev was built on. A code has one canonical name, the one that libevdev and evemu print; its other names are
understood. What has no name is written as its number, `0x2ff`.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import chain, repeat

from bridge.errors import UnknownCodeError
from bridge.model.code_table import ALIASES, CODES, TYPES

_HEX = re.compile(r"0[xX][0-9a-fA-F]{1,4}")  # both are 16 bits wide: struct input_event in linux/input.h


def _numbers(block: str) -> dict[str, int]:
    words = block.split()
    return dict(zip(words[::2], map(int, words[1::2], repeat(0)), strict=True))


_TYPE_NUMBERS: Mapping[str, int] = _numbers(TYPES)
_TYPE_NAMES: Mapping[int, str] = {number: name for name, number in _TYPE_NUMBERS.items()}
_NUMBERS: Mapping[int, Mapping[str, int]] = {_TYPE_NUMBERS[name]: _numbers(CODES[name]) for name in CODES}
_NAMES: Mapping[int, Mapping[int, str]] = {
    type_: dict(zip(numbers.values(), numbers, strict=True)) for type_, numbers in _NUMBERS.items()
}
_ALIASES: Mapping[str, str] = dict(zip(ALIASES.split()[::2], ALIASES.split()[1::2], strict=True))

LEVEL_TYPES: frozenset[int] = frozenset(
    _TYPE_NUMBERS[name] for name in ("EV_KEY", "EV_SW", "EV_ABS", "EV_LED", "EV_SND")
)
"""The types whose codes have a present value, which EVIOCGKEY, EVIOCGSW and their like tell. All others are moments."""


def type_number(name: str) -> int:
    """The number of an event type, by its name or as hexadecimal text.

    Raises `UnknownCodeError`.

    >>> type_number("EV_SW"), type_number("0x1e")
    (5, 30)
    """
    if _HEX.fullmatch(name):
        return int(name, 16)
    if name not in _TYPE_NUMBERS:
        raise _unknown("type", name, _TYPE_NUMBERS)
    return _TYPE_NUMBERS[name]


def type_name(number: int) -> str:
    """The name of an event type; its number if it has none.

    >>> type_name(5), type_name(30)
    ('EV_SW', '0x1e')
    """
    return _TYPE_NAMES.get(number) or f"{number:#x}"


def code_name(type_number: int, number: int) -> str:
    """The canonical name of a type's code; its number if it has none.

    >>> code_name(5, 2), code_name(1, 0x110), code_name(1, 0x2FF)
    ('SW_HEADPHONE_INSERT', 'BTN_LEFT', '0x2ff')
    """
    names = _NAMES.get(type_number)
    return (names and names.get(number)) or f"{number:#x}"


def code_number(type_number: int, name: str) -> int:
    """The number of a type's code, by any of its names or as hexadecimal text.

    Raises `UnknownCodeError` for a name that Linux does not have, or has for another type.

    >>> code_number(1, "BTN_MOUSE"), code_number(1, "0x2ff")
    (272, 767)
    """
    if _HEX.fullmatch(name):
        return int(name, 16)
    found, number = _code(name)
    if found != type_number:
        raise UnknownCodeError(f"{name} is a code of {type_name(found)}, not of {type_name(type_number)}")
    return number


def resolve_code(text: str) -> tuple[int | None, str]:
    """The type and canonical name that `text` means: any name of a code, or a number as hexadecimal text.

    A number says nothing of its type, so it stays a number: `None` and the text in canonical form. Where the type is
    known, `code_name(type, code_number(type, text))` finds the name that the number may have.
    Raises `UnknownCodeError`.

    >>> resolve_code("KEY_SCREENLOCK"), resolve_code("0x2FF")
    ((1, 'KEY_COFFEE'), (None, '0x2ff'))
    """
    if _HEX.fullmatch(text):
        return None, f"{int(text, 16):#x}"
    type_, number = _code(text)
    return type_, _NAMES[type_][number]


def names_of(type_number: int) -> tuple[str, ...]:
    """The canonical names of a type's codes, by number; empty for a type that has none.

    >>> names_of(0x14)
    ('REP_DELAY', 'REP_PERIOD')
    """
    return tuple(_NUMBERS.get(type_number, ()))


def code_of_type(given_type: object, text: str) -> str:
    """The canonical name of the code that `text` means in a rule, which may give a type's name beside it.

    A number that has a name in the given type is that name. Without a type, a number that has a name in any is
    refused: `0x2` is KEY_1 and SW_HEADPHONE_INSERT. Raises `UnknownCodeError`.

    >>> code_of_type("EV_SW", "0x2"), code_of_type(None, "0x2ff")
    ('SW_HEADPHONE_INSERT', '0x2ff')
    """
    of_code, name = resolve_code(text)
    if of_code is not None:
        return name
    number = int(name, 16)
    if isinstance(given_type, str) and given_type in _TYPE_NUMBERS:
        return code_name(_TYPE_NUMBERS[given_type], number)
    named = [names[number] for names in _NAMES.values() if number in names]
    if named:
        raise UnknownCodeError(f"{text} is ambiguous: write {' or '.join(named)}, or give its type too")
    return name


def type_names() -> tuple[str, ...]:
    """The names of all event types."""
    return tuple(_TYPE_NUMBERS)


def code_names() -> tuple[str, ...]:
    """The canonical names of the codes of all types."""
    return tuple(name for numbers in _NUMBERS.values() for name in numbers)


def _code(name: str) -> tuple[int, int]:
    canonical = _ALIASES.get(name, name)
    for type_, numbers in _NUMBERS.items():
        if canonical in numbers:
            return type_, numbers[canonical]
    raise _unknown("code", name, chain(_ALIASES, *_NUMBERS.values()))


def _unknown(what: str, name: str, known: Iterable[str]) -> UnknownCodeError:
    from difflib import (
        get_close_matches,
    )  # it takes as long to load as this module, and only an error needs it

    nearest = get_close_matches(name.upper(), known, n=1)
    meant = f"did you mean {nearest[0]}?" if nearest else "a number is written as in 0x2ff"
    return UnknownCodeError(f"Linux has no input event {what} {name!r}; {meant}")

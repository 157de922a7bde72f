r"""What keys spell: the keyboard layouts that scanners take themselves for, as tables. No key is remembered here.

A layout says what a key types alone and with shift. What Ctrl makes of a character, and which character a number typed
on the keypad with Alt stands for, is the same in every layout.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType

from bridge.model.codes import code_number, type_number

Layout = Mapping[int, tuple[str, str]]
"""For each key's number what it types, and what it types with shift."""

_EV_KEY = type_number("EV_KEY")

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_US = r"""
GRAVE ` ~   1 1 !   2 2 @   3 3 #   4 4 $   5 5 %   6 6 ^   7 7 &   8 8 *   9 9 (   0 0 )   MINUS - _   EQUAL = +
LEFTBRACE [ {   RIGHTBRACE ] }   BACKSLASH \ |   SEMICOLON ; :   APOSTROPHE ' "   COMMA , <   DOT . >   SLASH / ?
102ND < >
KP0 0 0   KP1 1 1   KP2 2 2   KP3 3 3   KP4 4 4   KP5 5 5   KP6 6 6   KP7 7 7   KP8 8 8   KP9 9 9   KPDOT . .
KPSLASH / /   KPASTERISK * *   KPMINUS - -   KPPLUS + +   KPEQUAL = =   KPCOMMA , ,
KPLEFTPAREN ( (   KPRIGHTPAREN ) )
"""
"""The keypad's keys are digits and signs, as with num lock: a scanner has no other use for them."""
_WITHOUT_A_SIGN = {
    "SPACE": " ",
    "TAB": "\t",
    "ENTER": "\r",
    "KPENTER": "\r",
    "LINEFEED": "\n",
    "BACKSPACE": "\b",
    "ESC": "\x1b",
    "DELETE": "\x7f",
}


def _keys(names: Collection[str]) -> frozenset[int]:
    return frozenset(_key(name) for name in names)


def _key(name: str) -> int:
    return code_number(_EV_KEY, f"KEY_{name}")


def _layout(signs: str) -> Layout:
    words = signs.split()
    keys = {_key(letter.upper()): (letter, letter.upper()) for letter in _LETTERS}
    listed = zip(words[::3], words[1::3], words[2::3], strict=True)
    keys |= {_key(name): (plain, shifted) for name, plain, shifted in listed}
    keys |= {_key(name): (character, character) for name, character in _WITHOUT_A_SIGN.items()}
    return MappingProxyType(keys)


LAYOUTS: Mapping[str, Layout] = MappingProxyType({"us": _layout(_US)})
"""The layouts by the names that `layout` of an input device's `text` can have."""

SHIFT = _keys(("LEFTSHIFT", "RIGHTSHIFT"))
CTRL = _keys(("LEFTCTRL", "RIGHTCTRL"))
ALT = _keys(("LEFTALT", "RIGHTALT"))
META = _keys(("LEFTMETA", "RIGHTMETA"))
CAPS_LOCK = _key("CAPSLOCK")
ENTER, KEYPAD_ENTER = _key("ENTER"), _key("KPENTER")
KEYPAD_DIGITS: Mapping[int, str] = MappingProxyType({_key(f"KP{digit}"): str(digit) for digit in range(10)})

MOST_DIGITS = 9
"""No number of so many digits stands for a character."""


def control_character(character: str) -> str | None:
    r"""What Ctrl makes of the character of a key, as a terminal has it; None where it makes nothing of it.

    Scanners type the separators of GS1 and of EDI so: Ctrl+] is GS.

    >>> control_character("]"), control_character("m"), control_character("6"), control_character("\t")
    ('\x1d', '\r', '\x1e', None)
    """
    if character in _CONTROL_SIGNS:
        return _CONTROL_SIGNS[character]
    return chr(ord(character) & 0x1F) if character.isascii() and character.isalpha() else None


_CONTROL_SIGNS = {
    " ": "\0",
    **{sign: chr(ord(sign) & 0x1F) for sign in "@[\\]^_"},
    **dict(zip("2345678", "\0\x1b\x1c\x1d\x1e\x1f\x7f", strict=True)),
    "-": "\x1f",
}
"""With the digits that a terminal takes for signs that stand above them or nowhere on some keyboards (DEC VT220)."""


def numbered_character(digits: str) -> str | None:
    r"""The character of a number typed on the keypad while Alt is held; None for a number that has none.

    As Windows has it, for which scanners do this: with a zero before it the number is of code page 1252, without one
    of code page 437, and one over 255 of Unicode.

    >>> [numbered_character(digits) for digits in ("0029", "65", "0233", "130", "0128", "8364", "")]
    ['\x1d', 'A', 'é', 'é', '€', '€', None]
    """
    number = int(digits) if 0 < len(digits) < MOST_DIGITS else -1
    if not 0 <= number <= _LAST_CHARACTER or 0xD800 <= number <= 0xDFFF:
        return None
    if number > 255:
        return chr(number)
    return bytes([number]).decode("cp1252" if digits.startswith("0") else "cp437", errors="replace")


_LAST_CHARACTER = 0x10FFFF

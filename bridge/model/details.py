"""Details: the named texts that a raised trigger carries to its task. Nothing here decides what they hold.

Limits (design.md, "Tasks"): at most 64 names `[A-Za-z_][A-Za-z0-9_]*`, 32 KiB in all.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from bridge.errors import InvalidDetailsError
from bridge.model.events import Field

MOST_NAMES = 64
MOST_BYTES = 32 * 1024
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_]")

LONGEST_KEY = 4096
"""Characters. A key names a device or a thing; the longest devpath has a few hundred."""

Details = Mapping[str, str]


def checked_details(details: Mapping[str, str]) -> Details:
    """The same details, known to be within the contract's limits.

    Raises `InvalidDetailsError` with the name of the detail at fault.

    >>> checked_details({"jack": "headphone"})
    {'jack': 'headphone'}
    """
    size = 0
    for count, (name, value) in enumerate(details.items(), start=1):
        if not NAME.fullmatch(name):
            raise InvalidDetailsError(name, "a name is a letter or _ and then letters, digits and _")
        if count > MOST_NAMES:
            raise InvalidDetailsError(name, f"one more than the {MOST_NAMES} allowed")
        size += len(name) + _size(name, value)
        if size > MOST_BYTES:
            raise InvalidDetailsError(name, f"beyond the {MOST_BYTES} bytes that all details may have")
    return dict(details)


def checked_key(key: str) -> str:
    """The same key, known to be within its limit. Raises `InvalidDetailsError`."""
    if len(key) > LONGEST_KEY:
        raise InvalidDetailsError("key", f"a key has at most {LONGEST_KEY} characters, this one has {len(key)}")
    _size("key", key)
    return key


def _size(name: str, value: str) -> int:
    if "\0" in value:
        raise InvalidDetailsError(name, "text may not hold NUL")
    try:
        return len(value.encode())
    except UnicodeEncodeError as error:
        raise InvalidDetailsError(name, "text may not hold half a surrogate pair") from error


def details_of_fields(fields: Mapping[str, Field]) -> Details:
    """Every field as a detail, in the fields' order: what a rule without `details` raises.

    A name keeps its letters, digits and `_`; a leading `@` goes (`@ID_PATH` is `ID_PATH` wherever the device has it),
    anything else becomes `_`. Fields beyond the limits are left out, the last ones first.

    >>> details_of_fields({"action": "add", "attr.idVendor": "046d", "@ID_PATH": "pci-0"})
    {'action': 'add', 'attr_idVendor': '046d', 'ID_PATH': 'pci-0'}
    """
    details: dict[str, str] = {}
    room = MOST_BYTES
    for field, value in fields.items():
        name = _name_of_field(field)
        if not name or name in details:
            continue
        text = str(value)
        room -= len(name) + (len(text) if text.isascii() else len(text.encode(errors="surrogatepass")))
        if room < 0 or len(details) == MOST_NAMES:
            break
        details[name] = text
    return details


@lru_cache(maxsize=1024)
def _name_of_field(field: str) -> str:
    name = _NOT_IN_A_NAME.sub("_", field.removeprefix("@"))
    return "_" + name if name[:1].isdigit() else name

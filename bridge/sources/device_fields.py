"""The fields that a device gives to the events of several sources: properties, attributes, those of its ancestors.

No device is looked at here.
"""

import re

PROPERTY = re.compile(r"(?=.*[A-Z0-9_.:])[A-Za-z0-9_.:-]+", re.ASCII)
"""A property's name. One that is all small letters is more likely a field misspelt, and is refused."""
ATTRIBUTE = re.compile(r"attr\.[A-Za-z0-9_/:.-]+", re.ASCII)
"""A sysfs attribute below the device, `attr.idVendor` or `attr.power/control`."""
_HEXADECIMAL = re.compile(
    r"@?(ID_(USB_)?(VENDOR|MODEL)_ID|ID_REVISION|ID_USB_REVISION|attr\.(idVendor|idProduct|bcdDevice|address))"
)


def is_attribute(name: str) -> bool:
    """Whether `name` is `attr.NAME`, without a step up: a path with `..` would leave the device."""
    return ATTRIBUTE.fullmatch(name) is not None and ".." not in name[5:].split("/")


def is_inherited(name: str) -> bool:
    """Whether `name` is `@NAME` or `@attr.NAME`: of the device itself or its nearest ancestor that has it."""
    return name[:1] == "@" and (is_attribute(name[1:]) or PROPERTY.fullmatch(name[1:]) is not None)


def is_property(name: str) -> bool:
    """Whether an event may have a field of this name, beside the fixed ones.

    >>> [is_property(name) for name in ("ID_SERIAL_SHORT", "@ID_PATH", "attr.idVendor", "subsytem")]
    [True, True, True, False]
    """
    return PROPERTY.fullmatch(name) is not None or is_attribute(name) or is_inherited(name)


def is_hexadecimal(name: str) -> bool:
    """Whether a property or attribute of this name holds hexadecimal digits, whose case does not count."""
    return _HEXADECIMAL.fullmatch(name) is not None


def readable(text: str) -> str:
    r"""Text as hwbridge holds it: what is not UTF-8, and NUL, becomes `\xNN`.

    >>> readable("caf\udce9\x00")
    'caf\\xe9\\x00'
    """
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace").replace("\0", "\\x00")

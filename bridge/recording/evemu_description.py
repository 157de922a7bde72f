"""How a recording of evemu describes its device, above the first event. What the device can do is checked, not kept.

Lines are as evemu_write in evemu's src/evemu.c writes them; its README.md tells what the versions differ in.
"""

import re
from collections.abc import Mapping

from bridge.errors import InvalidValueError
from bridge.model.events import Field
from bridge.recording.lines import LONGEST_LINE
from bridge.sources.device_fields import readable
from bridge.sources.evdev import HIGHEST, LOWEST

NEWEST = (1, 3)
_HEADER = re.compile(rb"# EVEMU ([0-9]{1,4})\.([0-9]{1,4})\s*")
_LIKE_HEADER = re.compile(rb"# EVEMU\s*([0-9]|$)")
_NODE = re.compile(rb"# device (/dev/\S+)\s*")
"""What umockdev says where evemu describes."""
_HEX2, _HEX4, _NUMBER = rb"\s+[0-9a-fA-F]{2}", rb"\s+([0-9a-fA-F]{4})", rb"\s+-?[0-9]{1,10}"
_COMMENT = rb"\s*(?:#.*)?"
_FORMS: Mapping[bytes, re.Pattern[bytes]] = {
    kind: re.compile(kind + form, re.DOTALL)
    for kind, form in {
        b"N:": rb"\s?(.*?)[\r\n]*",
        b"I:": _HEX4 * 4 + _COMMENT,
        b"P:": _HEX2 * 8 + _COMMENT,
        b"B:": _HEX2 * 9 + _COMMENT,
        b"A:": _HEX2 + _NUMBER * 4 + rb"(" + _NUMBER + rb")?" + _COMMENT,
        b"L:": rb"\s+([0-9a-fA-F]{2})\s+(-?[0-9]{1,10})" + _COMMENT,
        b"S:": rb"\s+([0-9a-fA-F]{2})\s+(-?[0-9]{1,10})" + _COMMENT,
    }.items()
}
"""The name, the identity, properties, codes by type, axes, and which LEDs and switches are on."""
KINDS = frozenset(_FORMS)
"""How the lines of a description begin."""
_STATE_TYPES: Mapping[bytes, int] = {b"L:": 0x11, b"S:": 0x05}
_MOST_STATES = 1000
"""Linux has 16 LEDs and 17 switches."""


class Description:
    """What the lines above the first event say, taken one by one."""

    def __init__(self) -> None:
        self.version: tuple[int, int] | None = None
        """As the header says it; None without one, as before version 1.1."""
        self.node: str | None = None
        """The device's node, where umockdev tells it."""
        self.states: list[tuple[int, int, int]] = []
        """Type, code and value of what was on at the start."""
        self._identity: dict[str, Field] = {}
        self._awaited = b"N:"

    def identity(self, device: str) -> dict[str, Field]:
        """The fields that say who the device is; `device` stands for its node, where that is not told."""
        return {"device": self.node or device, **self._identity}

    def take(self, line: bytes) -> None:
        """Takes one line. Raises `InvalidValueError` if evemu writes none like it, or not here."""
        check_text(line)
        if line.startswith(b"#"):
            self._take_comment(line)
        elif line.strip():
            kind = line[:2]
            found = _FORMS[kind].fullmatch(line) if kind in _FORMS else None
            if found is None:
                raise InvalidValueError(f"is {shown(line)}, which is no line that evemu writes")
            self._take(kind, found)

    def finish(self, *, has_events: bool) -> None:
        """Raises `InvalidValueError` if more must have been said before the first event, or the end."""
        if self._awaited == b"I:":
            raise InvalidValueError("ends a description that says no identity: there is no I: line")
        if self._awaited == b"N:" and self.node is None and not has_events:
            raise InvalidValueError("ends a recording that holds neither a description nor an event")

    def _take_comment(self, line: bytes) -> None:
        if self.version is None and self._awaited == b"N:" and _LIKE_HEADER.match(line):
            self.version = _version(line)
            return
        check_comment(line)
        found = _NODE.fullmatch(line)
        if found is not None and self.node is None:
            self.node = _text(found[1])

    def _take(self, kind: bytes, found: re.Match[bytes]) -> None:
        if self._awaited != (kind if kind in (b"N:", b"I:") else b""):
            raise InvalidValueError(
                f"is {shown(found[0])}, but a description is one N: line, one I: line, and then others"
            )
        match kind:
            case b"N:":
                self._awaited = b"I:"
                if found[1]:
                    self._identity["name"] = _text(found[1])
            case b"I:":
                self._awaited = b""
                for name, digits in zip(("bustype", "vendor", "product"), found.groups(), strict=False):
                    self._identity[name] = digits.decode().lower()
            case b"A:" if self.version is not None and self.version >= (1, 2) and found[1] is None:
                raise InvalidValueError(f"is {shown(found[0])}, which lacks the resolution that version 1.2 has")
            case b"L:" | b"S:":
                self._take_state(_STATE_TYPES[kind], int(found[1], 16), int(found[2]))

    def _take_state(self, type_: int, code: int, value: int) -> None:
        check_value(value)
        if len(self.states) >= _MOST_STATES:
            raise InvalidValueError(f"is one more than {_MOST_STATES} states; no device has so many")
        self.states.append((type_, code, value))


def check_comment(line: bytes) -> None:
    """Raises `InvalidValueError` for a comment that is the header of one more recording."""
    if _LIKE_HEADER.match(line):
        raise InvalidValueError("begins a second recording; a file holds one")


def check_text(line: bytes) -> None:
    """Raises `InvalidValueError` for a line that is too long, or no text."""
    if len(line) > LONGEST_LINE:
        raise InvalidValueError(f"has {len(line)} bytes; a line of a recording has at most {LONGEST_LINE}")
    if b"\0" in line:
        raise InvalidValueError("holds NUL, as no recording of evemu does")


def check_value(value: int) -> None:
    """Raises `InvalidValueError` for a value that no input event can have."""
    if not LOWEST <= value <= HIGHEST:
        raise InvalidValueError(f"value is {value}, which no input event can have: it has 32 bits")


def shown(line: bytes) -> str:
    r"""The beginning of a line, for a message.

    >>> shown(b"E: 0.1 0005 \xff\n")
    "'E: 0.1 0005 \\xff'"
    """
    return repr(line[:60].rstrip(b"\r\n"))[1:]


def _version(line: bytes) -> tuple[int, int]:
    found = _HEADER.fullmatch(line)
    if found is None:
        raise InvalidValueError(f"is {shown(line)}, which names no version of evemu's format")
    version = int(found[1]), int(found[2])
    if not (1, 0) <= version <= NEWEST:
        raise InvalidValueError(
            f"is a recording of evemu in version {version[0]}.{version[1]}; this hwbridge reads 1.0 to 1.3"
        )
    return version


def _text(text: bytes) -> str:
    return readable(text.decode(errors="surrogateescape"))

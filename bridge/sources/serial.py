"""The source `serial`: what comes in at a declared serial port, and how its lines are. Nothing here opens a port.

A port is opened or lost; it stays so until the other is told. Lines and frames are over when they have come. The
modem lines have a present value, as long as the port is open (tty_ioctl(4), TIOCMGET).
"""

import re
from collections.abc import Collection, Iterator

from bridge.errors import InvalidValueError
from bridge.model.events import Field, Fields
from bridge.sources.device_fields import is_hexadecimal, is_inherited
from bridge.sources.recorded import check_texts, number_of, text_of, word_of
from bridge.sources.source import Source, Subject

STATES = ("opened", "lost")
SIGNALS = ("CTS", "DSR", "RI", "CD")
"""The lines of a port that the other end drives, as pyserial names them."""

_KINDS = ("state", "line", "frame", "signal")
"""What an event tells: exactly one of these fields."""
_INTEGERS = frozenset({"value"})
_TELLING = frozenset({*_KINDS, "value"}) - {"signal"}
_STATE, _INPUT = "", "frame"
"""The halves of subjects that are no signal: the port itself, and what comes in."""
_BYTES = re.compile(r"(?:[0-9A-Fa-f]{2})*")


def _subject(fields: Fields) -> Subject:
    rest = _INPUT if _is_moment(fields) else str(fields.get("signal", _STATE))
    return str(fields.get("port", "")), rest


def _is_moment(fields: Fields) -> bool:
    return "line" in fields or "frame" in fields


def _checked(fields: dict[str, Field]) -> dict[str, Field]:
    """The fields with a frame's digits in small letters."""
    if not text_of(fields, "port").isprintable():
        raise InvalidValueError(f"port is {fields['port']!r}, which no port can be called")
    told = [name for name in _KINDS if name in fields]
    if len(told) != 1:
        found = " and ".join(told) or "none of them"
        raise InvalidValueError(f"an event of serial tells one of {', '.join(_KINDS)}; this one has {found}")
    if "value" in fields and told != ["signal"]:
        raise InvalidValueError("value belongs to a signal")
    check_texts(fields, _INTEGERS)
    match told[0]:
        case "state":
            word_of(fields, "state", STATES)
        case "signal":
            word_of(fields, "signal", SIGNALS)
            number_of(fields, "value", 0, 1)
        case "line" if not {"\r", "\n"}.isdisjoint(str(fields["line"])):
            raise InvalidValueError("line holds a line's end")
        case "frame":
            frame = str(fields["frame"])
            if not _BYTES.fullmatch(frame):
                raise InvalidValueError(f"frame is {frame!r}, not two hexadecimal digits for each byte")
            return {**fields, "frame": frame.lower()}
    return fields


def _levels(_: Collection[Field]) -> Iterator[dict[str, Field | None]]:
    no_input = {"line": None, "frame": None}
    for state in STATES:
        yield {"state": state, "signal": None, "value": None, **no_input}
    for signal in SIGNALS:
        yield {"state": None, "signal": signal, **no_input}


SERIAL = Source(
    name="serial",
    fields=frozenset({"port", "device", *_KINDS, "value"}),
    integers=_INTEGERS,
    words={"state": STATES, "signal": SIGNALS},
    is_property=is_inherited,
    is_hexadecimal=lambda name: name == "frame" or is_hexadecimal(name),
    default_key="{port}",
    subject=_subject,
    is_moment=_is_moment,
    identifies=lambda name: name not in _TELLING,
    names_owner=lambda name: name in {"port", "device"} or is_inherited(name),
    checked=_checked,
    leaves=lambda fields: fields.get("state") == "lost",
    lasting=frozenset({_STATE}),
    repeats=lambda fields: False,
    levels=_levels,
)

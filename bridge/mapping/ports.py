"""What rules files say of devices: the serial ports to open, options of input devices. Nothing here opens either.

Names of settings are pyserial's. Port and baud rate, `match` and the like are what a monitor is to do; whether a
device is there that fits them is not known here.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from warnings import catch_warnings

import msgspec

from bridge.errors import InvalidValueError
from bridge.mapping.rules import Rule
from bridge.model.checks import Checks, Test

LONGEST_FRAME = 65_536
"""Bytes that `max_frame` can allow. As a line of a recording they are less than a line may have."""

USUAL_ENCODING = "utf-8"


class Parity(StrEnum):
    """The bit that is sent for checking; values are pyserial's."""

    NONE = "N"
    EVEN = "E"
    ODD = "O"
    MARK = "M"
    SPACE = "S"


class LineFrame(msgspec.Struct, frozen=True):
    """A frame is a line of text, up to CR, LF or both."""


class DelimiterFrame(msgspec.Struct, frozen=True):
    """A frame is what stands before `delimiter`."""

    delimiter: bytes


class LengthFrame(msgspec.Struct, frozen=True):
    """A frame has `length` bytes."""

    length: int


class RegexFrame(msgspec.Struct, frozen=True):
    """A frame is what `pattern` matches; what stands between two frames is left out."""

    pattern: re.Pattern[bytes]

    @classmethod
    def parse(cls, text: str) -> "RegexFrame":
        r"""The frames that an expression on bytes describes. Raises `InvalidValueError` with what is wrong in it.

        >>> RegexFrame.parse(r"\x02[^\x03]*\x03").pattern.findall(b"?\x0217\x03\x0218\x03")
        [b'\x0217\x03', b'\x0218\x03']
        """
        if not text.isascii():
            raise InvalidValueError(f"regex {text!r} is about bytes; write those beyond ASCII as \\xNN")
        try:
            with catch_warnings(action="error", category=FutureWarning):  # what Python will read otherwise one day
                pattern = re.compile(text.encode())
        except (re.error, RecursionError, OverflowError, FutureWarning) as error:
            raise InvalidValueError(f"regex {text!r} cannot be read: {error}") from error
        if pattern.search(b"") is not None:
            raise InvalidValueError(f"regex {text!r} finds a frame where there is nothing")
        return cls(pattern)


Frame = LineFrame | DelimiterFrame | LengthFrame | RegexFrame


class SerialPort(msgspec.Struct, frozen=True, kw_only=True):
    """A serial port to open: the one at the path `port`, or the one whose udev properties pass `match`.

    What is None stays as it is when a port is opened. `encoding` is that of lines, `reply` what is sent for a frame.
    """

    name: str
    port: str | None = None
    match: Checks = ()
    baudrate: int = 9600
    bytesize: int = 8
    parity: Parity = Parity.NONE
    stopbits: float = 1
    xonxoff: bool = False
    rtscts: bool = False
    dtr: bool | None = None
    rts: bool | None = None
    hupcl: bool | None = None
    exclusive: bool = True
    reply: bytes | None = None
    encoding: str = USUAL_ENCODING
    frame: Frame = msgspec.field(default_factory=LineFrame)
    max_frame: int = 4096

    def __post_init__(self) -> None:
        if (self.port is None) is not bool(self.match):
            raise InvalidValueError(f"serial port {self.name!r} has a path or tests, and not both")
        if isinstance(self.frame, LengthFrame) and self.frame.length > self.max_frame:
            raise InvalidValueError(f"frames of {self.frame.length} bytes are longer than max_frame, {self.max_frame}")


class KeyedText(msgspec.Struct, frozen=True, kw_only=True):
    """Keys that spell text: what is typed up to the key `end` is a line of the serial port name `port`.

    Without a `port` the input device's own name is the port's.
    """

    port: str | None = None
    layout: str = "us"
    end: str = "KEY_ENTER"


class InputOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Options of the input devices that pass `match`; `grab` keeps their events from all others."""

    match: Checks
    grab: bool = False
    text: KeyedText | None = None


def undeclared_ports(
    rules: Iterable[Rule], ports: Iterable[SerialPort], inputs: Iterable[InputOptions] = ()
) -> list[tuple[Rule, Test]]:
    """The rules of source serial that ask for a port that nobody declares, each with its test of `port`.

    Where an input device lends its own name to a port, names are not all known, and nothing is said.
    """
    keyed = [each.text.port for each in inputs if each.text is not None]
    names = [*(each.name for each in ports), *(name for name in keyed if name is not None)]
    if None in keyed:
        return []
    asked = [
        (rule, test) for rule in rules if rule.source.name == "serial" for name, test in rule.match if name == "port"
    ]
    return [(rule, test) for rule, test in asked if not any(map(test, names))]

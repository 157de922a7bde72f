"""From the tables [[serial]] and [[input]] to what they say of devices, with every error in them. Nothing is opened.

claimed: dict[str, Table] = {}                          # one for all files
ports = [port for root in roots for port in load_serial_ports(root, claimed)]
inputs = [options for root in roots for options in load_input_options(root)]
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from bridge.errors import InvalidValueError
from bridge.mapping.load.tests import load_match
from bridge.mapping.ports import (
    LONGEST_FRAME,
    USUAL_ENCODING,
    DelimiterFrame,
    Frame,
    InputOptions,
    KeyedText,
    LengthFrame,
    LineFrame,
    Parity,
    RegexFrame,
    SerialPort,
)
from bridge.model.checks import Checks
from bridge.model.codes import code_name, code_number, type_number
from bridge.model.events import SINCE
from bridge.sources.evdev import EVDEV
from bridge.sources.source import Source
from bridge.sources.udev import UDEV
from bridge.toml.names import claim_name, readable_name
from bridge.toml.schema import Table
from bridge.toml.values import boolean, choice, describe, integer, text, text_as

LAYOUTS = ("us",)
"""The keyboard layouts in which keys can spell text."""
_OF_EVENTS: Mapping[str, frozenset[str]] = {
    "udev": frozenset({"action", "synthetic", SINCE}),
    "evdev": frozenset({"type", "code", "value", SINCE}),
}
"""The fields of a source that tell its events apart, and not its devices."""
_HEXADECIMAL = re.compile(r"(?:[0-9a-fA-F]{2})+")


def load_serial_ports(root: Table, claimed: dict[str, Table]) -> list[SerialPort]:
    """The ports that a file declares; `claimed` has those of all files by their names."""
    ports: list[SerialPort] = []
    for table in root.tables("serial"):
        claim_name(table, claimed, "serial port")
        before = len(table.problems)
        values = _load_values(table)
        table.finish()
        if len(table.problems) > before:
            continue
        try:
            ports.append(SerialPort(**values))
        except InvalidValueError as error:
            table.problem(str(error), "frame")
    return ports


def load_input_options(root: Table) -> list[InputOptions]:
    """The options of input devices that a file declares."""
    options: list[InputOptions] = []
    for table in root.tables("input"):
        before = len(table.problems)
        match = _load_devices(table, EVDEV)
        grab = table.read("grab", boolean, default=False)
        keyed = table.table("text")
        loaded = _load_text(keyed) if keyed is not None else None
        table.finish()
        if len(table.problems) == before:
            options.append(InputOptions(match=match, grab=grab, text=loaded))
    return options


def _load_values(table: Table) -> dict[str, Any]:
    """What the table says, by the names of `SerialPort`; what it leaves out is left out here, too."""
    values: dict[str, Any] = {"name": table.read("name", readable_name, required=True)}
    table.exactly_one("port", "match")
    values["port"] = table.read("port", _path)
    values["match"] = _load_devices(table, UDEV) if "match" in table else ()
    encoding = table.read("encoding", text_as(_encoding), default=USUAL_ENCODING)
    values |= {key: table.read(key, convert) for key, convert in _SETTINGS.items() if key in table}
    table.known.update(_SETTINGS)
    values["encoding"] = encoding
    values["reply"] = table.read("reply", text_as(partial(_bytes, encoding)))
    values["frame"] = _load_frame(table, encoding)
    return values


def _load_devices(table: Table, source: Source) -> Checks:
    tests = load_match(table, source)
    for name in sorted(_OF_EVENTS[source.name].intersection(tests)):
        table.problem("tells events apart, and not devices", "match", name)
    return tuple(tests.items())


def _load_text(table: Table) -> KeyedText:
    values: dict[str, Any] = {key: table.read(key, convert) for key, convert in _OF_TEXT.items() if key in table}
    table.known.update(_OF_TEXT)
    table.finish()
    return KeyedText(**values)


def _load_frame(table: Table, encoding: str) -> Frame:
    if not isinstance(table.content.get("frame"), dict):
        table.read("frame", _line)
        return LineFrame()
    cut = table.table("frame")
    assert cut is not None
    values: dict[str, Any] = {
        "delimiter": cut.read("delimiter", text_as(partial(_bytes, encoding))),
        "length": cut.read("length", integer(1, LONGEST_FRAME)),
        "regex": cut.read("regex", text_as(RegexFrame.parse)),
    }
    kind = cut.exactly_one(*values)
    cut.finish()
    match kind:
        case "delimiter":
            return DelimiterFrame(values[kind])
        case "length":
            return LengthFrame(values[kind])
        case _:
            return values["regex"] or LineFrame()


def _line(value: object) -> None:
    if value != "line":
        raise InvalidValueError(f'expected "line", or a table of delimiter, length or regex, found {describe(value)}')


def _path(value: object) -> str:
    path = text(value)
    if not path.startswith("/") or not path.isprintable():
        raise InvalidValueError(f"expected an absolute path, found {describe(value)}")
    return path


def _encoding(name: str) -> str:
    """The name of an encoding in which line ends are the bytes that they are in ASCII: frames are cut before it."""
    try:
        known = "\r\n".encode(name) == b"\r\n"
    except (LookupError, ValueError):
        known = False
    if not known:
        raise InvalidValueError(f'"{name}" is no encoding of text in which line ends are single bytes')
    return name


def _bytes(encoding: str, value: str) -> bytes:
    """The bytes that a text stands for: those of its hexadecimal digits behind `0x`, else its own."""
    if value[:2].lower() == "0x":
        if _HEXADECIMAL.fullmatch(value[2:]) is None:
            raise InvalidValueError(f"{describe(value)}: behind 0x stand hexadecimal digits, two for each byte")
        return bytes.fromhex(value[2:])
    if not value:
        raise InvalidValueError("is empty")
    try:
        return value.encode(encoding)
    except UnicodeError as error:
        raise InvalidValueError(f"{describe(value)} cannot be written in {encoding}") from error


def _parity(value: object) -> Parity:
    if isinstance(value, str):
        for parity in Parity:
            if value in (parity.value, parity.name.lower()):
                return parity
    words = ", ".join(parity.name.lower() for parity in Parity)
    raise InvalidValueError(f"expected one of {words}, or the first letter of one, found {describe(value)}")


def _stopbits(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and value in (1, 1.5, 2):
        return value
    raise InvalidValueError(f"expected 1, 1.5 or 2, found {describe(value)}")


def _key_name(name: str) -> str:
    of_keys = type_number("EV_KEY")
    return code_name(of_keys, code_number(of_keys, name))


_SETTINGS: Mapping[str, Callable[[object], object]] = {
    "baudrate": integer(1, 2**31 - 1),
    "bytesize": integer(5, 8),
    "parity": _parity,
    "stopbits": _stopbits,
    "xonxoff": boolean,
    "rtscts": boolean,
    "dtr": boolean,
    "rts": boolean,
    "hupcl": boolean,
    "exclusive": boolean,
    "max_frame": integer(1, LONGEST_FRAME),
}
_OF_TEXT: Mapping[str, Callable[[object], object]] = {
    "port": readable_name,
    "layout": choice(*LAYOUTS),
    "end": text_as(_key_name),
}

"""How activations and tasks are written: JSON with a checksum. Nothing here knows a database.

SQLite would not notice a flipped bit in a text, and a handler would be told of another device. So every row has the
CRC-32 of its content and of what it is known by.
"""

import json
from collections.abc import Mapping
from typing import TypeVar
from zlib import crc32

import msgspec

from bridge.model.events import Origin

Row = tuple[int, str, int]
"""A number, content, and the checksum of both."""
_Content = TypeVar("_Content", bound=msgspec.Struct | dict[str, str])


class OwedContent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An activation as it is written: `at` and `due` on boot time, `wall` and `wall_due` the same by the wall clock."""

    boot: str
    task: str
    at: int
    wall: int
    trigger: str
    rule: str | None = None
    key: str = ""
    details: Mapping[str, str] = msgspec.field(default_factory=dict)
    origin: Origin = Origin.LIVE
    only_task: str | None = None
    merged: int = 1
    instance_id: str | None = None
    attempt: int = 1
    again: int = 0
    due: int | None = None
    wall_due: int | None = None
    latched: bool = False
    redelivered: bool = False


class TaskContent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A task as it is written; `due` has for each trigger's place when it is due on boot time and by the wall clock."""

    boot: str
    name: str
    definition: str
    from_file: bool = True
    owner: int | None = None
    spent: tuple[int, ...] = ()
    spent_in_boot: tuple[int, ...] = ()
    due: Mapping[int, tuple[int, int]] = msgspec.field(default_factory=dict)
    failures: int = 0
    quarantined: str = ""
    package: str = ""


def written(content: object) -> str:
    """The content as text. Halves of surrogate pairs, which bytes in a device's name become, are escaped."""
    try:
        return msgspec.json.encode(content).decode()
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(content))


def read(content: bytes, kind: type[_Content]) -> _Content:
    """The content that `written` made. Raises `ValueError` for anything else."""
    try:
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.DecodeError:  # msgspec takes no halves of surrogate pairs
            return msgspec.convert(json.loads(content), kind, str_keys=True)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error


def checksum(content: bytes, number: int) -> int:
    """The checksum of a row that is known by its number."""
    return crc32(content, number & 0xFFFFFFFF)


def checksum_of_named(content: bytes, name: bytes) -> int:
    """The checksum of a row that is known by its name."""
    return crc32(content, crc32(name))

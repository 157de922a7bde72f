"""What is asked of the system bus, and what it tells: values. Nothing here is connected, and no type of D-Bus is left.

Structures and arrays are tuples, dictionaries are mappings, and a variant is what it holds. Whoever reads a value
checks its type: a service may answer anything.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.errors import InvalidValueError

_PATH = re.compile(r"/|(/[A-Za-z0-9_]+)+")  # D-Bus Specification, "Valid Object Paths"

Values = tuple[Any, ...]
"""The arguments of a signal or an answer."""


def is_object_path(text: object) -> bool:
    """Whether D-Bus takes this for the path of an object.

    >>> is_object_path("/org/freedesktop/login1"), is_object_path("/org/"), is_object_path("")
    (True, False, False)
    """
    return isinstance(text, str) and _PATH.fullmatch(text) is not None


def _check(path: object) -> None:
    if not is_object_path(path):
        raise InvalidValueError(f"{path!r} is not the path of an object on D-Bus, such as '/org/freedesktop/login1'")


@dataclass(frozen=True, slots=True)
class Signals:
    """Asks for every signal of one name that a service sends, of any object or of that at `path`."""

    service: str
    interface: str
    member: str
    path: str | None = None

    def __post_init__(self) -> None:
        """Raises `InvalidValueError` for what is no path."""
        if self.path is not None:
            _check(self.path)


@dataclass(frozen=True, slots=True)
class Properties:
    """Asks for the properties of an object, all of one interface, now and whenever they change."""

    service: str
    path: str
    interface: str

    def __post_init__(self) -> None:
        """Raises `InvalidValueError` for what is no path."""
        _check(self.path)


Wanted = Signals | Properties


@dataclass(frozen=True, slots=True)
class Call:
    """Asks a service once; `signature` is that of `arguments`."""

    service: str
    path: str
    interface: str
    member: str
    signature: str = ""
    arguments: Values = ()

    def __post_init__(self) -> None:
        """Raises `InvalidValueError` for what is no path."""
        _check(self.path)


@dataclass(frozen=True, slots=True)
class Connected:
    """The bus is there; whether the services are that something is wanted of is told next."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The bus is not there, and why; it is tried again. No call made before is answered any more."""

    why: str


@dataclass(frozen=True, slots=True)
class Appeared:
    """A service is there, or another process has its name now: whatever it told before may not hold."""

    service: str


@dataclass(frozen=True, slots=True)
class Vanished:
    """A service is not there. It is not started for our sake."""

    service: str


@dataclass(frozen=True, slots=True)
class Heard:
    """A signal that was wanted, of the service itself and nobody else."""

    service: str
    path: str
    interface: str
    member: str
    values: Values


@dataclass(frozen=True, slots=True)
class Known:
    """All properties that were wanted, as they are now."""

    of: Properties
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unknown:
    """What was wanted cannot be had, and why; it is told as `Known` if it can later. `error` is as in `Failed`."""

    of: Wanted
    error: str
    why: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a call, by its number. The descriptors are whose this is, who closes them."""

    number: int
    values: Values
    descriptors: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """A call that was answered with an error, `error` by its name on D-Bus, or not in time, and that is empty."""

    number: int
    error: str
    why: str


Told = Connected | Disconnected | Appeared | Vanished | Heard | Known | Unknown | Answered | Failed

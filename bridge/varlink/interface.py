"""A varlink interface description, from text to values. Nothing here judges a message or opens a file.

Source of the semantics: varlink.org, "Interface Definition". As systemd's validator does, a name is taken once in an
interface, whatever it names.

```
interface org.example.door
# comments go to the end of the line
type Door (name: string, state: (open, closed), tags: []string, labels: [string]string, owner: ?string)
method Open(name: string) -> (door: Door)
error Locked (name: string)
```
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

import msgspec

from bridge.errors import InterfaceError

_INTERFACE_NAME = re.compile(r"[A-Za-z](-*[A-Za-z0-9])*(\.[A-Za-z0-9](-*[A-Za-z0-9])*)+")
_MEMBER_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")
_FIELD_NAME = re.compile(r"[A-Za-z](_?[A-Za-z0-9])*")
_TOKEN = re.compile(r"[ \t\r]+|#[^\n]*|(?P<token>\n|->|\[\]|\[string\]|[():,?]|[A-Za-z0-9_.][A-Za-z0-9_.-]*|.)")


class BasicType(Enum):
    """The types that have a word; `int` has 64 bits, `object` is any JSON object."""

    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    STRING = "string"
    OBJECT = "object"


_BASIC_TYPES = {basic.value: basic for basic in BasicType}


class OptionalType(msgspec.Struct, frozen=True, kw_only=True):
    """`?of`: null, or left out."""

    of: "Type"


class ArrayType(msgspec.Struct, frozen=True, kw_only=True):
    """`[]of`."""

    of: "Type"


class MapType(msgspec.Struct, frozen=True, kw_only=True):
    """`[string]of`: an object whose keys are free."""

    of: "Type"


class StructType(msgspec.Struct, frozen=True, kw_only=True):
    """`(name: type, ...)`: an object with these fields and no others."""

    fields: Mapping[str, "Type"]


class EnumType(msgspec.Struct, frozen=True, kw_only=True):
    """`(one, two)`: one of these words."""

    words: tuple[str, ...]


class NamedType(msgspec.Struct, frozen=True, kw_only=True):
    """A type declared by `type Name (...)` in the same interface."""

    name: str


Type = BasicType | OptionalType | ArrayType | MapType | StructType | EnumType | NamedType


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """What a method takes and what it answers."""

    takes: StructType
    answers: StructType


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """One interface; `description` is the text it was read from, comments and all."""

    name: str
    description: str = field(repr=False)
    types: Mapping[str, StructType | EnumType]
    methods: Mapping[str, Method]
    errors: Mapping[str, StructType]


def read_interface(description: str) -> Interface:
    r"""The interface that this text describes.

    Raises `InterfaceError` with the line and what was meant.

    >>> door = read_interface("interface org.example.door\nmethod Open(name: string) -> (done: bool)")
    >>> door.methods["Open"].takes
    StructType(fields={'name': <BasicType.STRING: 'string'>})
    >>> read_interface("interface org.example.door\nmethod Open(name) -> ()")
    Traceback (most recent call last):
    bridge.errors.InterfaceError: line 2: found the word 'name' alone, meant a field and its type
    """
    return _Reader(description).interface()


class _Reader:
    """Reads one description, token by token."""

    def __init__(self, description: str) -> None:
        self._description = description
        self._tokens: list[tuple[int, str]] = []
        line = 1
        for match in _TOKEN.finditer(description):
            if match["token"] == "\n":
                line += 1
            elif match["token"]:
                self._tokens.append((line, match["token"]))
        self._tokens.append((line, ""))
        self._at = 0
        self._named: list[tuple[int, str]] = []

    def interface(self) -> Interface:
        """The whole description."""
        self._expect("interface", "'interface' and its name")
        name = self._name(_INTERFACE_NAME, "an interface's name such as org.example.door")
        types: dict[str, StructType | EnumType] = {}
        methods: dict[str, Method] = {}
        errors: dict[str, StructType] = {}
        while keyword := self._next:
            if keyword not in ("type", "method", "error"):
                raise self._error("'type', 'method' or 'error'")
            self._at += 1
            member = self._name(_MEMBER_NAME, "a name that begins with a capital letter", (types, methods, errors))
            if keyword == "type":
                types[member] = self._struct_or_enum()
            elif keyword == "method":
                takes = self._struct()
                self._expect("->", "'->' and what the method answers")
                methods[member] = Method(takes=takes, answers=self._struct())
            else:
                errors[member] = self._struct()
        for line, named in self._named:
            if named not in types:
                raise InterfaceError(f"line {line}: found {named!r}, meant a type of this interface")
        return Interface(name=name, description=self._description, types=types, methods=methods, errors=errors)

    def _type(self) -> Type:
        if self._skip("?"):
            if self._next == "?":
                raise self._error("a type that is not optional already")
            return OptionalType(of=self._type())
        if self._skip("[]"):
            return ArrayType(of=self._type())
        if self._skip("[string]"):
            return MapType(of=self._type())
        if self._next == "(":
            return self._struct_or_enum()
        if basic := _BASIC_TYPES.get(self._next):
            self._at += 1
            return basic
        line = self._line
        name = self._name(_MEMBER_NAME, "a type")
        self._named.append((line, name))
        return NamedType(name=name)

    def _struct(self) -> StructType:
        line = self._line
        read = self._struct_or_enum()
        if isinstance(read, EnumType):
            raise InterfaceError(f"line {line}: found the word {read.words[0]!r} alone, meant a field and its type")
        return read

    def _struct_or_enum(self) -> StructType | EnumType:
        self._expect("(", "'(' and fields")
        fields: dict[str, Type] = {}
        words: list[str] = []
        if self._skip(")"):
            return StructType(fields=fields)
        while True:
            name = self._name(_FIELD_NAME, "a field's name", (fields, words))
            if words or (not fields and self._next != ":"):
                words.append(name)
            else:
                self._expect(":", "':' and a type")
                fields[name] = self._type()
            if not self._skip(","):
                break
        self._expect(")", "',' or ')'")
        return EnumType(words=tuple(words)) if words else StructType(fields=fields)

    @property
    def _line(self) -> int:
        return self._tokens[self._at][0]

    @property
    def _next(self) -> str:
        return self._tokens[self._at][1]

    def _skip(self, token: str) -> bool:
        found = self._next == token
        self._at += found
        return found

    def _expect(self, token: str, meant: str) -> None:
        if not self._skip(token):
            raise self._error(meant)

    def _name(self, pattern: re.Pattern[str], meant: str, taken: Sequence[Collection[str]] = ()) -> str:
        name = self._next
        if not pattern.fullmatch(name):
            raise self._error(meant)
        if any(name in names for names in taken):
            raise self._error("a name that is not taken yet")
        self._at += 1
        return name

    def _error(self, meant: str) -> InterfaceError:
        found = repr(self._next) if self._next else "the end"
        return InterfaceError(f"line {self._line}: found {found}, meant {meant}")

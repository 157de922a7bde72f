"""Whether parameters are what an interface declares. Nothing here changes, completes or answers them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from bridge.varlink.interface import (
    ArrayType,
    BasicType,
    EnumType,
    Interface,
    MapType,
    NamedType,
    OptionalType,
    StructType,
    Type,
)

_INT_64 = range(-(2**63), 2**63)
_BASIC_TYPES: Mapping[BasicType, tuple[type, ...]] = {
    BasicType.BOOL: (bool,),
    BasicType.INT: (int,),
    BasicType.FLOAT: (float, int),
    BasicType.STRING: (str,),
    BasicType.OBJECT: (dict,),
}


class Mismatch(msgspec.Struct, frozen=True, kw_only=True):
    """Where a value differs from its declaration; `path` is as in `status.monitors[2].source`."""

    path: str
    found: str
    meant: str

    def __str__(self) -> str:
        return f"{self.path}: found {self.found}, meant {self.meant}"


def find_mismatches(interface: Interface, declared: Type, value: object, path: str = "") -> Iterator[Mismatch]:
    r"""Every place where the value differs from what is declared: unknown and missing fields, and wrong types.

    Named types are looked up in `interface`. Lazy: `next(..., None)` costs no more than the first one.

    >>> from bridge.varlink.interface import read_interface
    >>> door = read_interface("interface a.door\nmethod Open(name: string, times: ?int) -> ()")
    >>> for mismatch in find_mismatches(door, door.methods["Open"].takes, {"name": 7, "color": "red"}):
    ...     print(mismatch)
    color: found a field, meant none of this name
    name: found int, meant string
    """
    match declared:
        case BasicType():
            if type(value) not in _BASIC_TYPES[declared] or (declared is BasicType.INT and value not in _INT_64):
                yield _mismatch(path, value, declared.value)
        case OptionalType():
            if value is not None:
                yield from find_mismatches(interface, declared.of, value, path)
        case NamedType():
            yield from find_mismatches(interface, interface.types[declared.name], value, path)
        case EnumType():
            if not isinstance(value, str):
                yield _mismatch(path, value, "string")
            elif value not in declared.words:
                yield Mismatch(path=path, found=repr(value), meant=f"one of {', '.join(declared.words)}")
        case ArrayType():
            if not isinstance(value, list):
                yield _mismatch(path, value, "array")
                return
            for index, element in enumerate(value):
                yield from find_mismatches(interface, declared.of, element, f"{path}[{index}]")
        case MapType():
            if not isinstance(value, dict):
                yield _mismatch(path, value, "object")
                return
            if _are_all(declared.of, value.values()):
                return
            for key, element in value.items():
                yield from find_mismatches(interface, declared.of, element, _below(path, key))
        case StructType():
            if not isinstance(value, dict):
                yield _mismatch(path, value, "object")
                return
            yield from _mismatches_of_fields(interface, declared, value, path)


def _mismatches_of_fields(
    interface: Interface, declared: StructType, value: dict[str, Any], path: str
) -> Iterator[Mismatch]:
    for name in value:
        if name not in declared.fields:
            yield Mismatch(path=_below(path, name), found="a field", meant="none of this name")
    for name, field in declared.fields.items():
        if name in value:
            yield from find_mismatches(interface, field, value[name], _below(path, name))
        elif not isinstance(field, OptionalType):
            yield Mismatch(path=_below(path, name), found="nothing", meant="a value")


def _are_all(declared: Type, values: Iterable[object]) -> bool:
    """Whether the values are of a basic type, told without looking at each: a message may have thousands."""
    if not isinstance(declared, BasicType) or declared is BasicType.INT:
        return False
    return set(map(type, values)) <= set(_BASIC_TYPES[declared])


def _mismatch(path: str, value: object, meant: str) -> Mismatch:
    return Mismatch(path=path, found=_type_of(value), meant=meant)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _type_of(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int():
            return "int" if value in _INT_64 else "an int of more than 64 bits"
        case float():
            return "float"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"

"""Calls made from an interface file: such as it declares, and such as differ from it in one place. It calls nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

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

Value = st.SearchStrategy[Any]
OFTEN_WRONG = ["", " ", "\0", "\n", "\x1b[31m", "\u202e", "\ufeff", "ß" * 100, "x" * 5000, "-", "--", "{}", "{dev}"]
OFTEN_WRONG += [
    "../../etc/passwd",
    "%s%n",
    "null",
    "0",
    "🔌",
    "\ud7ff\ue000",
    "{" * 50,
    "TimeTrigger",
    "$(id)",
    "'; --",
]
INTS = [0, 1, -1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53, 2**63 - 1, -(2**63), 1000, 1001]
NOT_INTS = [2**63, -(2**63) - 1, 2**64, 10**30, 1.5, 0.0]
MOST_LEVELS = 20
"""Of what is made up freely; a message may have 32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeCall:
    """One call, without its interface's name."""

    method: str
    parameters: dict[str, Any]


def made_calls(interface: Interface, known: Mapping[str, Sequence[str]], objects: Value) -> st.SearchStrategy[MadeCall]:
    """Calls of every method. `known`: by parameter, what means something; `objects` go where any object may."""
    made = _Values(interface, known, objects)
    return st.one_of(*(made.calls(method) for method in sorted(interface.methods)))


def mostly(often: Value, seldom: Value) -> Value:
    """Three times of four the first (alternatives that are the same count once in Hypothesis)."""
    return st.integers(0, 3).flatmap(lambda choice: seldom if choice == 3 else often)


def anything(texts: Value) -> Value:
    """Any JSON value; some are deep."""
    plain = st.none() | st.booleans() | st.sampled_from([*INTS, *NOT_INTS]) | texts
    deep = st.integers(1, MOST_LEVELS).map(_nested)
    return deep | st.recursive(
        plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
    )


def _nested(levels: int) -> Any:
    value: Any = 0
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


class _Values:
    def __init__(self, interface: Interface, known: Mapping[str, Sequence[str]], objects: Value) -> None:
        self._interface = interface
        self._known = known
        self._all_known = [text for texts in known.values() for text in texts]
        self._texts = self._text("")
        self._objects = mostly(objects, st.dictionaries(self._texts, anything(self._texts), max_size=4))
        self._anything = anything(self._texts)

    def _text(self, parameter: str) -> Value:
        often = st.sampled_from(self._known.get(parameter, self._all_known))
        return mostly(often, st.sampled_from(OFTEN_WRONG) | st.text(max_size=20))

    def calls(self, method: str) -> st.SearchStrategy[MadeCall]:
        """Most are as declared."""
        valid = self._fields(self._interface.methods[method].takes)
        parameters = mostly(valid, valid.flatmap(self._with_one_change))
        return parameters.map(lambda parameters: MadeCall(method=method, parameters=parameters))

    def _fields(self, declared: StructType) -> st.SearchStrategy[dict[str, Any]]:
        fields = declared.fields
        return st.fixed_dictionaries(
            {name: self._value(of, name) for name, of in fields.items() if not isinstance(of, OptionalType)},
            optional={name: self._value(of, name) for name, of in fields.items() if isinstance(of, OptionalType)},
        )

    def _value(self, declared: Type, name: str) -> Value:
        match declared:
            case BasicType():
                return self._basic(declared, name)
            case OptionalType():
                return st.none() | self._value(declared.of, name)
            case NamedType():
                return self._value(self._interface.types[declared.name], name)
            case EnumType():
                return st.sampled_from(declared.words)
            case ArrayType():
                return st.lists(self._value(declared.of, name), max_size=4)
            case MapType():
                return st.dictionaries(self._text(f"names of {name}"), self._value(declared.of, name), max_size=4)
            case StructType():
                return self._fields(declared)

    def _basic(self, declared: BasicType, name: str) -> Value:
        made: dict[BasicType, Callable[[], Value]] = {
            BasicType.BOOL: st.booleans,
            BasicType.INT: lambda: st.sampled_from(INTS) | st.integers(-(2**63), 2**63 - 1),
            BasicType.FLOAT: lambda: st.floats(allow_nan=False, allow_infinity=False),
            BasicType.STRING: lambda: self._text(name),
            BasicType.OBJECT: lambda: self._objects,
        }
        return made[declared]()

    def _with_one_change(self, parameters: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
        added = st.tuples(self._texts, self._anything).map(lambda field: parameters | {field[0]: field[1]})
        if not parameters:
            return added
        names = st.sampled_from(sorted(parameters))
        left_out = names.map(lambda name: {key: value for key, value in parameters.items() if key != name})
        changed = st.tuples(names, self._anything).map(lambda field: parameters | {field[0]: field[1]})
        return added | left_out | changed

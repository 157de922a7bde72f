"""The tests of a rule's `match`: one small class for each. Nothing here knows a source or a rule.

A test is called with the value of a field, or None where the event has no such field, and says whether it holds.
Only `Not` holds for an absent field.
"""

import fnmatch
import re
from functools import cache
from warnings import catch_warnings

import msgspec

from bridge.errors import InvalidValueError, OutOfTimeError
from bridge.mapping.searching import Trial, find
from bridge.model.checks import Checks, Test
from bridge.model.events import Field
from bridge.toml.values import describe

_DECIMAL = re.compile(r"[+-]?[0-9]{1,30}", re.ASCII)
_MAGIC = re.compile(r"[*?\[]")


def number_of(value: Field | None) -> int | None:
    """The integer that a value is or spells in decimal."""
    if isinstance(value, str):
        return int(value) if _DECIMAL.fullmatch(value) else None
    return value


class Is(msgspec.Struct, frozen=True):
    """Exactly this text."""

    text: str

    def __call__(self, value: Field | None, /) -> bool:
        """Whether the value is this text."""
        return value == self.text or (type(value) is int and str(value) == self.text)

    def exact(self) -> frozenset[Field]:
        """The text."""
        return frozenset({self.text})

    def __str__(self) -> str:
        return repr(self.text)


class Glob(msgspec.Struct, frozen=True):
    """A text with `*`, `?` and `[...]`, as in udev rules and the shell (fnmatch(3)); case counts."""

    text: str

    def __call__(self, value: Field | None, /) -> bool:
        """Whether the whole value matches."""
        return value is not None and _glob(self.text).fullmatch(str(value)) is not None

    def exact(self) -> None:
        """No list: a glob stands for many texts."""

    def __str__(self) -> str:
        return repr(self.text)


def is_glob(text: str) -> bool:
    """Whether a text stands for more than itself."""
    return _MAGIC.search(text) is not None


@cache
def _glob(text: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(text), re.DOTALL)


class AnyCase(msgspec.Struct, frozen=True):
    """Another test, asked of the value in small letters: for hexadecimal ids, which compare without case."""

    test: Test

    def __call__(self, value: Field | None, /) -> bool:
        """Whether the test holds for the value in small letters."""
        return self.test(value.lower() if isinstance(value, str) else value)

    def exact(self) -> frozenset[Field] | None:
        """The values in small letters; who looks one up lowers the event's value first."""
        return self.test.exact()

    def __str__(self) -> str:
        return f"{self.test} in any case"


class Equals(msgspec.Struct, frozen=True):
    """An integer, or decimal text that says the same."""

    number: int

    def __call__(self, value: Field | None, /) -> bool:
        """Whether the value is or spells the number."""
        return value == self.number or (type(value) is str and number_of(value) == self.number)

    def exact(self) -> frozenset[Field]:
        """The number."""
        return frozenset({self.number})

    def __str__(self) -> str:
        return str(self.number)


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """An integer, or decimal text, from `minimum` to `maximum` and less than `below`; None leaves a side open."""

    minimum: int | None = None
    maximum: int | None = None
    below: int | None = None

    def __post_init__(self) -> None:
        lowest = self.minimum
        if lowest is None:
            return
        if (self.maximum is not None and lowest > self.maximum) or (self.below is not None and lowest >= self.below):
            raise InvalidValueError(f"nothing lies in {self}")

    def __call__(self, value: Field | None, /) -> bool:
        """Whether the value is or spells a number of the range."""
        number = number_of(value)
        return (
            number is not None
            and (self.minimum is None or number >= self.minimum)
            and (self.maximum is None or number <= self.maximum)
            and (self.below is None or number < self.below)
        )

    def exact(self) -> None:
        """No list: a range stands for many numbers."""

    def __str__(self) -> str:
        sides = (("min", self.minimum), ("max", self.maximum), ("below", self.below))
        return "{ " + ", ".join(f"{name} = {side}" for name, side in sides if side is not None) + " }"


class AnyOf(msgspec.Struct, frozen=True):
    """At least one of several tests."""

    tests: tuple[Test, ...]

    def __post_init__(self) -> None:
        if not self.tests:
            raise InvalidValueError("an empty list matches nothing")

    def __call__(self, value: Field | None, /) -> bool:
        """Whether one of the tests holds."""
        return any(test(value) for test in self.tests)

    def exact(self) -> frozenset[Field] | None:
        """The values of all, where every one can list its own."""
        values = [test.exact() for test in self.tests]
        return frozenset().union(*(each for each in values if each is not None)) if None not in values else None

    def __str__(self) -> str:
        return "[" + ", ".join(str(test) for test in self.tests) + "]"


class Search(msgspec.Struct, frozen=True, eq=False):
    """A regular expression found anywhere in the value (Python's `re`); its named groups become fields.

    In hexadecimal ids it minds no case, as no test does. What was not searched to its end counts as not found.
    """

    pattern: re.Pattern[str]
    trial: Trial = msgspec.field(default_factory=Trial)
    """This test's own: another one of the same expression is equal to it, and has another."""

    @classmethod
    def parse(cls, text: str, *, hexadecimal: bool = False) -> "Search":
        """The test for this expression. Raises `InvalidValueError` with what is wrong in it."""
        try:
            with catch_warnings(action="error", category=FutureWarning):  # what Python will read otherwise one day
                return cls(re.compile(text, re.IGNORECASE if hexadecimal else re.NOFLAG))
        except (re.error, RecursionError, OverflowError, FutureWarning) as error:
            raise InvalidValueError(f"regex {text!r} cannot be read: {error}") from error

    def __call__(self, value: Field | None, /) -> bool:
        """Whether the expression is found in the value."""
        try:
            return self.search(value) is not None
        except OutOfTimeError:
            return False

    def groups(self, value: Field | None) -> dict[str, str]:
        """The named groups that took part."""
        try:
            found = self.search(value)
        except OutOfTimeError:
            return {}
        return {name: text for name, text in found.groupdict().items() if text is not None} if found else {}

    def search(self, value: Field | None) -> re.Match[str] | None:
        """Where the expression is found. Raises `OutOfTimeError` where that is not known."""
        return find(self.pattern, str(value), self.trial) if value is not None else None

    def exact(self) -> None:
        """No list: an expression stands for many texts."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Search) and self.pattern == other.pattern

    def __hash__(self) -> int:
        return hash(self.pattern)

    def __str__(self) -> str:
        given_up = " (not searched for any more: it took too long)" if self.trial.is_over else ""
        return f"{{ regex = {self.pattern.pattern!r} }}{given_up}"


class Present(msgspec.Struct, frozen=True):
    """The field is there and not empty."""

    def __call__(self, value: Field | None, /) -> bool:
        """Whether there is anything."""
        return value is not None and value != ""

    def exact(self) -> None:
        """No list: anything will do."""

    def __str__(self) -> str:
        return "true"


class Not(msgspec.Struct, frozen=True):
    """The opposite of another test; it holds for an absent field, as no other test does.

    Where a search was not finished it does not hold either: what keeps a device out must not let it in.
    """

    test: Test

    def __call__(self, value: Field | None, /) -> bool:
        """Whether the field is absent or the test is known not to hold."""
        if value is None:
            return True
        try:
            return not _holds(self.test, value)
        except OutOfTimeError:
            return False

    def exact(self) -> None:
        """No list: everything but a few."""

    def __str__(self) -> str:
        return f"{{ not = {self.test} }}"


def _holds(test: Test, value: Field) -> bool:
    """Whether a test holds. Raises `OutOfTimeError` where a search that it needs was not finished."""
    match test:
        case Search():
            return test.search(value) is not None
        case AnyOf(tests):
            return any(_holds(each, value) for each in tests)
        case Not(inner):
            return not _holds(inner, value)
        case _:
            return test(value)  # nothing else has a search in it: an expression minds no case by itself


def parse_test(value: object, *, hexadecimal: bool = False) -> Test:
    """The test that a TOML value of `match` stands for.

    `hexadecimal` says that the field holds hexadecimal digits, whose case does not count.
    Raises `InvalidValueError`.

    >>> test = parse_test(["a*", {"min": 3, "below": 5}])
    >>> [test(value) for value in ("abc", 4, "4", 5, None)]
    [True, True, True, False, False]
    """
    match value:
        case True:
            return Present()
        case False:
            raise InvalidValueError("false is no test; for 'absent or empty' write { not = true }")
        case int():
            return Equals(value)
        case str():
            return _text(Glob(value) if is_glob(value) else Is(value), hexadecimal=hexadecimal)
        case list():
            return AnyOf(tuple(parse_test(each, hexadecimal=hexadecimal) for each in value))
        case dict():
            return _parse_table(value, hexadecimal=hexadecimal)
        case _:
            raise InvalidValueError(
                f"{describe(value)} is no test: a text, an integer, a list, true, "
                "or a table of is, regex, not, min, max, below"
            )


def _text(test: Is | Glob, *, hexadecimal: bool) -> Test:
    if not hexadecimal:
        return test
    return AnyCase(type(test)(test.text.lower()))


def _parse_table(table: dict[str, object], *, hexadecimal: bool) -> Test:
    match table:
        case {"is": str(text), **others} if not others:
            return _text(Is(text), hexadecimal=hexadecimal)
        case {"regex": str(text), **others} if not others:
            return Search.parse(text, hexadecimal=hexadecimal)
        case {"not": test, **others} if not others:
            inner = parse_test(test, hexadecimal=hexadecimal)
            if any(isinstance(each, Search) and each.pattern.groupindex for each in searches(inner)):
                raise InvalidValueError("a regex inside `not` cannot give fields: its groups are never found")
            return Not(inner)
        case _ if table and table.keys() <= {"min", "max", "below"}:
            for name, side in table.items():
                if type(side) is not int:
                    raise InvalidValueError(f"{name} is {describe(side)}, not an integer")
            sides = {name: side for name, side in table.items() if isinstance(side, int)}
            return Range(minimum=sides.get("min"), maximum=sides.get("max"), below=sides.get("below"))
        case _:
            raise InvalidValueError(
                f"a table of {', '.join(table) or 'nothing'} is no test: one of {{ is = text }}, {{ regex = text }}, "
                "{ not = test }, or min, max, below with integers"
            )


def searches(test: Test) -> tuple[Search, ...]:
    """Every regular expression within a test."""
    match test:
        case Search():
            return (test,)
        case AnyOf(tests):
            return tuple(search for each in tests for search in searches(each))
        case Not(inner) | AnyCase(inner):
            return searches(inner)
        case _:
            return ()


def say_whose(checks: Checks, whose: str) -> None:
    """Says for the log whose tests these are, should a search of theirs take too long."""
    for name, test in checks:
        for search in searches(test):
            search.trial.whose = f"{whose} ({name})"

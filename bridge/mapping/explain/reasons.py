"""Why a rule did not raise, as values: what was seen, what was wanted. Nothing here decides that it does not.

The mapper decides, and tells it to whoever wants to know. As text a reason is for people; its `word`, for machines, is
the rule's key where one is to blame.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from bridge.mapping.conditions import Guard, GuardState
from bridge.mapping.rules import Debounce, Edge, Filter, HoldFor, QuietFor, Rule, StartState
from bridge.model.checks import Checks, Test
from bridge.model.conditions import Named
from bridge.model.durations import format_at, format_duration
from bridge.model.events import SINCE, Event, Field, Fields

_LONGEST = 200
"""Characters of one value; a longer one says less than it hides."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A test failed, the first in the rule's order: `seen` is None where the event has no such field.

    >>> str(Mismatch("ID_SERIAL_SHORT", None, "'A50285BI'", held=2, tests=3))
    "ID_SERIAL_SHORT is not there, wanted 'A50285BI'"
    """

    word: ClassVar = "match"
    field: str
    seen: Field | None
    wanted: Test
    held: int
    """How many tests of the rule held, of so many `tests`."""
    tests: int

    def __str__(self) -> str:
        return f"{self.field} is {_shown(self.field, self.seen)}, wanted {_cut(str(self.wanted))}"


@dataclass(frozen=True, slots=True)
class NotHeld:
    """A guard did not hold, or had not since the level turned true; `known` is None before anything told of it."""

    word: ClassVar = "while"
    guard: Guard
    known: GuardState | None

    def __str__(self) -> str:
        match self.guard:
            case Named() as named:
                guard = str(named)
            case inline:
                guard = _table(inline.match)
        if self.known is None:
            return f"while: {guard} is not known yet"
        if self.known.holds:
            return f"while: {guard} holds only since {format_at(self.known.since)}"
        return f"while: {guard} does not hold since {format_at(self.known.since)}"


@dataclass(frozen=True, slots=True)
class Found:
    """State that was found, which this `start_state` lets raise nothing."""

    word: ClassVar = "start_state"
    start_state: StartState

    def __str__(self) -> str:
        why = {
            StartState.IGNORE: "was found, and did not change",
            StartState.BOOT: "was found, and raised in this boot already",
            StartState.IF_CHANGED: "was found as it was when it was last stored",
        }[self.start_state]
        return f'{why}: start_state = "{self.start_state}"'


@dataclass(frozen=True, slots=True)
class Repeated:
    """Autorepeat, which filters do not hear."""

    word: ClassVar = "autorepeat"

    def __str__(self) -> str:
        return "autorepeat (value = 2) neither starts nor ends a level, and does not count"


@dataclass(frozen=True, slots=True)
class Momentary:
    """A moment, for a filter that looks at levels."""

    word: ClassVar = "moment"

    def __str__(self) -> str:
        return "is over as it happens: it has no level that could turn true"


@dataclass(frozen=True, slots=True)
class Ended:
    """The rule's `until` holds for the same event."""

    word: ClassVar = "until"
    until: Checks

    def __str__(self) -> str:
        return f"until = {_table(self.until)} holds too, so the rule is not true"


@dataclass(frozen=True, slots=True)
class AlreadyTrue:
    """The rule was true before, and raises only when it turns true."""

    word: ClassVar = "true already"
    since: int

    def __str__(self) -> str:
        return f"true already, since {format_at(self.since)}"


@dataclass(frozen=True, slots=True)
class Waits:
    """The event counts; the rule may raise when its filter has run out."""

    word: ClassVar = "waits"
    filter: Filter | None
    due: int

    def __str__(self) -> str:
        return f"waits until {format_at(self.due)}: {_filter(self.filter)}"


@dataclass(frozen=True, slots=True)
class Broken:
    """The level did not last as long as the filter asks."""

    word: ClassVar = "broken"
    filter: Filter | None
    lasted: int

    def __str__(self) -> str:
        return f"was true for {_seconds(self.lasted)}, wanted {_filter(self.filter)}"


@dataclass(frozen=True, slots=True)
class Settled:
    """The level bounced, and settled true, as it had been before."""

    word: ClassVar = "settled"

    def __str__(self) -> str:
        return "settled true, as it was before it bounced"


@dataclass(frozen=True, slots=True)
class Miscounted:
    """A burst of so many matches is over, and the filter asks for another number."""

    word: ClassVar = "count"
    filter: QuietFor
    matches: int

    def __str__(self) -> str:
        return f"a burst of {self.matches}, wanted {_count(self.filter)}"


@dataclass(frozen=True, slots=True)
class Deaf:
    """The rule raised for this key not long ago."""

    word: ClassVar = "holdoff"
    holdoff: int
    until: int

    def __str__(self) -> str:
        return f'deaf until {format_at(self.until)}: holdoff = "{format_duration(self.holdoff)}"'


@dataclass(frozen=True, slots=True)
class Refused:
    """The key or the details are beyond what the contract allows."""

    word: ClassVar = "refused"
    message: str

    def __str__(self) -> str:
        return self.message


Reason = (
    Mismatch
    | NotHeld
    | Found
    | Repeated
    | Momentary
    | Ended
    | AlreadyTrue
    | Waits
    | Broken
    | Settled
    | Miscounted
    | Deaf
    | Refused
)


@dataclass(frozen=True, slots=True)
class Withheld:
    """A rule did not raise at `at` microseconds, for this event, with the fields that it has for rules."""

    at: int
    rule: Rule
    event: Event
    reason: Reason


Explain = Callable[[Withheld], None]
"""Who wants to know why rules do not raise."""


def mismatch_of(checks: Checks, fields: Fields) -> Mismatch | None:
    """The first test that fails for these fields; None where every one holds."""
    failed = [(name, test) for name, test in checks if not test(fields.get(name))]
    if not failed:
        return None
    name, test = failed[0]
    return Mismatch(name, fields.get(name), test, len(checks) - len(failed), len(checks))


def _shown(field: str, value: Field | None) -> str:
    if value is None:
        return "not there"
    if field == SINCE and isinstance(value, int):
        return _seconds(value)
    return _cut(repr(value))


def _seconds(span: int) -> str:
    """A length of time that was measured: always in seconds, so that two can be compared at sight."""
    return format_at(span).rstrip("0").rstrip(".") + "s"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _table(checks: Iterable[tuple[str, Test]]) -> str:
    return _cut("{ " + ", ".join(f"{name} = {test}" for name, test in checks) + " }")


def _filter(filter_: Filter | None) -> str:
    match filter_:
        case Debounce(span):
            return f'debounce = "{format_duration(span)}"'
        case HoldFor(span):
            return f'hold_for = "{format_duration(span)}"'
        case QuietFor(span):
            return f'quiet_for = "{format_duration(span)}"'
        case Edge() | None:
            return "edge = true"


def _count(filter_: QuietFor) -> str:
    if filter_.minimum == filter_.maximum:
        return f"count = {filter_.minimum}"
    most = "" if filter_.maximum is None else f", max = {filter_.maximum}"
    return f"count = {{ min = {filter_.minimum}{most} }}"

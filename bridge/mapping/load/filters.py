"""From a rule's table to its filters in time, with every error in them. Nothing here opens a file."""

import msgspec

from bridge.errors import InvalidValueError
from bridge.mapping.load.tests import Tests, check_level, load_match, open_match
from bridge.mapping.rules import Debounce, Edge, Filter, HoldFor, QuietFor
from bridge.model.checks import Checks
from bridge.model.durations import parse_duration
from bridge.sources.source import Source
from bridge.toml.schema import Table
from bridge.toml.values import boolean, describe, integer

_ONE_OF = ("edge", "debounce", "hold_for", "quiet_for")
_BURSTS = (1, None)


class Filters(msgspec.Struct, frozen=True):
    """What stands in a rule beside its match: at most one filter, what ends its level, its deaf time."""

    filter: Filter | None
    until: Checks
    holdoff: int | None


def load_filters(table: Table, source: Source | None, tests: Tests) -> Filters:
    """The filters of a rule that has these tests; `source` is None where the rule names none."""
    edge = table.read("edge", boolean, default=False)
    spans = {key: table.read(key, span) for key in ("debounce", "hold_for", "quiet_for", "holdoff")}
    bursts = table.read("count", _count, default=_BURSTS)
    chosen = table.at_most_one(*_ONE_OF)
    if "count" in table and chosen != "quiet_for":
        table.problem("stands only beside quiet_for, which says when a burst is over", "count")
    until = _load_until(table, source, chosen)
    if source is not None and chosen in ("edge", "debounce", "hold_for"):
        check_level(table, source, tests, chosen)
    return Filters(_filter(chosen, edge, spans, bursts), until, spans["holdoff"])


def span(value: object) -> int:
    """The conversion to a length of time that is more than nothing, in microseconds."""
    microseconds = parse_duration(value)
    if microseconds == 0:
        raise InvalidValueError(f"expected a time of more than 0, found {describe(value)}")
    return microseconds


def _filter(
    chosen: str | None, edge: bool, spans: dict[str, int | None], bursts: tuple[int, int | None]
) -> Filter | None:
    length = spans.get(chosen or "")
    match chosen:
        case "edge" if edge:
            return Edge()
        case "debounce" if length is not None:
            return Debounce(length)
        case "hold_for" if length is not None:
            return HoldFor(length)
        case "quiet_for" if length is not None:
            return QuietFor(length, *bursts)
        case _:
            return None


def _count(value: object) -> tuple[int, int | None]:
    at_least_one = integer(minimum=1)
    match value:
        case dict() if value and value.keys() <= {"min", "max"}:
            least = at_least_one(value.get("min", 1))
            most = at_least_one(value["max"]) if "max" in value else None
            if most is not None and most < least:
                raise InvalidValueError(f"no number is at least {least} and at most {most}")
            return least, most
        case dict():
            raise InvalidValueError(f"expected a table of min and max, found one of {', '.join(value) or 'nothing'}")
        case str() | list():
            raise InvalidValueError(f"expected an integer or a table of min and max, found {describe(value)}")
        case _:
            exactly = at_least_one(value)
            return exactly, exactly


def _load_until(table: Table, source: Source | None, chosen: str | None) -> Checks:
    table.known.add("until")
    if "until" not in table:
        return ()
    if chosen in (None, "quiet_for"):
        table.problem("stands only beside edge, debounce or hold_for: it says when what is true ends", "until")
    if source is None:
        open_match(table, "until")
        return ()
    tests = load_match(table, source, "until")
    for name in tests:
        if source.tells_who(name):
            table.problem("does not change while the rule is true: test what does", "until", name)
    return tuple(tests.items())

"""What `explain` prints: for each event a group of lines, for each rule a last one. Nothing here replays anything."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bridge.cli.event_lines import line_of
from bridge.mapping.explain.reasons import Mismatch, Withheld
from bridge.mapping.explain.tally import Summary
from bridge.model.durations import format_at
from bridge.model.events import DeviceGone, Event
from bridge.model.text import printable
from bridge.model.triggers import Raised
from bridge.recording.jsonl import json_line
from bridge.testing.transcript import json_of

Verdict = Raised | Withheld


@dataclass(frozen=True, slots=True)
class Group:
    """What was decided at one time: at an event, or where `event` is None when timers were due."""

    at: int
    event: Event | DeviceGone | None
    verdicts: Sequence[Verdict]


def text_of_group(group: Group) -> Iterator[str]:
    """The event, and below it what came of each rule."""
    yield line_of(group.event) if group.event is not None else f"{format_at(group.at)} time went by"
    for verdict in group.verdicts:
        match verdict:
            case Raised():
                yield f"  {verdict.rule or verdict.trigger}: raised"
            case Withheld():
                yield f"  {verdict.rule.name}: {printable(str(verdict.reason))}"


def text_of_summaries(summaries: Iterable[Summary]) -> Iterator[str]:
    """What came of each rule, apart from what came of it at each event."""
    yield ""
    for summary in summaries:
        yield f"{summary.rule.name}: {printable(str(summary))}"


def json_of_group(group: Group) -> Iterator[str]:
    """The event as an object, and one for what came of each rule."""
    match group.event:
        case None:
            yield json_line(group.at, {"what": "time"})
        case DeviceGone(source=source, owner=owner):
            yield json_line(group.at, {"what": "gone", "source": source, "owner": owner})
        case Event(source=source, origin=origin, fields=fields):
            yield json_line(group.at, {"what": "event", "source": source, "origin": origin, "fields": fields})
    for verdict in group.verdicts:
        line = json_of(verdict) if isinstance(verdict, Raised) else _json_of_withheld(verdict, "withheld")
        if line is not None:
            yield line


def json_of_summary(summary: Summary) -> str:
    """What came of one rule as an object: how often it raised, or of what came closest when and why."""
    if summary.raised or summary.closest is None:
        return json.dumps({"what": "rule", "rule": summary.rule.name, "raised": summary.raised}, ensure_ascii=False)
    return _json_of_withheld(summary.closest, "rule", {"raised": 0})


def _json_of_withheld(withheld: Withheld, what: str, more: Mapping[str, object] | None = None) -> str:
    reason = withheld.reason
    facts: dict[str, object] = {
        "what": what,
        "rule": withheld.rule.name,
        **(more or {}),
        "reason": reason.word,
    }
    if isinstance(reason, Mismatch):
        facts |= {"field": reason.field, "seen": reason.seen, "wanted": str(reason.wanted)}
        facts |= {"held": reason.held, "tests": reason.tests}
    return json_line(withheld.at, {**facts, "why": str(reason)})

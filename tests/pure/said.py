"""Rules and events as a few words, and what the rules make of them: the notation of the tests of filters.

    0      KEY_POWER 1
    2.999  KEY_POWER 0 start
    3      mains ONLINE=1
    4      mains gone

A line is a time in seconds, what the event is of, and what it says; the last word may be an origin.
A word in capitals is a code of the keyboard `kbd`, any other a udev device whose properties follow.
"""

from collections.abc import Iterable, Iterator
from textwrap import dedent

from bridge.mapping.load.rules import load_rules
from bridge.mapping.memory import Memory
from bridge.mapping.table import RuleTable
from bridge.model.codes import resolve_code, type_name
from bridge.model.durations import format_at
from bridge.model.events import DeviceGone, Event, Field, Origin
from bridge.model.triggers import Raised
from bridge.pipeline.pipeline import Outcome
from bridge.testing.replay import Replay
from bridge.toml.document import parse

GUID = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"


def table_of(rules: str) -> RuleTable:
    """The rules, each of which raises GUID and is from evdev unless it says otherwise."""
    table, problems = load_rules([parse("rules.toml", complete(rules).encode())])
    assert [str(problem) for problem in problems] == []
    return table


def complete(rules: str) -> str:
    """The rules with the lines that all of them have."""
    blocks = dedent(rules).split("[[rule]]")
    for number, block in enumerate(blocks[1:], start=1):
        more = "" if "raise =" in block else f'\nraise = "{GUID}"'
        more += "" if "source =" in block else '\nsource = "evdev"'
        more += "" if "name =" in block else f'\nname = "rule {number}"'
        blocks[number] = more + block
    return "[[rule]]".join(blocks)


def events_of(script: str) -> Iterator[Event | DeviceGone]:
    """The events that the lines tell of."""
    for line in filter(None, map(str.strip, dedent(script).splitlines())):
        at, subject, *words = line.split()
        yield event_of(round(float(at) * 1_000_000), subject, words)


def event_of(at: int, subject: str, words: list[str]) -> Event | DeviceGone:
    """The event of one line."""
    origin = Origin(words.pop()) if words and words[-1] in list(Origin) else Origin.LIVE
    if subject.isupper():
        device = words[1] if len(words) > 1 else "kbd"
        type_, code = resolve_code(subject)
        assert type_ is not None
        fields: dict[str, Field] = {"device": device, "type": type_name(type_), "code": code, "value": int(words[0])}
        return Event("evdev", at, fields, origin)
    if words == ["gone"]:
        return DeviceGone("evdev" if subject == "kbd" else "udev", at, subject)
    properties = dict(word.split("=") for word in words)
    return Event("udev", at, {"action": "change", "devpath": subject, **properties}, origin)


def said(rules: str, script: str, until: float | None = None, memory: Memory | None = None) -> list[str]:
    """What the rules raise: `time rule`, or `time rule key` where a rule gives a key of its own."""
    end = None if until is None else round(until * 1_000_000)
    return list(told(Replay(table_of(rules), memory=memory).events(events_of(script), end)))


def told(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """Raises as `time rule key`, the usual keys left out."""
    for each in outcomes:
        if isinstance(each, Raised):
            at = format_at(each.at).rstrip("0").rstrip(".")
            yield f"{at} {each.rule}" + (f" {each.key}" if each.key not in {"kbd", ""} else "")

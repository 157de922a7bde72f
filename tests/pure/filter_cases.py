"""Rules, conditions and facts for Hypothesis to choose from, few enough that they meet.

Times are some microseconds, and so are the times of filters, so that all falls together and apart as often as can be.
Nothing here says what rules raise.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import msgspec
from hypothesis import strategies as st

from bridge.mapping.load.rules import load_rules
from bridge.mapping.table import RuleTable
from bridge.model.events import DeviceGone, Event, Field, Origin
from bridge.pipeline.facts import ConditionSet
from bridge.toml.document import parse
from tests.pure.filter_oracle import NUMBER, Condition, Rule, Told, repeats
from tests.pure.said import GUID

SYSTEM = Condition("InternetAvailable", "system", {"name": "InternetAvailable", "value": 1})
"""The one of the system's own conditions that is told of here."""
OWNERS = {"evdev": ("a", "b"), "udev": ("p", "q"), "serial": ("x", "y")}
KEYS = {"evdev": ("device", "code", "value", ""), "udev": ("devpath", "P", ""), "serial": ("port", "signal", "")}
ENDS = {"evdev": "value", "udev": "P", "serial": "value"}
NUMBERS: Sequence[object] = ([1, 3], 0, {"min": 1}, {"below": 2}, {"min": 1, "below": 3}, {"not": 1})
SINCE: Sequence[object] = ({"below": "2us"}, {"min": "2us"}, True, {"not": {"below": "3us"}}, [{"min": "1us"}])
A: Mapping[str, object] = {"code": "KEY_A", "value": 1}
CTS: Mapping[str, object] = {"signal": "CTS", "value": 1}
LEVELS: Mapping[str, Sequence[Mapping[str, object]]] = {
    "evdev": (
        *[A] * 6,
        {"code": "KEY_A"},
        {"code": "KEY_A", "value": 0},
        {"code": "KEY_B", "value": 1},
        {"code": ["KEY_A", "ABS_X"], "value": 1},
        {"code": {"not": "KEY_B"}, "value": {"min": 1}},
        {"value": 1},
        {"device": "a", "value": 1},
        *[{"code": "ABS_X", "value": 1}] * 2,
        *({"code": "ABS_X", "value": number} for number in NUMBERS),
        *({**A, "since": since} for since in SINCE),
    ),
    "udev": (
        *[{"P": 1}] * 4,
        {"subsystem": "s", "P": 1},
        {"subsystem": "s"},
        {"action": "change"},
        {"action": {"not": "change"}, "P": 1},
        {"P": True},
        *({"P": number} for number in NUMBERS),
        *({"P": 1, "since": since} for since in SINCE),
    ),
    "serial": (
        *[CTS] * 4,
        {"signal": {"not": "CTS"}, "value": 1},
        {"signal": "CTS"},
        {"state": "opened"},
        {"state": ["opened", "lost"]},
        *({**CTS, "since": since} for since in SINCE),
    ),
}
"""What a rule, a condition or a guard may ask, by source; what is there twice is asked as often."""
MOMENTS: Mapping[str, Mapping[str, object]] = {"evdev": {"code": "REL_X"}, "serial": {"line": True}}
FIELDS: Mapping[str, Sequence[Mapping[str, Field]]] = {
    "evdev": (
        *[{"device": device, "code": "KEY_A", "value": value} for device in "aaab" for value in (0, 0, 1, 1, 2)],
        *[{"device": device, "code": "KEY_B", "value": value} for device in "ab" for value in (0, 1)],
        *[{"device": "a", "code": "ABS_X", "value": value} for value in (0, 1, 1, 2, 2, 3)],
        {"device": "a", "code": "REL_X", "value": 1},
    ),
    "udev": (
        *[{"action": "change", "devpath": devpath, "P": value} for devpath in "ppq" for value in "0112"],
        *[{"action": action, "devpath": "p"} for action in ("change", "remove")],
        *[{"action": action, "devpath": "p", "P": "1"} for action in ("add", "remove")],
    ),
    "serial": (
        *[{"port": port, "signal": "CTS", "value": value} for port in "xxxy" for value in (0, 1)],
        *[{"port": "x", "signal": "RI", "value": value} for value in (0, 1)],
        *[{"port": "x", "state": state} for state in ("opened", "lost")],
        {"port": "x", "line": "l"},
    ),
}
"""What an event may tell, by source."""
OF_SYSTEM = [Event("system", 0, {"name": SYSTEM.name, "value": value}) for value in (0, 1)]
TYPES = {"KEY_A": "EV_KEY", "KEY_B": "EV_KEY", "ABS_X": "EV_ABS", "REL_X": "EV_REL"}
ORIGINS = (Origin.LIVE, Origin.RESYNC, Origin.START)
SUBSYSTEMS = {"p": "s", "q": "t"}
ON_LEVELS = ("edge", "debounce", "hold_for")
STEPS = (0, 0, 1, 1, 1, 2, 3, 5, 9)
SIZES = (0, 1, 2, 3, 4, 6, 9, 12, 16, 20, 20)
THEMES = (("evdev",), ("evdev",), ("udev",), ("serial",), ("evdev", "udev", "serial"))
"""The sources that a case is about."""


@dataclass(frozen=True, repr=False)
class Case:
    """Rules and what is told to them."""

    conditions: Sequence[Condition]
    rules: Sequence[Rule]
    facts: Sequence[Told]

    def table(self, rules: Sequence[Rule] | None = None) -> RuleTable:
        """The rules, or these, by way of the text of a file."""
        table, problems = load_rules([parse("rules.toml", self.text(rules).encode())])
        assert [str(problem) for problem in problems] == []
        return table

    def text(self, rules: Sequence[Rule] | None = None) -> str:
        """The rules file."""
        rules = self.rules if rules is None else rules
        written = [table_text("condition", vars(each)) for each in self.conditions if each is not SYSTEM]
        return "\n".join([*written, *(table_text("rule", fields_of(rule)) for rule in rules)])

    def __repr__(self) -> str:
        return f"{self.text()}\n" + "\n".join(map(repr, self.facts))


def fields_of(rule: Rule) -> Mapping[str, object]:
    """A rule as its table in a file has it."""
    filter_ = {rule.kind: rule.kind == "edge" or f"{rule.span}us"} if rule.filter else {}
    least, most = rule.count or (0, 0)
    return {
        "name": rule.name,
        "source": rule.source,
        "match": rule.match,
        "raise": GUID,
        "key": f"{{{rule.key}}}" if rule.key else "",
        "start_state": rule.start_state,
        **({"while": list(rule.guards)} if rule.guards else {}),
        **filter_,
        **({"count": least if least == most else {"min": least, "max": most}} if rule.count else {}),
        **({"until": rule.until} if rule.until else {}),
        **({"holdoff": f"{rule.holdoff}us"} if rule.holdoff else {}),
    }


def table_text(kind: str, fields: Mapping[str, object]) -> str:
    return "\n".join([f"[[{kind}]]", *(f"{name} = {toml(value)}" for name, value in fields.items())]) + "\n"


def toml(value: object) -> str:
    match value:
        case dict():
            return "{ " + ", ".join(f"{json.dumps(name)} = {toml(each)}" for name, each in value.items()) + " }"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def told_of(source: str) -> list[Told]:
    """All that may be told of one source, by no means equally often. State that is found is no autorepeat."""
    live, resync, start = ([event_of(source, fields, origin) for fields in FIELDS[source]] for origin in ORIGINS)
    gone = [DeviceGone(source, 0, owner) for owner in ("a", "p", "x", "unknown")]
    return [*live * 3, *resync, *(each for each in start if not repeats(each)), *gone]


def event_of(source: str, fields: Mapping[str, Field], origin: Origin) -> Event:
    if source == "evdev":
        return Event(source, 0, {**fields, "type": TYPES[str(fields["code"])]}, origin)
    if source == "udev":
        return Event(source, 0, {**fields, "subsystem": SUBSYSTEMS[str(fields["devpath"])]}, origin)
    return Event(source, 0, fields, origin)


@st.composite
def rules(draw: st.DrawFn, number: int, named: Sequence[str], theme: Sequence[str], kinds: Sequence[str]) -> Rule:
    source = draw(st.sampled_from(theme))
    kind = draw(st.sampled_from(kinds))
    has_level = kind in ON_LEVELS or source not in MOMENTS or draw(st.integers(0, 4)) > 0
    guards = [*LEVELS[source][::2], *[*named, *({"not": each} for each in named)] * 3]
    return Rule(
        name=f"rule {number}",
        source=source,
        match=draw(st.sampled_from(LEVELS[source])) if has_level else MOMENTS[source],
        key=draw(st.sampled_from(KEYS[source])),
        start_state=draw(st.sampled_from(["ignore", "ignore", "always", "boot", *["if-changed"] * has_level])),
        guards=[draw(st.sampled_from(guards)) for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2])))],
        filter=(kind, 0 if kind == "edge" else draw(st.integers(1, 5))) if kind != "none" else None,
        count=draw(st.sampled_from([None, (1, 1), (2, 2), (1, 2), (2, 3)])) if kind == "quiet_for" else None,
        until=draw(untils(source)) if kind in ON_LEVELS else None,
        holdoff=draw(st.sampled_from([None, None, 1, 2, 4, 8, 20])),
    )


def untils(source: str) -> st.SearchStrategy[Mapping[str, object] | None]:
    return st.none() | st.sampled_from([0, 0, 0, *NUMBERS]).map(lambda number: {ENDS[source]: number})


@st.composite
def recordings(draw: st.DrawFn, named: Sequence[str], theme: Sequence[str], steps: Sequence[int]) -> list[Told]:
    said: list[Told] = [ConditionSet(at=0, name=name, value=value) for name in named for value in (True, False, None)]
    tellable = [fact for source in theme for fact in told_of(source)]
    tellable += [*OF_SYSTEM, *said] * (len(tellable) // 50 + 1)
    size = draw(st.sampled_from(SIZES))
    told = draw(st.lists(st.tuples(st.sampled_from(steps), st.sampled_from(tellable)), min_size=size, max_size=size))
    times = accumulate((step for step, _ in told), initial=100)
    next(times)
    return [numbered(fact, number, at) for number, (at, (_, fact)) in enumerate(zip(times, told, strict=True))]


def numbered(fact: Told, number: int, at: int) -> Told:
    """The fact at a time, and if it is an event with a number that no other has."""
    if isinstance(fact, Event) and fact.source in NUMBER:
        return msgspec.structs.replace(fact, at=at, fields={**fact.fields, NUMBER[fact.source]: str(number)})
    return msgspec.structs.replace(fact, at=at)


@st.composite
def cases(
    draw: st.DrawFn, kinds: Sequence[str] = (*ON_LEVELS, "quiet_for", "none"), steps: Sequence[int] = STEPS
) -> Case:
    """Rules with filters of these kinds, conditions and facts; `steps` are from each time to the next."""
    theme = draw(st.sampled_from(THEMES))
    asked = [(source, match) for source in theme for match in LEVELS[source]]
    chosen = draw(st.lists(st.sampled_from(asked), max_size=2))
    own = [Condition(f"condition {number}", *each) for number, each in enumerate(chosen)]
    named = [each.name for each in [*own, SYSTEM]]
    ruled = [draw(rules(number, named, theme, kinds)) for number in range(draw(st.sampled_from([1, 2, 3, 4])))]
    return Case([*own, SYSTEM], ruled, draw(recordings(named, theme, steps)))

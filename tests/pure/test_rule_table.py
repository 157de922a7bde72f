"""The indexed rule table and the mapper on it give what asking every rule for every event gives."""

import fnmatch
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.mapping.mapper import Mapper
from bridge.mapping.match import parse_test
from bridge.mapping.memory import LevelTurned, RaisedThisBoot
from bridge.mapping.rules import Edge, Rule, StartState
from bridge.mapping.table import RuleTable
from bridge.model.events import DeviceGone, Event, Field, Origin
from bridge.model.guid import Guid
from bridge.model.templates import Template
from bridge.model.triggers import Raised
from bridge.sources import SOURCES

GUID = Guid("{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}")
HEXADECIMAL = {"ID_VENDOR_ID", "vendor"}
Said = list[tuple[str, str]]
"""The rules that raised, each with the key that it raised for."""


@dataclass(frozen=True)
class Spec:
    """A rule as its file says it."""

    name: str
    source: str
    match: Mapping[str, object]
    key: str
    edge: bool
    start_state: StartState

    def rule(self) -> Rule:
        tests = {name: parse_test(test, hexadecimal=name in HEXADECIMAL) for name, test in self.match.items()}
        return Rule(
            name=self.name,
            source=SOURCES[self.source],
            match=tuple(tests.items()),
            trigger=GUID,
            key=Template.parse(f"{{{self.key}}}"),
            filter=Edge() if self.edge else None,
            start_state=self.start_state,
        )

    @property
    def has_level(self) -> bool:
        return self.edge or self.start_state is StartState.IF_CHANGED

    @property
    def identity(self) -> str:
        return repr((self.name, self.source, self.match))


def holds(test: object, value: Field | None, *, any_case: bool) -> bool:
    """What design.md says of each test, said once more and as plainly as can be."""
    match test:
        case {"not": inner}:
            return value is None or not holds(inner, value, any_case=any_case)
        case list():
            return any(holds(each, value, any_case=any_case) for each in test)
    if value is None:
        return False
    text = str(value)
    if any_case:
        text = text.lower()
    match test:
        case True:
            return text != ""
        case int():
            return re.fullmatch(r"[+-]?[0-9]+", text) is not None and int(text) == test
        case {"is": exact}:
            return text == (exact.lower() if any_case else exact)
        case {"regex": pattern}:
            return re.search(pattern, str(value), re.IGNORECASE if any_case else re.NOFLAG) is not None
        case {"min": low, "below": high}:
            return re.fullmatch(r"[+-]?[0-9]+", text) is not None and low <= int(text) < high
        case str():
            return fnmatch.fnmatchcase(text, test.lower() if any_case else test)
    raise AssertionError(test)


@dataclass
class Naive:
    """A mapper that asks each rule for each event."""

    rules: Sequence[Spec] = ()
    true: set[tuple[str, tuple[str, str, str]]] = field(default_factory=set)
    raised: set[tuple[str, str]] = field(default_factory=set)

    def replace(self, rules: Sequence[Spec]) -> None:
        kept = {each.identity for each in rules if each.has_level}
        self.true = {(identity, subject) for identity, subject in self.true if identity in kept}
        self.rules = rules

    def receive(self, event: Event) -> Said:
        said: Said = []
        subject = subject_of(event)
        for rule in self.rules:
            matches = rule.source == event.source and all(
                holds(test, event.fields.get(name), any_case=name in HEXADECIMAL) for name, test in rule.match.items()
            )
            if matches and self._may_raise(rule, event, subject):
                said.append((rule.name, str(event.fields.get(rule.key, ""))))
                if rule.start_state is StartState.BOOT:
                    self.raised.add(said[-1])
            if subject is not None and rule.has_level and rule.source == event.source:
                (self.true.add if matches else self.true.discard)((rule.identity, subject))
        if event.fields.get("action") == "remove":
            self.gone(event.source, str(event.fields["devpath"]))
        return said

    def _may_raise(self, rule: Spec, event: Event, subject: tuple[str, str, str] | None) -> bool:
        was_true = subject is not None and (rule.identity, subject) in self.true
        if rule.edge and (was_true or subject is None):
            return False
        key = str(event.fields.get(rule.key, ""))
        return (
            event.origin is not Origin.START
            or {
                StartState.IGNORE: False,
                StartState.ALWAYS: True,
                StartState.BOOT: (rule.name, key) not in self.raised,
                StartState.IF_CHANGED: not was_true,
            }[rule.start_state]
        )

    def gone(self, source: str, owner: str) -> None:
        self.true = {(identity, subject) for identity, subject in self.true if subject[:2] != (source, owner)}

    def remembered(self) -> set[tuple[str, tuple[str, str]]]:
        names = {each.identity: each.name for each in self.rules if each.start_state is StartState.IF_CHANGED}
        return {(names[identity], subject[1:]) for identity, subject in self.true if identity in names}


def subject_of(event: Event) -> tuple[str, str, str] | None:
    fields = event.fields
    if event.source == "udev":
        return "udev", str(fields["devpath"]), ""
    repeats = fields["type"] == "EV_KEY" and fields["value"] == 2
    if fields["type"] == "EV_REL" or repeats:
        return None
    return "evdev", str(fields["device"]), str(fields["code"])


codes = st.sampled_from([("EV_KEY", "KEY_A"), ("EV_KEY", "KEY_B"), ("EV_SW", "SW_LID"), ("EV_REL", "REL_X")])
field_values = st.one_of(st.sampled_from(["5", "05", "+5", "6", "a", "A", "abc", "aB", "", "None"]), st.integers(4, 7))
origins = st.sampled_from([Origin.LIVE, Origin.LIVE, Origin.START, Origin.RESYNC])


@st.composite
def events(draw: st.DrawFn) -> Event | DeviceGone:
    device = draw(st.sampled_from(["one", "two"]))
    source = draw(st.sampled_from(["udev", "evdev"]))
    if draw(st.integers(0, 9)) == 0:
        return DeviceGone(source, 0, device)
    vendor = draw(st.sampled_from([{}, {"vendor": "046d"}, {"vendor": "046D"}, {"vendor": "10"}]))
    if source == "evdev":
        type_, code = draw(codes)
        value = draw(st.integers(0, 2))
        return Event(
            source, 0, {"device": device, **vendor, "type": type_, "code": code, "value": value}, draw(origins)
        )
    fields: dict[str, Field] = {"action": draw(st.sampled_from(["add", "change", "remove"])), "devpath": device}
    fields |= {f"ID_{name.upper()}_ID": value for name, value in vendor.items()}
    for name in ("P", "Q"):
        if draw(st.booleans()):
            fields[name] = draw(field_values)
    return Event(source, 0, fields, draw(origins))


leaf_tests = st.one_of(
    st.sampled_from(["5", "05", "6", "a", "A", "a*", "?", "[a-c]*", "None", "046D", "10"]),
    st.integers(4, 10),
    st.just(True),
    st.builds(lambda text: {"is": text}, st.sampled_from(["5", "a", "A", "a*", ""])),
    st.builds(lambda text: {"regex": text}, st.sampled_from(["^a", "5", "[A-Z]"])),
    st.just({"min": 5, "below": 7}),
)
exact_tests = st.lists(st.sampled_from(["5", 5, "05", 6, "a", "A"]), min_size=1, max_size=3)
any_tests = exact_tests | st.recursive(
    leaf_tests,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3),
        st.builds(lambda test: {"not": test}, inner),
    ),
    max_leaves=4,
)


@st.composite
def specs(draw: st.DrawFn, number: int) -> Spec:
    source = draw(st.sampled_from(["udev", "evdev", "evdev"]))
    open_tests = {"udev": ("P", "Q", "ID_VENDOR_ID"), "evdev": ("vendor", "value")}[source]
    pinned = {
        "udev": {"action": st.sampled_from(["add", "remove", ["add", "change"]]), "devpath": st.just("one")},
        "evdev": {
            "code": st.sampled_from(["KEY_A", "SW_LID", "REL_X", ["KEY_A", "KEY_B"], "KEY_*", {"not": "KEY_A"}]),
            "type": st.sampled_from(["EV_KEY", "EV_SW"]),
        },
    }[source]
    tests = {**dict.fromkeys(open_tests, any_tests), **pinned}
    names = draw(st.lists(st.sampled_from(sorted(tests)), min_size=1, max_size=3, unique=True))
    return Spec(
        name=f"rule {number}",
        source=source,
        match={name: draw(tests[name]) for name in names},
        key=draw(st.sampled_from([{"udev": "devpath", "evdev": "device"}[source], names[0]])),
        edge=draw(st.booleans()),
        start_state=draw(st.sampled_from(StartState)),
    )


@st.composite
def rule_sets(draw: st.DrawFn) -> list[Spec]:
    numbers = draw(st.lists(st.integers(0, 9), max_size=5, unique=True))
    return [draw(specs(number)) for number in numbers]


@st.composite
def reloads(draw: st.DrawFn, before: list[Spec]) -> list[Spec]:
    """Other rules, most of those before among them, some with another filter, in another order."""
    kept = [each for each in before if draw(st.integers(0, 3)) > 0]
    kept = [replace(each, edge=draw(st.booleans()), start_state=draw(st.sampled_from(StartState))) for each in kept]
    names = {each.name for each in kept}
    return draw(st.permutations(kept + [each for each in draw(rule_sets()) if each.name not in names]))


@pytest.mark.timeout(400)  # a failure is shrunk for up to 300 s
@settings(max_examples=150)
@given(st.data())
def test_the_indexed_mapper_raises_what_asking_every_rule_raises(data: st.DataObject) -> None:
    mapper, naive = Mapper(), Naive()
    stored: set[tuple[str, tuple[str, str]]] = set()
    rules: list[Spec] = []
    for _ in range(data.draw(st.integers(1, 3), label="reloads")):
        rules = data.draw(reloads(rules), label="rules")
        remember(stored, mapper.replace(RuleTable([each.rule() for each in rules])))
        naive.replace(rules)
        for event in data.draw(st.lists(events(), max_size=8), label="events"):
            if isinstance(event, DeviceGone):
                mapped = mapper.gone(event)
                naive.gone(event.source, event.owner)
                expected: Said = []
            else:
                mapped = mapper.receive(event)
                expected = naive.receive(event)
            remember(stored, mapped)

            assert [(each.rule, each.key) for each in mapped if isinstance(each, Raised)] == expected
            assert stored == naive.remembered()


def remember(stored: set[tuple[str, tuple[str, str]]], mapped: Sequence[object]) -> None:
    """What a store does."""
    for each in mapped:
        if isinstance(each, LevelTurned):
            (stored.add if each.true else stored.discard)((each.rule, each.subject))
        else:
            assert isinstance(each, Raised | RaisedThisBoot)


exact_rules = st.lists(st.dictionaries(st.sampled_from("PQ"), exact_tests | st.just(True), min_size=1), max_size=4)


@settings(max_examples=300)
@given(exact_rules, field_values, field_values)
def test_rules_that_pin_numbers_and_texts_are_found_once_and_in_order(
    matches: list[dict[str, object]], first: Field, second: Field
) -> None:
    rules = [rule_of(f"r{number}", **match) for number, match in enumerate(matches)]
    fields = {"P": first, "Q": second}

    candidates = RuleTable(rules).candidates["udev"](fields)
    assert [each.one for each in candidates if each.matches(fields)] == [rule for rule in rules if rule.matches(fields)]


@given(rule_sets(), events())
def test_candidates_come_in_order_each_once_and_none_that_matches_is_missing(
    rules: list[Spec], event: Event | DeviceGone
) -> None:
    if isinstance(event, DeviceGone):
        return
    table = RuleTable([each.rule() for each in rules])
    candidates = table.candidates[event.source](event.fields)

    places = [each.place for each in candidates]
    assert places == sorted(set(places))
    matching = [rule for rule in table.rules if rule.source.name == event.source and rule.matches(event.fields)]
    assert [each.one for each in candidates if each.matches(event.fields)] == matching


def rule_of(name: str, source: str = "udev", **match: object) -> Rule:
    return Spec(name, source, match, "devpath", edge=False, start_state=StartState.IGNORE).rule()


def found(rules: Sequence[Rule], **fields: Field) -> list[str]:
    return [each.one.name for each in RuleTable(rules).candidates[rules[0].source.name](fields)]


def test_of_10_000_rules_that_pin_other_codes_an_event_asks_only_its_own() -> None:
    rules = [rule_of(f"r{number}", "evdev", code=f"{number:#x}", value=1) for number in range(10_000)]

    assert found(rules, code="0x1388", value=1) == ["r5000"]
    assert found(rules, code="KEY_A", value=1) == []


def test_of_10_000_rules_that_pin_other_ids_an_event_asks_only_its_own_whatever_they_pin_together() -> None:
    rules = [rule_of(f"r{number}", subsystem="usb", action="add", ID_SERIAL=f"S{number}") for number in range(10_000)]

    assert found(rules, subsystem="usb", action="add", ID_SERIAL="S7") == ["r7"]


def test_a_number_written_twice_in_a_list_raises_once() -> None:
    rules = [rule_of("both", P=["5", 5, "+5"])]

    for value in ("5", 5, "+5", "05"):
        assert found(rules, P=value) == ["both"]


def test_rules_by_text_and_by_number_keep_the_order_of_the_file() -> None:
    rules = [rule_of("number", P=5), rule_of("text", P="5"), rule_of("again", P=5)]

    assert found(rules, P="5") == ["number", "text", "again"]


def test_what_the_rules_of_a_source_ask_for_is_told_to_its_monitor() -> None:
    rules = [
        rule_of("a", subsystem="usb", **{"attr.idVendor": "046d", "@ID_PATH": True}),
        rule_of("b", subsystem=["tty", "block"], **{"@attr.serial": "x"}),
        rule_of("c", "evdev", code="KEY_A"),
    ]
    interest = RuleTable(rules).interest("udev")

    assert interest.pinned("subsystem") == {"usb", "tty", "block"}
    assert interest.pinned("attr.idVendor") is None
    assert interest.attributes == {"attr.idVendor"}
    assert interest.inherited == {"@ID_PATH", "@attr.serial"}
    assert interest.possible({"subsystem": "tty"}, {"subsystem"})
    assert not interest.possible({"subsystem": "net"}, {"subsystem"})
    assert not interest.possible({"subsystem": "usb"}, {"subsystem", "@ID_PATH"})
    assert not RuleTable(rules[2:]).interest("udev").asks()

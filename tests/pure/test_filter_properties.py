"""Whatever rules and whatever facts: filters raise what an account from scratch says, and nothing else moves them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.model.events import DeviceGone, Event
from bridge.model.triggers import Raised
from bridge.pipeline.facts import Declared
from bridge.pipeline.pipeline import Outcome
from bridge.testing.replay import Replay
from bridge.testing.transcript import json_of, text_of
from tests.pure.filter_cases import ON_LEVELS, OWNERS, Case, cases
from tests.pure.filter_oracle import NUMBER, Said, Told, expected
from tests.pure.filter_weight import weight

pytestmark = pytest.mark.timeout(400)  # a failure is shrunk for up to 300 s
stops = st.lists(st.integers(0, 9), max_size=3)
ODD_STEPS = (-40, -3, -1, 0, 0, 1, 2, 5, 1_000_000_000)
ELSEWHERE: Sequence[Told] = (
    Event("network", 0, {"interface": "eth0", "kind": "link", "value": "up"}),
    Event("device", 0, {"state": "left", "ID_VENDOR_ID": "046d"}),
    DeviceGone("network", 0, "eth0"),
    DeviceGone("system", 0, ""),
)
"""What no rule asks for."""


def told(case: Case) -> list[Outcome]:
    """All that a case leads to, from the first fact until the filters have run out."""
    return list(events(Replay(case.table()), case.facts))


def events(replay: Replay, facts: Iterable[Told]) -> Iterator[Outcome]:
    for fact in facts:
        yield from replay.tell(fact)
    yield from replay.run_out()


def raised(outcomes: Iterable[Outcome]) -> list[Said]:
    raises = [each for each in outcomes if isinstance(each, Raised)]
    return [(each.at, str(each.rule), each.key, number_of(each.details)) for each in raises]


def number_of(details: Mapping[str, str]) -> str:
    return next(
        details[name] for name in NUMBER.values() if name in details and (name != "device" or "port" in details)
    )


def transcript(outcomes: Iterable[Outcome]) -> list[tuple[str | None, str | None]]:
    return [(text_of(each), json_of(each)) for each in outcomes]


@pytest.mark.parametrize("kind", ["none", *ON_LEVELS, "quiet_for"])
@settings(max_examples=200)
@given(data=st.data())
def test_rules_raise_what_an_account_of_all_that_was_told_says(kind: str, data: st.DataObject) -> None:
    case = data.draw(cases([kind]))

    assert raised(told(case)) == expected(case.rules, case.conditions, case.facts)


@settings(max_examples=150)
@given(cases(), st.data())
def test_it_does_not_matter_in_which_pieces_facts_come_nor_when_somebody_asks_what_is_due(
    case: Case, data: st.DataObject
) -> None:
    replay = Replay(case.table())
    outcomes: list[Outcome] = []
    for fact in case.facts:
        for early in sorted(data.draw(stops), reverse=True):
            outcomes += replay.advance(max(replay.now, fact.at - early))
        outcomes += replay.tell(fact)
    outcomes += replay.run_out()

    assert transcript(outcomes) == transcript(told(case))


@settings(max_examples=150)
@given(cases(), st.data())
def test_it_does_not_matter_whether_the_same_rules_are_loaded_again_meanwhile(case: Case, data: st.DataObject) -> None:
    replay = Replay(case.table())
    outcomes: list[Outcome] = []
    for fact in case.facts:
        if data.draw(st.booleans()):
            at = data.draw(st.integers(replay.now, fact.at) | st.just(fact.at))
            outcomes += replay.tell(Declared(at=at, rules=case.table(), tasks=()))
        outcomes += replay.tell(fact)
    outcomes += replay.run_out()

    assert outcomes == told(case)


@settings(max_examples=150)
@given(cases(), st.data())
def test_rules_that_stay_raise_the_same_whatever_rules_come_and_go(case: Case, data: st.DataObject) -> None:
    stay = data.draw(st.sets(st.sampled_from(case.rules), min_size=1), label="stay")
    others = st.lists(st.sampled_from(case.rules), unique=True, max_size=3).map(lambda some: [*stay, *some])
    tables = others.map(lambda rules: [each for each in case.rules if each in rules]).map(case.table)
    replay = Replay(data.draw(tables))
    outcomes: list[Outcome] = []
    for fact in case.facts:
        if data.draw(st.integers(0, 3)) == 0:
            outcomes += replay.tell(Declared(at=fact.at, rules=data.draw(tables), tasks=()))
        outcomes += replay.tell(fact)
    outcomes += replay.run_out()

    for rule in stay:
        own = [each for each in raised(outcomes) if each[1] == rule.name]
        assert own == expected([rule], case.conditions, case.facts)


@settings(max_examples=150)
@given(cases(steps=ODD_STEPS), st.lists(st.tuples(st.integers(0, 16), st.sampled_from(ELSEWHERE)), max_size=3))
def test_times_that_go_back_and_facts_that_concern_nobody_break_nothing(
    case: Case, more: Sequence[tuple[int, Told]]
) -> None:
    facts = list(case.facts)
    for place, fact in more:
        at = facts[place - 1].at if 0 < place <= len(facts) else 0
        facts.insert(place, msgspec.structs.replace(fact, at=at))

    first = list(events(Replay(case.table()), facts))
    assert transcript(first) == transcript(events(Replay(case.table()), facts))


@settings(max_examples=150)
@given(cases())
def test_what_has_run_out_and_gone_leaves_nothing_behind(case: Case) -> None:
    rules = [each for each in case.rules if each.start_state != "boot"]
    replay = Replay(case.table(rules))
    weights = []
    for _ in range(3):
        begin = replay.now + 1_000
        for fact in case.facts:
            list(replay.tell(msgspec.structs.replace(fact, at=begin + fact.at)))
        list(replay.run_out())
        for source, owners in OWNERS.items():
            for owner in owners:
                list(replay.tell(DeviceGone(source, replay.now, owner)))
        weights.append(weight(replay))

    assert weights[1] == weights[2]

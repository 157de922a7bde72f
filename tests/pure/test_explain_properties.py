"""Whatever rules and whatever facts: what is told is what the mapper did, and telling it changes nothing."""

import json

from hypothesis import given, settings

from bridge.cli.explanations import Group, json_of_group, json_of_summary
from bridge.mapping.explain.reasons import Mismatch, Withheld
from bridge.mapping.explain.tally import Tally
from bridge.model.events import DeviceGone, Event
from bridge.model.triggers import Raised
from bridge.testing.replay import Replay
from tests.pure.filter_cases import Case, cases


def told_by(case: Case) -> tuple[list[tuple[Event, set[str], list[Withheld]]], list[Raised], Tally]:
    """For each event who raised and what was told; all raises; and what came of each rule."""
    table = case.table()
    told: list[Withheld] = []
    replay = Replay(table, explain=told.append)
    steps: list[tuple[Event, set[str], list[Withheld]]] = []
    raised: list[Raised] = []
    tally = Tally(table)
    for fact in case.facts:
        raised += [each for each in replay.advance(fact.at) if isinstance(each, Raised)]
        before = len(told)
        now = [each for each in replay.tell(fact) if isinstance(each, Raised)]
        raised += now
        if isinstance(fact, Event):
            steps.append((fact, {each.rule or "" for each in now}, told[before:]))
    raised += [each for each in replay.run_out() if isinstance(each, Raised)]
    for withheld in told:
        tally.withheld(withheld)
    for each in raised:
        tally.raised(each)
    return steps, raised, tally


@settings(max_examples=60)
@given(cases())
def test_each_rule_of_an_events_source_raises_or_a_reason_is_told(case: Case) -> None:
    steps, _, _ = told_by(case)
    sources = {rule.name: rule.source for rule in case.rules}
    for event, raised, told in steps:
        of_source = {name for name, source in sources.items() if source == event.source}

        assert raised | {each.rule.name for each in told} == of_source
        assert all(each.at == event.at for each in told)


@settings(max_examples=60)
@given(cases())
def test_a_test_is_said_to_fail_exactly_where_it_does(case: Case) -> None:
    steps, _, _ = told_by(case)
    for _, raised, told in steps:
        for each in told:
            if isinstance(each.reason, Mismatch):
                held = [test(each.event.fields.get(name)) for name, test in each.rule.match]
                assert each.rule.match[held.index(False)] == (each.reason.field, each.reason.wanted)
                assert (each.reason.held, each.reason.tests) == (sum(held), len(held))
                assert each.rule.name not in raised


@settings(max_examples=60)
@given(cases())
def test_who_is_told_changes_nothing_and_every_rule_has_an_end(case: Case) -> None:
    replay = Replay(case.table())
    outcomes = [*(each for fact in case.facts for each in replay.tell(fact)), *replay.run_out()]
    _, raised, tally = told_by(case)

    assert [each for each in outcomes if isinstance(each, Raised)] == raised
    came = {fact.source for fact in case.facts if isinstance(fact, Event)}
    for summary in tally.summaries():
        assert summary.raised == sum(each.rule == summary.rule.name for each in raised)
        assert (summary.raised > 0 or summary.closest is not None) == (summary.rule.source.name in came)


@settings(max_examples=20)
@given(cases())
def test_every_line_of_json_is_an_object(case: Case) -> None:
    steps, raised, tally = told_by(case)
    groups = [Group(event.at, event, told) for event, _, told in steps]
    groups += [Group(0, DeviceGone("udev", 0, "p"), []), Group(5, None, raised)]
    lines = [line for group in groups for line in json_of_group(group)] + list(map(json_of_summary, tally.summaries()))

    assert all(isinstance(json.loads(line), dict) for line in lines)
    assert len(lines) == sum(1 + len(group.verdicts) for group in groups) + len(case.rules)

"""Why rules do not raise: each reason, in words, and what came closest."""

from collections.abc import Iterable
from itertools import chain, cycle

import pytest

from bridge.mapping.explain.reasons import Refused, Withheld
from bridge.mapping.explain.tally import Tally
from bridge.mapping.memory import Memory
from bridge.model.durations import format_at
from bridge.model.events import Event
from bridge.model.triggers import Raised
from bridge.pipeline.facts import ConditionSet
from bridge.pipeline.pipeline import Fact
from bridge.testing.replay import Replay
from tests.pure.said import events_of, table_of

POWER = """
    [[rule]]
    match = { code = "KEY_POWER", value = 1 }
    """


def explained(rules: str, facts: str | Iterable[Fact], memory: Memory | None = None) -> tuple[list[str], Tally]:
    """Each raise and each reason not to, as `time what`; and what came of each rule."""
    table = table_of(rules)
    tally = Tally(table)
    told: list[str] = []

    def hear(withheld: Withheld) -> None:
        tally.withheld(withheld)
        told.append(f"{format_at(withheld.at).rstrip('0').rstrip('.')} {withheld.reason}")

    replay = Replay(table, memory=memory, explain=hear)
    outcomes = (each for fact in (events_of(facts) if isinstance(facts, str) else facts) for each in replay.tell(fact))
    for outcome in chain(outcomes, replay.run_out()):
        if isinstance(outcome, Raised):
            tally.raised(outcome)
            told.append(f"{format_at(outcome.at).rstrip('0').rstrip('.')} raised")
    return told, tally


def why(rules: str, facts: str | Iterable[Fact], memory: Memory | None = None) -> list[str]:
    told, _ = explained(rules, facts, memory)
    return told


def closest(rules: str, facts: str) -> list[str]:
    _, tally = explained(rules, facts)
    return [str(summary) for summary in tally.summaries()]


def presses(*times: float) -> str:
    """A script in which the power button goes down and up in turn."""
    return "\n".join(f"{at} KEY_POWER {value}" for at, value in zip(times, cycle((1, 0)), strict=False))


def test_it_says_which_test_was_the_first_to_fail_and_what_was_seen() -> None:
    assert why(POWER, "0 KEY_POWER 0") == ["0 value is 0, wanted 1"]
    assert why(POWER, "0 KEY_A 0") == ["0 code is 'KEY_A', wanted 'KEY_POWER'"]


@pytest.mark.parametrize(
    ("test", "wanted"),
    [
        ('"A5*"', "'A5*'"),
        ('["A", 5, { not = "B" }]', "['A', 5, { not = 'B' }]"),
        ("{ min = 3, below = 5 }", "{ min = 3, below = 5 }"),
        ('{ regex = "^A+" }', "{ regex = '^A+' }"),
        ("true", "true"),
    ],
)
def test_a_field_that_is_absent_is_said_to_be(test: str, wanted: str) -> None:
    rule = f'[[rule]]\nsource = "udev"\nmatch = {{ ID_X = {test}, action = "change" }}\n'

    expected = [] if "not" in test else [f"0 ID_X is not there, wanted {wanted}"]
    assert why(rule, "0 disk A=1") == (expected or ["0 raised"])


def test_a_text_that_spells_a_number_is_told_from_a_number() -> None:
    rule = '[[rule]]\nsource = "udev"\nmatch = { POWER_SUPPLY_ONLINE = 1 }\n'

    assert why(rule, "0 mains POWER_SUPPLY_ONLINE=0") == ["0 POWER_SUPPLY_ONLINE is '0', wanted 1"]


def test_a_time_since_the_event_before_is_shown_in_seconds() -> None:
    rule = '[[rule]]\nmatch = { code = "KEY_A", since = { below = "3s" } }\n'

    assert why(rule, "1 KEY_A 1\n5.25 KEY_A 1\n6 KEY_A 1") == [
        '1 since is not there, wanted { below = "3s" }',
        '5.25 since is 4.25s, wanted { below = "3s" }',
        "6 raised",
    ]


def test_a_value_of_many_characters_is_cut() -> None:
    rule = f'[[rule]]\nsource = "udev"\nmatch = {{ ID_X = "{"b" * 1000}*" }}\n'
    (told,) = why(rule, f"0 disk ID_X={'a' * 1000}")

    assert "aaa..., wanted 'bbb" in told
    assert len(told) < 500


def test_an_inline_guard_is_not_known_then_does_not_hold_then_holds() -> None:
    rule = '[[rule]]\nmatch = { code = "KEY_F", value = 1 }\nwhile = [{ code = "KEY_LEFTALT", value = 1 }]\n'
    script = "0 KEY_F 1\n1 KEY_LEFTALT 0\n2 KEY_F 1\n3 KEY_LEFTALT 1\n4 KEY_F 1"

    assert [each for each in why(rule, script) if "LEFTALT', w" not in each] == [
        "0 while: { code = 'KEY_LEFTALT', value = 1 } is not known yet",
        "2 while: { code = 'KEY_LEFTALT', value = 1 } does not hold since 1.000000",
        "4 raised",
    ]


def test_a_guard_by_name_says_which_condition_it_is() -> None:
    rules = """
        [[condition]]
        name = "docked"
        source = "udev"
        match = { DOCKED = 1 }
        [[rule]]
        match = { code = "KEY_F" }
        while = ["docked"]
        [[rule]]
        match = { code = "KEY_F" }
        while = [{ not = "docked" }]
        """
    script = "0 KEY_F 1\n1 dock DOCKED=1\n2 KEY_F 1"

    assert why(rules, script) == [
        "0 while: condition 'docked' is not known yet",
        "0 while: { not = 'docked' } is not known yet",
        "2 while: { not = 'docked' } does not hold since 1.000000",
        "2 raised",
    ]


def test_a_condition_that_is_set_by_hand_counts() -> None:
    rule = '[[rule]]\nmatch = { code = "KEY_F" }\nwhile = ["InternetAvailable"]\n'
    facts = [ConditionSet(at=0, name="InternetAvailable", value=False), *events_of("1 KEY_F 1")]

    assert why(rule, facts) == ["1 while: condition 'InternetAvailable' does not hold since 0.000000"]


@pytest.mark.parametrize(
    ("start_state", "expected"),
    [
        ("ignore", ['0 was found, and did not change: start_state = "ignore"']),
        ("always", ["0 raised"]),
        ("boot", ['0 was found, and raised in this boot already: start_state = "boot"']),
        ("if-changed", ['0 was found as it was when it was last stored: start_state = "if-changed"']),
    ],
)
def test_state_that_was_found_says_what_start_state_makes_of_it(start_state: str, expected: list[str]) -> None:
    rule = f'{POWER}name = "power"\nkey = ""\nstart_state = "{start_state}"\n'
    memory = Memory(raised_this_boot={("power", "")}, true={("power", ("kbd", "KEY_POWER"))})

    assert why(rule, "0 KEY_POWER 1 start", memory) == expected


def test_an_edge_is_said_to_be_past() -> None:
    assert why(f"{POWER}edge = true\n", "1 KEY_POWER 1\n2 KEY_POWER 1") == [
        "1 raised",
        "2 true already, since 1.000000",
    ]


def test_hold_for_waits_and_says_how_long_it_lasted() -> None:
    assert why(f'{POWER}hold_for = "3s"\n', "1 KEY_POWER 1\n3.999 KEY_POWER 0\n5 KEY_POWER 1\n6 kbd gone") == [
        '1 waits until 4.000000: hold_for = "3s"',
        "3.999 value is 0, wanted 1",
        '3.999 was true for 2.999s, wanted hold_for = "3s"',
        '5 waits until 8.000000: hold_for = "3s"',
        '6 was true for 1s, wanted hold_for = "3s"',
    ]


def test_a_device_that_leaves_breaks_what_was_to_last() -> None:
    rule = '[[rule]]\nsource = "udev"\nmatch = { subsystem = "block" }\nhold_for = "3s"\n'
    there = Event("udev", 0, {"action": "add", "devpath": "/a", "subsystem": "block"})
    left = Event("udev", 1_000_000, {"action": "remove", "devpath": "/a", "subsystem": "block"})

    assert why(rule, [there, left]) == [
        '0 waits until 3.000000: hold_for = "3s"',
        '1 waits until 3.000000: hold_for = "3s"',
        '1 was true for 1s, wanted hold_for = "3s"',
    ]


def test_hold_for_names_the_guard_that_did_not_hold_all_the_time() -> None:
    rule = f'{POWER}hold_for = "3s"\nwhile = ["InternetAvailable"]\n'
    is_on, is_off = (ConditionSet(at=at, name="InternetAvailable", value=at != 2_000_000) for at in (0, 2_000_000))
    on_again = ConditionSet(at=2_500_000, name="InternetAvailable", value=True)

    for facts, state in (([], "holds only since 2.500000"), (["off"], "does not hold since 2.000000")):
        later = [is_off] if facts else [is_off, on_again]
        assert why(rule, [is_on, *events_of("1 KEY_POWER 1"), *later]) == [
            '1 waits until 4.000000: hold_for = "3s"',
            f"4 while: condition 'InternetAvailable' {state}",
        ]


def test_debounce_tells_a_bounce_and_a_level_that_is_as_it_was() -> None:
    script = "1 KEY_POWER 1\n1.005 KEY_POWER 0\n2 KEY_POWER 1\n3 KEY_POWER 0\n3.01 KEY_POWER 1"

    assert why(f'{POWER}debounce = "20ms"\n', script) == [
        '1 waits until 1.020000: debounce = "20ms"',
        "1.005 value is 0, wanted 1",
        '1.005 was true for 0.005s, wanted debounce = "20ms"',
        '2 waits until 2.020000: debounce = "20ms"',
        "2.02 raised",
        "3 value is 0, wanted 1",
        '3.01 waits until 3.030000: debounce = "20ms"',
        "3.03 settled true, as it was before it bounced",
    ]


@pytest.mark.parametrize(
    ("count", "wanted"),
    [("3", "3"), ("{ min = 3 }", "{ min = 3 }"), ("{ min = 3, max = 4 }", "{ min = 3, max = 4 }")],
)
def test_a_burst_says_how_many_it_had(count: str, wanted: str) -> None:
    rule = f'{POWER}quiet_for = "400ms"\ncount = {count}\n'

    assert why(rule, "1 KEY_POWER 1\n1.2 KEY_POWER 1") == [
        '1 waits until 1.400000: quiet_for = "400ms"',
        '1.2 waits until 1.600000: quiet_for = "400ms"',
        f"1.6 a burst of 2, wanted count = {wanted}",
    ]


@pytest.mark.parametrize("more", ["", 'quiet_for = "1ms"\n'])
def test_a_deaf_rule_says_until_when(more: str) -> None:
    told = why(f'{POWER}holdoff = "1s"\n{more}', "1 KEY_POWER 1\n1.5 KEY_POWER 1")

    assert told[-1].startswith("1.5 deaf until 2.00")
    assert told[-1].endswith('holdoff = "1s"')


def test_autorepeat_a_moment_and_an_until_that_holds_too_are_said_to_be_what_they_are() -> None:
    rules = """
        [[rule]]
        match = { code = "KEY_A", value = { min = 1 } }
        edge = true
        [[rule]]
        match = { value = { min = 1 } }
        edge = true
        [[rule]]
        match = { code = "KEY_A", value = { min = 1 } }
        hold_for = "1s"
        until = { value = { min = 1 } }
        """

    repeated = "0 autorepeat (value = 2) neither starts nor ends a level, and does not count"
    assert why(rules, "0 KEY_A 2") == [repeated] * 3
    assert "0 is over as it happens: it has no level that could turn true" in why(rules, "0 REL_X 1")
    assert "0 until = { value = { min = 1 } } holds too, so the rule is not true" in why(rules, "0 KEY_A 1")


@pytest.mark.parametrize("more", ["", 'quiet_for = "1ms"\n'])
def test_a_key_that_is_too_long_is_a_reason_too(more: str) -> None:
    rule = f'[[rule]]\nsource = "udev"\nmatch = {{ ID_X = true }}\nkey = "{{ID_X}}"\n{more}'
    told, tally = explained(rule, f"0 disk ID_X={'x' * 100_000}")

    assert len(told) == 1
    (summary,) = tally.summaries()
    assert summary.closest is not None
    assert isinstance(summary.closest.reason, Refused)


def test_rules_of_other_sources_are_not_told_of_an_event() -> None:
    rules = f'{POWER}[[rule]]\nsource = "udev"\nmatch = {{ action = "add" }}\n'

    assert why(rules, "0 KEY_POWER 0") == ["0 value is 0, wanted 1"]
    assert closest(rules, "0 KEY_POWER 0")[1] == "never: no event of udev came"


def test_a_summary_counts_raises() -> None:
    assert closest(POWER, "0 KEY_POWER 1") == ["raised 1 time"]
    assert closest(POWER, "0 KEY_POWER 1\n1 KEY_POWER 1") == ["raised 2 times"]


def test_closest_is_where_most_tests_held_and_of_equals_the_first() -> None:
    rule = '[[rule]]\nmatch = { device = "kbd", code = "KEY_A", value = 1 }\n'

    assert closest(rule, "0 KEY_B 0\n1 KEY_B 1\n2 KEY_A 0 \n3 KEY_A 0\n4 KEY_B 1") == [
        "never: closest at 2.000000: value is 0, wanted 1 (2 of 3 tests held)"
    ]
    assert closest(POWER, "0 KEY_A 2") == [
        "never: closest at 0.000000: code is 'KEY_A', wanted 'KEY_POWER' (0 of 2 tests held)"
    ]


@pytest.mark.parametrize(
    ("more", "script", "expected"),
    [
        ("", "0 KEY_POWER 0\n1 KEY_POWER 1 start", 'was found, and did not change: start_state = "ignore"'),
        ('hold_for = "3s"\n', presses(0, 1, 2, 4, 9, 10), 'was true for 2s, wanted hold_for = "3s"'),
        ('quiet_for = "1s"\ncount = 3\n', presses(0, 0.1, 5, 5.1, 5.2, 5.3, 9), "a burst of 2, wanted count = 3"),
        (
            'quiet_for = "1s"\ncount = 1\n',
            presses(0, 0.1, 0.2, 0.3, 0.4, 0.5, 5, 5.1, 5.2),
            "a burst of 2, wanted count = 1",
        ),
        (
            'while = [{ code = "KEY_A", value = 1 }]\n',
            presses(0, 1),
            "while: { code = 'KEY_A', value = 1 } is not known yet",
        ),
    ],
)
def test_what_came_closest_took_most_of_the_way(more: str, script: str, expected: str) -> None:
    (told,) = closest(f"{POWER}{more}", script)

    assert told.partition(": closest at ")[2].partition(": ")[2] == expected


def test_raises_of_others_are_not_counted() -> None:
    _, tally = explained(POWER, "0 KEY_A 1")
    (summary,) = tally.summaries()
    raised = Raised(at=0, trigger=summary.rule.trigger, rule=None, key="", details={})
    tally.raised(raised)

    assert summary.raised == 0

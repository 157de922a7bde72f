"""The filters in time: when each raises, and when it does not, to the microsecond."""

import pytest

from tests.pure.said import said

JACK = 'match = { code = "SW_HEADPHONE_INSERT", value = 1 }'
POWER = 'match = { code = "KEY_POWER", value = 1 }'


def one(*lines: str) -> str:
    return "\n".join(["[[rule]]", 'name = "r"', *lines])


def test_edge_raises_only_when_the_match_turns_true() -> None:
    script = """\
        0 KEY_POWER 1
        1 KEY_POWER 1
        2 KEY_POWER 0
        3 KEY_POWER 1
        """

    assert said(one(POWER, "edge = true"), script) == ["0 r", "3 r"]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("1 SW_HEADPHONE_INSERT 1", ["1.02 r"], id="one edge raises when it has held still"),
        pytest.param("1 SW_HEADPHONE_INSERT 0", [], id="false from the beginning"),
        pytest.param(
            "1 SW_HEADPHONE_INSERT 1\n1.003 SW_HEADPHONE_INSERT 0\n1.007 SW_HEADPHONE_INSERT 1",
            ["1.027 r"],
            id="bounce that ends true raises once, after the last edge",
        ),
        pytest.param(
            "1 SW_HEADPHONE_INSERT 1\n1.003 SW_HEADPHONE_INSERT 0", [], id="bounce that ends false raises nothing"
        ),
        pytest.param(
            "1 SW_HEADPHONE_INSERT 1\n1.02 SW_HEADPHONE_INSERT 0",
            ["1.02 r"],
            id="a timer comes before an event of the same instant",
        ),
        pytest.param("1 SW_HEADPHONE_INSERT 1\n1.019999 SW_HEADPHONE_INSERT 0", [], id="a microsecond too short"),
        pytest.param(
            "1 SW_HEADPHONE_INSERT 1\n2 SW_HEADPHONE_INSERT 0\n2.001 SW_HEADPHONE_INSERT 1",
            ["1.02 r"],
            id="bounce of what is true leaves it true, and raises nothing",
        ),
        pytest.param(
            "1 SW_HEADPHONE_INSERT 1\n2 SW_HEADPHONE_INSERT 0\n3 SW_HEADPHONE_INSERT 1",
            ["1.02 r", "3.02 r"],
            id="false for long enough, then true again",
        ),
        pytest.param(
            "1 SW_HEADPHONE_INSERT 1\n1.01 SW_HEADPHONE_INSERT 1",
            ["1.02 r"],
            id="an event that changes nothing puts nothing off",
        ),
        pytest.param("1 SW_HEADPHONE_INSERT 1\n1.01 kbd gone", [], id="a device that goes settles nothing"),
        pytest.param(
            "0 SW_HEADPHONE_INSERT 1 start\n5 SW_HEADPHONE_INSERT 0\n5.01 SW_HEADPHONE_INSERT 1",
            [],
            id="what was true at the start is settled",
        ),
        pytest.param(
            "0 SW_HEADPHONE_INSERT 1 start\n5 SW_HEADPHONE_INSERT 0\n6 SW_HEADPHONE_INSERT 1",
            ["6.02 r"],
            id="out and in again after the start",
        ),
    ],
)
def test_debounce_raises_when_the_level_has_come_to_rest_true(script: str, expected: list[str]) -> None:
    assert said(one(JACK, 'debounce = "20ms"'), script) == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("0 KEY_POWER 1\n2.999 KEY_POWER 0", [], id="2999 ms are too short"),
        pytest.param("0 KEY_POWER 1\n2.999999 KEY_POWER 0", [], id="a microsecond too short"),
        pytest.param("0 KEY_POWER 1\n3 KEY_POWER 0", ["3 r"], id="3000 ms are long enough"),
        pytest.param("0 KEY_POWER 1\n9 KEY_POWER 0", ["3 r"], id="once per true period"),
        pytest.param("0 KEY_POWER 1", ["3 r"], id="still held at the end of the recording"),
        pytest.param(
            "0 KEY_POWER 1\n1 KEY_POWER 2\n2 KEY_POWER 2\n4 KEY_POWER 0", ["3 r"], id="a key that repeats is held"
        ),
        pytest.param("0 KEY_POWER 1\n1 KEY_POWER 0\n2 KEY_POWER 1\n4 KEY_POWER 0", [], id="a break begins anew"),
        pytest.param("0 KEY_POWER 1\n1 KEY_POWER 1\n9 KEY_POWER 0", ["3 r"], id="from the edge, not the last event"),
        pytest.param("0 KEY_POWER 1\n1 kbd gone", [], id="a device that goes lets go"),
        pytest.param("0 KEY_POWER 1 start\n9 KEY_POWER 0", [], id="held at the start already"),
    ],
)
def test_hold_for_raises_when_it_was_true_without_a_break(script: str, expected: list[str]) -> None:
    assert said(one(POWER, 'hold_for = "3s"'), script) == expected


def test_hold_for_and_debounce_count_state_found_at_the_start_where_the_rule_asks_for_it() -> None:
    script = "1 KEY_POWER 1 start\n9 KEY_POWER 0"

    assert said(one(POWER, 'hold_for = "3s"', 'start_state = "always"'), script) == ["4 r"]
    assert said(one(POWER, 'debounce = "20ms"', 'start_state = "always"'), script) == ["1.02 r"]
    assert said(one(POWER, 'hold_for = "3s"', 'start_state = "boot"'), script) == ["4 r"]


@pytest.mark.parametrize(
    ("count", "presses", "expected"),
    [
        ("", [0], ["0.4 r"]),
        ("", [0, 0.3, 0.6], ["1 r"]),
        ("count = 2", [0], []),
        ("count = 2", [0, 0.3], ["0.7 r"]),
        ("count = 2", [0, 0.4], []),
        ("count = 2", [0, 0.399999], ["0.799999 r"]),
        ("count = 2", [0, 0.3, 0.6], []),
        ("count = 2", [0, 0.3, 5, 5.3], ["0.7 r", "5.7 r"]),
        ("count = { min = 2 }", [0, 0.3, 0.6], ["1 r"]),
        ("count = { min = 2, max = 3 }", [0, 0.1, 0.2, 0.3], []),
        ("count = { max = 3 }", [0], ["0.4 r"]),
    ],
)
def test_quiet_for_raises_after_a_burst_of_the_right_size(
    count: str, presses: list[float], expected: list[str]
) -> None:
    script = "\n".join(f"{at} KEY_POWER 1\n{at} KEY_POWER 0" for at in presses)

    assert said(one(POWER, 'quiet_for = "400ms"', count), script) == expected


def test_quiet_for_counts_per_key_and_not_per_subject() -> None:
    script = "0 KEY_A 1\n0.1 KEY_B 1\n0.2 KEY_A 1 other\n9 KEY_C 1"

    assert said(one('match = { type = "EV_KEY", value = 1 }', 'quiet_for = "1s"', "count = 2"), script) == ["1.1 r"]
    assert said(one("match = { value = 1 }", 'quiet_for = "1s"', "count = 3", 'key = ""'), script) == ["1.2 r"]


def test_quiet_for_goes_on_when_the_device_goes_as_that_is_the_quiet_it_waits_for() -> None:
    assert said(one(POWER, 'quiet_for = "5s"'), "0 KEY_POWER 1\n1 kbd gone") == ["5 r"]


def test_quiet_for_counts_no_autorepeat_and_no_state_found_at_the_start() -> None:
    rule = one('match = { code = "KEY_A" }', 'quiet_for = "1s"', "count = 2")

    assert said(rule, "0 KEY_A 1\n0.5 KEY_A 2\n0.6 KEY_A 2\n0.7 KEY_A 0") == ["1.7 r"]
    assert said(rule, "0 KEY_A 0 start\n0.1 KEY_A 1") == []


def test_quiet_for_works_on_moments_which_have_no_level() -> None:
    assert said(one('match = { type = "EV_REL" }', 'quiet_for = "5m"'), "0 REL_X 1\n60 REL_Y -1") == ["360 r"]


def test_until_keeps_a_level_true_between_two_thresholds() -> None:
    rule = one(
        'source = "udev"',
        "match = { POWER_SUPPLY_CAPACITY = { below = 20 } }",
        "until = { POWER_SUPPLY_CAPACITY = { min = 25 } }",
        "edge = true",
        'key = ""',
    )
    levels = [21, 20, 19, 20, 21, 19, 24, 18, 25, 24, 20, 19]
    script = "\n".join(f"{at} battery POWER_SUPPLY_CAPACITY={level}" for at, level in enumerate(levels))

    assert said(rule, script) == ["2 r", "11 r"]


def test_until_holds_the_level_for_debounce_and_hold_for_too() -> None:
    until = ('match = { code = "ABS_X", value = { min = 10 } }', "until = { value = { below = 5 } }")
    script = "0 ABS_X 10\n0.5 ABS_X 7\n2 ABS_X 4"

    assert said(one(*until, 'hold_for = "2s"'), script) == ["2 r"]
    assert said(one(*until, 'hold_for = "3s"'), script) == []
    assert said(one(*until, 'debounce = "1s"'), script) == ["1 r"]


def test_an_event_that_matches_until_never_makes_a_rule_true() -> None:
    rule = one('match = { code = "KEY_A" }', "until = { value = 0 }", "edge = true")

    assert said(rule, "0 KEY_A 0\n1 KEY_A 1\n2 KEY_A 0\n3 KEY_A 0\n4 KEY_A 1") == ["1 r", "4 r"]


def test_after_a_raise_holdoff_is_deaf_for_its_time_and_hears_what_comes_at_its_end() -> None:
    script = "0 KEY_POWER 1\n0.5 KEY_POWER 1\n0.999999 KEY_POWER 1\n1 KEY_POWER 1\n1.5 KEY_POWER 1\n9 KEY_POWER 1"

    assert said(one(POWER, 'holdoff = "1s"'), script) == ["0 r", "1 r", "9 r"]


def test_holdoff_is_deaf_per_key() -> None:
    script = "0 KEY_POWER 1\n0.1 KEY_POWER 1 other\n0.2 KEY_POWER 1"

    assert said(one(POWER, 'holdoff = "1s"'), script) == ["0 r", "0.1 r other"]
    assert said(one(POWER, 'holdoff = "1s"', 'key = ""'), script) == ["0 r"]


def test_levels_are_followed_while_a_rule_is_deaf() -> None:
    script = "0 KEY_POWER 1\n0.2 KEY_POWER 0\n0.4 KEY_POWER 1\n5 KEY_POWER 1\n6 KEY_POWER 0\n7 KEY_POWER 1"

    assert said(one(POWER, "edge = true", 'holdoff = "1s"'), script) == ["0 r", "7 r"]
    assert said(one(POWER, 'hold_for = "2s"', 'holdoff = "4s"'), script) == ["2.4 r", "9 r"]


def test_a_burst_that_comes_while_a_rule_is_deaf_does_not_count() -> None:
    script = "0 KEY_A 1\n0.2 KEY_A 1\n1 KEY_A 1\n2.1 KEY_A 1\n2.2 KEY_A 1"
    rule = one('match = { code = "KEY_A" }', 'quiet_for = "500ms"', "count = 2", 'holdoff = "1s"')

    assert said(rule, script) == ["0.7 r", "2.7 r"]


def test_since_is_the_time_since_the_subjects_previous_event_and_no_autorepeat_counts() -> None:
    rule = one('match = { code = "KEY_POWER", value = 0, since = { below = "3s" } }')

    assert said(rule, "0 KEY_POWER 1\n2.9 KEY_POWER 2\n2.999 KEY_POWER 0") == ["2.999 r"]
    assert said(rule, "0 KEY_POWER 1\n2.9 KEY_POWER 2\n3 KEY_POWER 0") == []
    assert said(rule, "0 KEY_POWER 0") == []
    assert said(rule, "0 KEY_POWER 1\n1 KEY_A 1\n4 KEY_POWER 0") == []


def test_since_of_moments_is_the_time_since_the_last_one() -> None:
    assert said(one('match = { code = "REL_WHEEL", since = { min = "1s" } }'), "0 REL_WHEEL 1\n0.5 REL_WHEEL 1\n"
                "1.5 REL_WHEEL 1") == ["1.5 r"]  # fmt: skip


def test_since_begins_anew_with_a_device_that_went() -> None:
    rule = one('match = { code = "KEY_POWER", since = true }')

    assert said(rule, "0 KEY_POWER 1\n1 kbd gone\n2 KEY_POWER 1\n3 KEY_POWER 0") == ["3 r"]


def test_timers_of_one_instant_raise_in_the_order_of_the_rules_and_before_its_events() -> None:
    rules = """\
        [[rule]]
        match = { code = "KEY_B" }
        [[rule]]
        match = { code = "KEY_A", value = 1 }
        hold_for = "2s"
        [[rule]]
        match = { code = "KEY_A", value = 1 }
        quiet_for = "2s"
        [[rule]]
        match = { code = "KEY_A", value = 1 }
        debounce = "2s"
        """

    assert said(rules, "0 KEY_A 1\n2 KEY_B 1") == ["2 rule 2", "2 rule 3", "2 rule 4", "2 rule 1"]


def test_until_the_end_of_time_nothing_is_due_later() -> None:
    rule = one(POWER, 'hold_for = "3s"')

    assert said(rule, "0 KEY_POWER 1", until=2.999) == []
    assert said(rule, "0 KEY_POWER 1", until=3) == ["3 r"]

"""Where filters, guards, reloads and what is said from outside meet: cases that an independent account has found."""

from collections.abc import Sequence

import pytest

from bridge.mapping.mapper import Mapper
from bridge.model.events import SINCE, Event
from bridge.pipeline.facts import ConditionSet, Declared
from bridge.pipeline.pipeline import Fact
from bridge.sources.udev import event_of_properties
from bridge.testing.replay import Replay
from tests.pure.said import events_of, said, table_of, told

ON = '[[condition]]\nname = "on"\nsource = "udev"\nmatch = { ONLINE = 1 }\n'
PRESSED = '[[rule]]\nname = "r"\nmatch = { code = "KEY_A", value = 1 }\n'
HELD_WHILE_ON = f'{ON}{PRESSED}while = ["on"]\nhold_for = "2s"\n'


def told_of(rules: str, *parts: str | Fact) -> list[str]:
    """What the rules raise for these facts, some of them as lines of said.py; and after them."""
    replay = Replay(table_of(rules))
    facts = [fact for part in parts for fact in (events_of(part) if isinstance(part, str) else [part])]
    return [each for fact in facts for each in told(replay.tell(fact))] + list(told(replay.run_out()))


def say(at: float, value: bool | None) -> Fact:
    return ConditionSet(at=round(at * 1_000_000), name="on", value=value)


def declare(at: float, rules: str) -> Fact:
    return Declared(at=round(at * 1_000_000), rules=table_of(rules), tasks=())


@pytest.mark.parametrize(
    ("guard", "script", "expected"),
    [
        ('{ code = "KEY_B", value = 1, since = { min = "1s" } }', "0 KEY_B 0\n5 KEY_B 1\n6 KEY_A 1", ["6 r"]),
        ('{ code = "KEY_B", value = 1, since = { min = "1s" } }', "0 KEY_B 0\n0.5 KEY_B 1\n6 KEY_A 1", []),
        ('{ code = "KEY_B", value = 1, since = { min = "1s" } }', "5 KEY_B 1\n6 KEY_A 1", []),
        ('"late"', "0 KEY_B 0\n5 KEY_B 1\n6 KEY_A 1", ["6 r"]),
        ('"late"', "0 KEY_B 0\n0.5 KEY_B 1\n6 KEY_A 1", []),
        ('{ not = "late" }', "0 KEY_B 0\n0.5 KEY_B 1\n6 KEY_A 1", ["6 r"]),
        ('{ not = "late" }', "0 KEY_B 0\n5 KEY_B 1\n6 KEY_A 1", []),
        ('{ not = "late" }', "5 KEY_B 1\n6 KEY_A 1", []),
    ],
)
def test_a_guard_or_condition_may_ask_for_since_though_no_rule_does(
    guard: str, script: str, expected: list[str]
) -> None:
    late = '[[condition]]\nname = "late"\nsource = "evdev"\nmatch = { code = "KEY_B", since = { min = "1s" } }\n'

    assert said(f"{late}{PRESSED}while = [{guard}]", script) == expected


def test_until_may_ask_for_since() -> None:
    rule = '[[rule]]\nname = "r"\nmatch = { code = "KEY_A" }\nuntil = { since = { min = "1s" } }\nedge = true'

    assert said(rule, "0 KEY_A 1\n0.9 KEY_A 0\n1.9 KEY_A 1\n2 KEY_A 0") == ["0 r", "2 r"]


@pytest.mark.parametrize("after", ['holdoff = "1s"', ""])
def test_a_reload_that_changes_holdoff_ends_what_was_deaf(after: str) -> None:
    reload = declare(1, PRESSED + after)

    before = f'{PRESSED}holdoff = "1h"'
    assert told_of(before, "0 KEY_A 1 a", reload, "10 KEY_A 1 a\n20 KEY_A 1 a") == ["0 r a", "10 r a", "20 r a"]
    assert told_of(before, "0 KEY_A 1 a", reload, "10 KEY_A 1 b\n20 KEY_A 1 b") == ["0 r a", "10 r b", "20 r b"]


def test_a_reload_that_leaves_holdoff_as_it_is_leaves_the_rule_deaf() -> None:
    rule = f'{PRESSED}holdoff = "1h"'

    assert told_of(rule, "0 KEY_A 1", declare(1, rule), "10 KEY_A 1\n3600 KEY_A 1") == ["0 r", "3600 r"]


def test_an_event_that_is_told_late_makes_no_key_deaf_for_longer() -> None:
    script = "10 KEY_A 1 a\n5 KEY_A 1 b\n6 KEY_A 1 b\n7 KEY_A 1 b"

    assert said(f'{PRESSED}holdoff = "2s"', script) == ["10 r a", "5 r b", "7 r b"]


def test_a_timer_that_is_due_sooner_than_before_does_not_wait_for_its_old_time() -> None:
    reload = declare(1, f'{PRESSED}debounce = "1s"')
    per_code = '[[rule]]\nname = "r"\nmatch = { value = 1 }\nkey = "{code}"\nquiet_for = "1s"'

    assert told_of(f'{PRESSED}debounce = "1h"', "0 KEY_A 1", reload, "2 KEY_A 0\n4 KEY_A 1") == ["5 r"]
    assert said(per_code, "10 KEY_A 1\n5 KEY_A 1\n5 KEY_B 1\n8 KEY_C 1") == ["6 r KEY_A", "6 r KEY_B", "9 r KEY_C"]


def test_what_is_due_at_one_instant_for_one_rule_raises_in_the_order_in_which_it_was_last_put_off() -> None:
    assert said(f'{PRESSED}quiet_for = "1s"', "0 KEY_A 1 a\n0 KEY_A 1 b\n0 KEY_A 1 a") == ["1 r b", "1 r a"]


def test_state_found_false_is_settled_at_once_where_start_state_lets_it_raise_nothing() -> None:
    for start_state in ("ignore", "if-changed"):
        rule = f'{PRESSED}debounce = "20ms"\nstart_state = "{start_state}"'

        assert said(rule, "0 KEY_A 1\n5 KEY_A 0 start\n5.01 KEY_A 1") == ["0.02 r", "5.03 r"]


def test_that_a_port_is_lost_is_a_condition_that_outlasts_the_port() -> None:
    lost = '[[condition]]\nname = "lost"\nsource = "serial"\nmatch = { state = "lost" }\n'
    rule = f'{lost}{PRESSED}while = ["lost"]'

    assert told_of(rule, Event("serial", 0, {"port": "scanner", "state": "lost"}), "1 KEY_A 1") == ["1 r"]
    assert told_of(rule, Event("serial", 0, {"port": "scanner", "state": "opened"}), "1 KEY_A 1") == []


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (["0 adp ONLINE=1\n1 KEY_A 1", say(1.5, False), say(1.6, None)], []),
        (["0 adp ONLINE=1\n1 KEY_A 1", say(1.5, False), say(1.6, True)], []),
        (["0 adp ONLINE=1\n1 KEY_A 1", say(1.5, True)], ["3 r"]),
        (["0 adp ONLINE=1\n1 KEY_A 1", say(1.5, True), "2 adp ONLINE=0"], ["3 r"]),
        (["0 adp ONLINE=1\n1 KEY_A 1", say(1.5, True), "2 adp ONLINE=0", say(2.5, None)], []),
        (["0 adp ONLINE=0", say(0, True), "1 KEY_A 1\n1.5 adp ONLINE=1", say(1.6, None)], ["3 r"]),
        ([say(0, True), "1 KEY_A 1", say(1.6, None)], []),
        (["0 adp ONLINE=1\n1 KEY_A 1", say(3, False)], ["3 r"]),
    ],
)
def test_what_is_said_of_a_condition_breaks_hold_for_only_if_the_condition_turns(
    parts: Sequence[str | Fact], expected: list[str]
) -> None:
    assert told_of(HELD_WHILE_ON, *parts) == expected


def test_a_guard_that_goes_and_comes_breaks_hold_for_but_not_at_the_very_instant_of_the_edge() -> None:
    assert said(HELD_WHILE_ON, "0 adp ONLINE=1\n1 KEY_A 1\n1.5 adp ONLINE=0\n1.5 adp ONLINE=1") == []
    assert said(HELD_WHILE_ON, "0 adp ONLINE=1\n1 KEY_A 1\n1 adp ONLINE=0\n1 adp ONLINE=1") == ["3 r"]
    assert said(HELD_WHILE_ON, "0 adp ONLINE=1\n1 KEY_A 1\n1 adp ONLINE=0\n1.000001 adp ONLINE=1") == []


def test_since_is_ours_though_a_udev_rule_may_set_a_property_of_that_name() -> None:
    event = event_of_properties({"ACTION": "change", "DEVPATH": "/d", SINCE: "yesterday"}, at=1)
    mapper = Mapper()
    mapper.replace(table_of('[[rule]]\nsource = "udev"\nmatch = { action = "change" }'))

    assert SINCE not in event.fields
    assert len(mapper.receive(event)) == 1


def test_what_two_bursts_hear_at_the_end_of_one_belongs_to_the_next() -> None:
    rule = f'{PRESSED}quiet_for = "1s"\ncount = 2'

    assert said(rule, "0 KEY_A 1\n0.5 KEY_A 1\n1.5 KEY_A 1\n2.5 KEY_A 1") == ["1.5 r"]
    assert said(rule, "0 KEY_A 1\n0.5 KEY_A 1\n1.499999 KEY_A 1\n2.5 KEY_A 1") == []

"""Guards and conditions: `while`, `[[condition]]`, what is not known yet, and what is said from outside."""

import pytest

from bridge.mapping.mapper import Mapper
from bridge.model.events import Event
from bridge.model.triggers import Raised
from tests.pure.said import events_of, said, table_of

CHORD = """\
    [[rule]]
    name = "chord"
    match = { code = "KEY_F", value = 1 }
    while = [{ code = "KEY_LEFTCTRL", value = 1 }, { code = "KEY_LEFTALT", value = 1 }]
    """
ON_MAINS = """\
    [[condition]]
    name = "on-mains"
    source = "udev"
    match = { subsystem = "power_supply", POWER_SUPPLY_TYPE = "Mains", POWER_SUPPLY_ONLINE = 1 }
    """
MAINS = "subsystem=power_supply POWER_SUPPLY_TYPE=Mains POWER_SUPPLY_ONLINE"
RULE = """\
    [[rule]]
    name = "r"
    match = { code = "KEY_A", value = 1 }
    """


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("0 KEY_LEFTCTRL 1\n1 KEY_LEFTALT 1\n2 KEY_F 1", ["2 chord"], id="both are held"),
        pytest.param("0 KEY_LEFTCTRL 1\n2 KEY_F 1", [], id="of the other nothing is known"),
        pytest.param(
            "0 KEY_LEFTCTRL 1\n1 KEY_LEFTALT 1\n1.5 KEY_LEFTCTRL 0\n2 KEY_F 1", [], id="one was let go before"
        ),
        pytest.param("0 KEY_F 1\n1 KEY_LEFTCTRL 1\n2 KEY_LEFTALT 1", [], id="held only after the key"),
        pytest.param(
            "0 KEY_LEFTCTRL 1 start\n0 KEY_LEFTALT 1 start\n2 KEY_F 1", ["2 chord"], id="held since before the start"
        ),
        pytest.param(
            "0 KEY_LEFTCTRL 1\n0 KEY_LEFTALT 1\n1 KEY_LEFTALT 2\n2 KEY_F 1", ["2 chord"], id="a repeat ends nothing"
        ),
        pytest.param("0 KEY_LEFTCTRL 1 a\n1 KEY_LEFTALT 1 b\n2 KEY_F 1 a", [], id="on another keyboard"),
        pytest.param("0 KEY_LEFTCTRL 1\n0 KEY_LEFTALT 1\n1 kbd gone\n2 KEY_F 1", [], id="the keyboard went"),
    ],
)
def test_a_chord_raises_while_the_other_keys_of_the_same_keyboard_are_held(script: str, expected: list[str]) -> None:
    assert [line.removesuffix(" a") for line in said(CHORD, script)] == expected


@pytest.mark.parametrize(
    ("guard", "script", "expected"),
    [
        ('"on-mains"', "1 KEY_A 1", []),
        ('"on-mains"', f"0 adp {MAINS}=1\n1 KEY_A 1", ["1 r"]),
        ('"on-mains"', f"0 adp {MAINS}=0\n1 KEY_A 1", []),
        ('"on-mains"', f"0 adp {MAINS}=1 start\n1 KEY_A 1", ["1 r"]),
        ('"on-mains"', f"0 one {MAINS}=1\n0 two {MAINS}=0\n1 KEY_A 1", ["1 r"]),
        ('"on-mains"', f"0 adp {MAINS}=1\n0.5 adp gone\n1 KEY_A 1", []),
        ('"on-mains"', f"0 adp {MAINS}=1\n0.5 adp {MAINS}=0\n1 KEY_A 1\n2 adp {MAINS}=1\n3 KEY_A 1", ["3 r"]),
        ('{ not = "on-mains" }', "1 KEY_A 1", []),
        ('{ not = "on-mains" }', f"0 adp {MAINS}=0\n1 KEY_A 1", ["1 r"]),
        ('{ not = "on-mains" }', f"0 adp {MAINS}=1\n1 KEY_A 1", []),
        ('{ not = "on-mains" }', f"0 adp {MAINS}=1\n0.5 adp gone\n1 KEY_A 1", ["1 r"]),
        ('{ not = "on-mains" }', "0 eth0 subsystem=net\n1 KEY_A 1", []),
        ('{ not = "on-mains" }', "0 bat subsystem=power_supply POWER_SUPPLY_TYPE=Mains\n1 KEY_A 1", []),
    ],
)
def test_a_condition_is_true_while_some_subjects_latest_event_matches_and_unknown_before_the_first(
    guard: str, script: str, expected: list[str]
) -> None:
    assert said(f"{ON_MAINS}{RULE}    while = [{guard}]\n", script) == expected


def test_a_condition_on_a_key_says_nothing_by_other_keys() -> None:
    rules = f"""\
    [[condition]]
    name = "lid-open"
    source = "evdev"
    match = {{ code = "SW_LID", value = 0 }}
{RULE}    while = [{{ not = "lid-open" }}]
    """

    assert said(rules, "0 KEY_B 1\n1 KEY_A 1") == []
    assert said(rules, "0 SW_LID 1 other\n1 KEY_A 1") == ["1 r"]
    assert said(rules, "0 SW_LID 0 other\n1 KEY_A 1") == []


def test_a_guard_sees_the_event_itself_as_the_latest_of_its_subject() -> None:
    rule = """\
    [[rule]]
    name = "r"
    match = { code = "KEY_A" }
    while = [{ code = "KEY_A", value = 1 }]
    """

    assert said(rule, "0 KEY_A 1\n1 KEY_A 0\n2 KEY_A 1") == ["0 r", "2 r"]


def test_an_event_that_its_guards_do_not_pass_leaves_the_rule_false() -> None:
    low = """\
    [[rule]]
    name = "low"
    source = "udev"
    match = { POWER_SUPPLY_CAPACITY = { below = 20 } }
    while = [{ not = "on-mains" }]
    edge = true
    key = ""
    """
    script = f"""\
        0 adp {MAINS}=1
        1 bat POWER_SUPPLY_CAPACITY=19
        2 adp {MAINS}=0
        3 bat POWER_SUPPLY_CAPACITY=18
        4 bat POWER_SUPPLY_CAPACITY=17
        """

    assert said(ON_MAINS + low, script) == ["3 low"]


@pytest.mark.parametrize(
    ("between", "expected"),
    [
        ("", ["3 r"]),
        ("1.5 KEY_LEFTCTRL 0\n1.6 KEY_LEFTCTRL 1", []),
        ("1.5 KEY_LEFTCTRL 0", []),
        ("3 KEY_LEFTCTRL 0", ["3 r"]),
        ("2.999999 KEY_LEFTCTRL 0", []),
    ],
)
def test_hold_for_is_broken_when_a_guard_is(between: str, expected: list[str]) -> None:
    rule = f'{RULE}    while = [{{ code = "KEY_LEFTCTRL", value = 1 }}]\n    hold_for = "2s"\n'

    assert said(rule, f"0 KEY_LEFTCTRL 1\n1 KEY_A 1\n{between}\n9 KEY_A 0") == expected


def test_debounce_and_quiet_for_ask_their_guards_when_the_event_comes_and_not_later() -> None:
    script = "0 KEY_LEFTCTRL 1\n1 KEY_A 1\n1.1 KEY_LEFTCTRL 0"
    guard = '    while = [{ code = "KEY_LEFTCTRL", value = 1 }]\n'

    assert said(f'{RULE}{guard}    debounce = "500ms"\n', script) == ["1.5 r"]
    assert said(f'{RULE}{guard}    quiet_for = "500ms"\n', script) == ["1.5 r"]
    assert said(f'{RULE}{guard}    quiet_for = "500ms"\n    count = 2\n', f"{script}\n1.2 KEY_A 1") == []


def raises(mapper: Mapper, script: str) -> int:
    (event,) = events_of(script)
    assert isinstance(event, Event)
    return sum(isinstance(each, Raised) for each in mapper.receive(event))


def test_what_is_said_of_a_condition_holds_whatever_events_tell_until_it_is_taken_back() -> None:
    mapper = Mapper()
    mapper.replace(table_of(f'{ON_MAINS}{RULE}    while = ["on-mains"]\n'))

    mapper.put("on-mains", True, 0)
    assert raises(mapper, "1 KEY_A 1") == 1
    assert raises(mapper, f"2 adp {MAINS}=0") == 0
    assert raises(mapper, "3 KEY_A 1") == 1
    mapper.put("on-mains", False, 4)
    assert raises(mapper, "5 KEY_A 1") == 0
    mapper.put("on-mains", None, 6)
    assert raises(mapper, f"7 adp {MAINS}=1") == 0
    assert raises(mapper, "8 KEY_A 1") == 1


def test_a_reload_keeps_what_is_known_of_conditions_and_guards_that_say_the_same() -> None:
    rules = f'{ON_MAINS}{CHORD}    edge = true\n{RULE}    while = ["on-mains"]\n'
    mapper = Mapper()
    mapper.replace(table_of(rules))
    for line in (f"0 adp {MAINS}=1", "1 KEY_LEFTCTRL 1", "1 KEY_LEFTALT 1"):
        raises(mapper, line)

    mapper.replace(table_of(f'{rules}\n[[rule]]\nname = "one more"\nmatch = {{ code = "KEY_B" }}'))

    assert raises(mapper, "2 KEY_A 1") == 1
    assert raises(mapper, "3 KEY_F 1") == 1
    raises(mapper, f"4 adp {MAINS}=0")
    assert raises(mapper, "5 KEY_A 1") == 0


def test_a_reload_keeps_a_filter_that_waits_and_forgets_one_that_says_something_else() -> None:
    hold = RULE + '    hold_for = "2s"\n'
    for after, expected in ((hold, 1), (RULE + '    hold_for = "3s"\n', 0), (RULE, 0)):
        mapper = Mapper()
        mapper.replace(table_of(hold))
        raises(mapper, "0 KEY_A 1")

        mapper.replace(table_of(after))

        assert len(mapper.advance(10_000_000)) == expected
        assert mapper.deadline is None


def test_a_monitor_is_asked_for_what_guards_look_at_on_the_devices_that_the_rule_is_about() -> None:
    rules = f"""\
{ON_MAINS}
    [[rule]]
    name = "r"
    match = {{ code = "KEY_F", value = 1, name = "ACME*" }}
    while = ["on-mains", {{ code = "KEY_LEFTALT", value = 1 }}]
    """
    table = table_of(rules)

    assert table.interest("udev").pinned("subsystem") == {"power_supply"}
    keys = table.interest("evdev")
    assert keys.pinned("code") == {"KEY_F", "KEY_LEFTALT"}
    assert keys.possible({"name": "ACME keys", "code": "KEY_LEFTALT"}, {"name", "code"})
    assert not keys.possible({"name": "other keys", "code": "KEY_LEFTALT"}, {"name", "code"})


def test_a_condition_that_no_rule_looks_at_is_not_asked_for() -> None:
    assert not table_of(ON_MAINS).interest("udev").asks()

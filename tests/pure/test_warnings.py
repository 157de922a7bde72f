"""Warnings: each thing that is legal and surely wrong, and its nearest neighbour that is right."""

from pathlib import Path

import pytest
from hypothesis import given, settings

from bridge.mapping.check.possible import can_pass
from bridge.mapping.check.warnings import Written, warnings_of
from bridge.mapping.load.rules import load_rules
from bridge.sources import SOURCES
from bridge.toml.document import Document, parse
from tests.pure.filter_cases import Case, cases
from tests.pure.said import GUID
from tests.pure.warned import COUNTER, PORT, TASK, rule, warnings, written_of

IMPOSSIBLE = [
    ("evdev", 'type = "EV_KEY", code = "SW_LID"', "code", "type = 'EV_KEY' and code = 'SW_LID'"),
    ("evdev", 'code = "KEY_*", type = "EV_SW"', "type", "code = 'KEY_*' and type = 'EV_SW'; type is one of EV_KEY"),
    ("evdev", 'code = "KEY_A", value = 3', "value", "code = 'KEY_A' and value = 3; value is one of 0, 1, 2"),
    ("evdev", 'code = "KEY_A", value = "on"', "value", "value = 'on'"),
    ("evdev", 'code = "SW_LID", value = 2', "value", "code = 'SW_LID' and value = 2; value is one of 0, 1"),
    ("evdev", 'code = ["SW_LID", "KEY_A"], value = { min = 3 }', "value", "value = { min = 3 }; value is one of 0, 1"),
    ("evdev", 'code = { regex = "^ABBA" }', "code", "code = { regex = '^ABBA' }"),
    ("evdev", 'code = "ABS_X", value = 3000000000', "value", "value = 3000000000"),
    ("evdev", 'code = "ABS_X", value = "much"', "value", "value = 'much'"),
    ("evdev", 'vendor = "0x046d", code = "KEY_A"', "vendor", "vendor = '0x046d' in any case"),
    ("evdev", 'vendor = 42435, code = "KEY_A"', "vendor", "vendor = 42435"),
    ("evdev", 'phys = "", code = "KEY_A"', "phys", "phys = ''"),
    ("udev", 'action = "unplug"', "action", "action is one of add, remove, change, move, "),
    ("udev", 'action = "unplug*"', "action", "action = 'unplug*'; action is one of add"),
    ("udev", 'synthetic = "yes"', "synthetic", "synthetic = 'yes'; synthetic is one of 1"),
    ("udev", 'ACTION = "add", action = "remove"', "action", "ACTION = 'add' and action = 'remove'"),
    ("udev", '"attr.idVendor" = "0x0403"', '"attr.idVendor"', "attr.idVendor = '0x0403' in any case"),
    ("serial", 'port = "scanner", state = "opened", line = "*"', "line", "state = 'opened' and line = '*'"),
    ("serial", 'port = "scanner", signal = "CTS", value = 2', "value", "value = 2; value is one of 0, 1"),
    ("serial", 'port = "scanner", frame = "0x17"', "frame", "frame = '0x17' in any case"),
    ("serial", 'port = "scanner", line = "17\\n"', "line", "line = '17\\n'"),
    ("network", 'kind = "link", addresses = "*"', "addresses", "kind = 'link' and addresses = '*'"),
    ("network", 'kind = "internet", interface = "eth0"', "interface", "kind = 'internet' and interface = 'eth0'"),
    ("network", 'kind = "link", interface = "lo"', "interface", "interface = 'lo'"),
    ("network", 'kind = "link", value = "up"', "value", "value = 'up'; value is one of 0, 1"),
    ("network", "value = 2", "value", "value = 2; value is one of 0, 1"),
    ("device", 'state = "arrived", vendor = "46d"', "vendor", "vendor = '46d' in any case"),
    ("system", 'name = "UserPresent", value = 2', "value", "name = 'UserPresent' and value = 2; value is one of 0, 1"),
    ("system", 'name = "TimeZoneChange", value = 1', "value", "name = 'TimeZoneChange' and value = 1"),
    ("system", 'name = "PowerStateChange", mains = 2', "mains", "mains = 2"),
    ("system", 'capacity = 101', "capacity", "capacity = 101"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "match", "key", "expected"), IMPOSSIBLE)
def test_what_no_event_can_be_is_named_with_the_fewest_tests_and_what_there_is(
    source: str, match: str, key: str, expected: str
) -> None:
    (found,) = warnings(PORT + rule(match, source=source))

    assert found.startswith(f"match.{key}: no event of {source} can have ")
    assert expected in found


@pytest.mark.parametrize(
    ("source", "match"),
    [
        ("evdev", 'type = "EV_KEY", code = "KEY_A", value = 1'),
        ("evdev", 'code = "KEY_A", value = 2'),
        ("evdev", 'type = "EV_KEY", code = "0x2ff", value = { min = 1 }'),
        ("evdev", 'type = "0x1e", code = "0x2ff", value = 9'),
        ("evdev", 'code = { not = "KEY_A" }, value = 7'),
        ("evdev", 'code = { regex = "^0x" }'),
        ("evdev", 'code = "ABS_X", value = { below = -5 }'),
        ("evdev", 'vendor = "046D", product = 403, bustype = ["0003", "0x3"], code = "KEY_A"'),
        ("evdev", 'phys = { not = true }, code = "KEY_A"'),
        ("udev", 'action = { not = "remove" }, ANYTHING = "at all", synthetic = { not = true }'),
        ("udev", '"attr.idVendor" = "0403", "@ID_PATH" = "*", ID_VENDOR_ID = "0x8086"'),
        ("serial", 'port = "scanner", line = ""'),
        ("serial", 'port = "counter", frame = 17'),
        ("serial", 'port = "scanner", signal = { not = "CTS" }, line = true'),
        ("serial", 'port = "scanner", signal = ["CTS", "RI"], value = "1"'),
        ("network", 'kind = "address", value = 1, addresses = "*"'),
        ("network", 'value = 0, since = { below = "3s" }'),
        ("device", 'state = "arrived", vendor = "046D", ID_BUS = "usb"'),
        ("system", 'name = "ClockStep", value = { min = 1000 }'),
        ("system", 'name = ["Suspend", "Resume"]'),
        ("system", 'name = "PowerStateChange", mains = 0, capacity = { max = 20 }'),
        ("system", 'name = "PowerStateChange", capacity = { not = true }'),
        ("system", 'name = { not = "TimeZoneChange" }, value = 1'),
        ("network", "interface = { not = true }, value = 1"),
        ("system", 'name = "UserPresent", value = 1'),
    ],
)
def test_what_some_event_can_be_is_no_warning(source: str, match: str) -> None:
    assert warnings(PORT + COUNTER + rule(match, source=source)) == []


def test_until_guards_and_conditions_are_looked_at_too() -> None:
    found = warnings("""
        [[condition]]
        name = "closed"
        source = "evdev"
        match = { code = "SW_LID", value = 7 }

        [[rule]]
        match = { code = "SW_LID", value = 1 }
        edge = true
        until = { value = 2 }
        while = [{ not = "closed" }, { code = "KEY_A", value = 9 }]
        """)

    assert [each.partition(";")[0] for each in found] == [
        "match.value: no event of evdev can have code = 'SW_LID' and value = 7",
        "until.value: no event of evdev can have code = 'SW_LID' and value = 2",
        "while[2].value: no event of evdev can have code = 'KEY_A' and value = 9",
    ]


@pytest.mark.parametrize(
    ("match", "key", "listed"),
    [
        ('subsystem = "usb|tty"', "match.subsystem", '["usb", "tty"]'),
        ('subsystem = "us*|tty"', "match.subsystem", '["us*", "tty"]'),
        ('subsystem = ["block", "usb|tty"]', "match.subsystem[2]", '["usb", "tty"]'),
        ('subsystem = { not = "usb|tty" }', "match.subsystem.not", '["usb", "tty"]'),
    ],
)
def test_alternatives_as_udev_writes_them_are_to_be_a_list(match: str, key: str, listed: str) -> None:
    (found,) = warnings(rule(match, source="udev"))

    assert found == f"{key}: | is a character like any other; for alternatives write a list: {listed}"


@pytest.mark.parametrize("test", ['{ is = "a|b" }', '"a[|]*"', '{ regex = "a|b" }', '["a", "b"]'])
def test_a_bar_that_is_meant_is_no_warning(test: str) -> None:
    assert warnings(rule(f"ID_MODEL = {test}", source="udev")) == []


@pytest.mark.parametrize("more", ["edge = true", 'quiet_for = "1s"', 'hold_for = "1s"'])
def test_a_filter_that_hears_only_autorepeat_hears_nothing(more: str) -> None:
    for value in ("2", '"2"', "{ min = 2 }", "[2, 5]"):
        (found,) = warnings(rule(f'code = "KEY_A", value = {value}', more))

        assert found.startswith("match.value: autorepeat (value = 2) is all that passes")


def test_autorepeat_without_a_filter_or_beside_other_values_or_of_other_types_is_no_warning() -> None:
    assert warnings(rule('code = "KEY_A", value = 2')) == []
    assert warnings(rule('code = "KEY_A", value = { min = 1 }', "edge = true")) == []
    assert warnings(rule('code = "ABS_X", value = 2', "edge = true")) == []
    assert warnings(rule('device = "/dev/input/event1", value = 2', "edge = true")) == []


@pytest.mark.parametrize(
    "more",
    [
        "edge = true",
        'debounce = "1s"',
        'hold_for = "1s"',
        'start_state = "if-changed"',
        "edge = false\nhold_for = '1s'",
    ],
)
@pytest.mark.parametrize("action", ['"add"', '"a*d"', '["change"]'])
def test_an_action_is_no_level(more: str, action: str) -> None:
    found = warnings(rule(f'subsystem = "usb", action = {action}', more, source="udev"))

    key = more.splitlines()[-1].partition(" ")[0]
    assert found[0].startswith(f"{key}: action = ")
    assert "tells what happened, not how the device is" in found[0]


@pytest.mark.parametrize("action", ['["add", "change"]', '{ not = "remove" }', '"*"'])
def test_several_actions_may_be_a_level_and_one_may_stand_where_no_level_is_asked_for(action: str) -> None:
    assert warnings(rule(f"A = 1, action = {action}", "edge = true", source="udev")) == []
    assert warnings(rule('A = 1, action = "add"', 'quiet_for = "1s"', source="udev")) == []
    assert warnings(rule("A = 1", "edge = true", 'until = { action = "add" }', source="udev")) == []


def test_an_action_is_no_level_in_a_guard_or_condition_either() -> None:
    found = warnings("""
        [[condition]]
        name = "came"
        source = "udev"
        match = { subsystem = "usb", action = "add" }

        [[rule]]
        source = "udev"
        match = { subsystem = "usb", A = 1 }
        while = ["came", { action = "change" }]
        """)

    assert [each.partition(" tells")[0] for each in found] == ["match: action = 'add'", "while[2]: action = 'change'"]


@pytest.mark.parametrize(("source", "match"), [("udev", 'action = "remove"'), ("device", 'state = "left"')])
def test_a_device_that_goes_leaves_no_level(source: str, match: str) -> None:
    (held,) = warnings(rule(match, 'hold_for = "1s"', source=source))
    (condition,) = warnings(f'[[condition]]\nname = "x"\nsource = "{source}"\nmatch = {{ {match} }}\n')

    assert held.startswith("hold_for: ")
    assert condition.startswith("match: ")
    assert "is of a device that goes, and takes its level with it" in held
    assert "is of a device that goes, and takes its level with it" in condition
    assert warnings(PORT + rule('port = "scanner", state = "lost"', 'hold_for = "1s"', source="serial")) == []
    assert warnings(rule('state = ["arrived", "left"]', 'hold_for = "1s"', source="device")) == []


def test_an_until_that_holds_with_the_match_is_the_end_before_the_beginning() -> None:
    assert warnings(rule('code = "ABS_X", value = { min = 3 }', "edge = true", "until = { value = { min = 3 } }")) == [
        "until: holds whenever match does, so the rule never turns true"
    ]
    assert (
        warnings(rule('code = "ABS_X", value = { min = 3 }', "edge = true", "until = { value = { below = 2 } }")) == []
    )


def test_a_template_over_what_is_never_there_is_always_empty() -> None:
    asked = ('details = { text = "{port}: {line}" }', 'key = "{frame}"')
    found = warnings(PORT + rule('port = "scanner", signal = "CTS"', *asked, source="serial"))

    assert found == [
        "details.text: {line} is always empty: no event that matches has a line",
        "key: {frame} is always empty: no event that matches has a frame",
    ]
    assert warnings(PORT + rule('port = "scanner"', 'details = { text = "{line}{frame}" }', source="serial")) == []


def test_state_that_is_found_has_the_action_add() -> None:
    (found,) = warnings(rule('A = 1, action = ["change", "bind"]', 'start_state = "always"', source="udev"))

    assert found == "start_state: devices that are found have action = 'add', and action is ['change', 'bind']"
    assert warnings(rule('A = 1, action = ["change", "add"]', 'start_state = "boot"', source="udev")) == []


def test_what_nothing_watches_here_is_said_once_where_it_is_asked_for() -> None:
    found = warnings(
        """
        [[condition]]
        name = "docked"
        source = "device"
        match = { state = "arrived" }

        [[rule]]
        match = { code = "KEY_A" }
        while = ["docked", "InternetAvailable", { not = "UserPresent" }]

        [[rule]]
        source = "network"
        match = { kind = "link" }
        """,
        watched={"udev", "evdev"},
    )

    assert found == [
        "source: nothing here watches device: the condition is never known",
        "while[2]: nothing here watches system: condition 'InternetAvailable' is never known",
        "while[3]: nothing here watches system: condition 'UserPresent' is never known",
        "source: nothing here watches network: the rule raises in a replay only",
    ]


def test_a_rule_that_says_what_another_says_raises_twice() -> None:
    first = rule('code = "KEY_A", value = 1', 'name = "first"', "edge = true")
    again = rule('value = 1, code = "KEY_A"', 'name = "again"', "edge = true", "details = {}")

    assert warnings(first + again) == [': raises the same trigger as rule "first" at the same events, for the same key']
    for other in (
        again.replace("edge = true", ""),
        again.replace("= 1", "= 0"),
        again + 'key = ""\n',
        again + 'while = ["UserPresent"]\n',
        again + f'raise = "{GUID.replace("9", "8")}"\n',
    ):
        assert warnings(first + other) == []


def test_warnings_stand_in_the_order_of_files_and_lines_and_name_theirs() -> None:
    rules = PORT + rule('action = "ad"', 'name = "late"', source="udev") + rule('port = "scanner"', source="serial")
    found = warnings_of(written_of(rules + rule("value = 2", "edge = true"), TASK % GUID, "", SOURCES))

    assert [(each.file, each.line, each.where) for each in found] == [
        ("rules.toml", 7, 'rule "late"'),
        ("tasks.toml", 2, 'task "scan"'),
    ]


def test_the_rules_that_we_ship_have_no_warning() -> None:
    files = [parse(path.name, path.read_bytes()) for path in sorted(Path("rules").glob("*.toml"))]
    table, _ = load_rules(files)

    assert warnings_of(Written(rules=table, tasks=(), rule_files=files, task_files=(), watched=SOURCES)) == []


@settings(max_examples=60)
@given(cases())
def test_whatever_the_rules_a_rule_that_raises_is_not_called_impossible(case: Case) -> None:
    table = case.table()
    file = Document(file="rules.toml", text=case.text(), tables=parse("rules.toml", case.text().encode()).tables)
    for each in warnings_of(Written(rules=table, tasks=(), rule_files=[file], task_files=(), watched=SOURCES)):
        assert each.line > 0
    for fact in case.facts:
        for rule_ in table.rules:
            if getattr(fact, "source", "") == rule_.source.name and hasattr(fact, "fields"):
                assert not rule_.matches(fact.fields) or can_pass(rule_.source, rule_.match)


def test_a_devpath_says_nothing_of_sys() -> None:
    assert warnings(rule('devpath = "/sys/devices/virtual/net/lo"', source="udev")) == [
        'match.devpath: a devpath is below /sys, and does not say so: "/devices/virtual/net/lo"'
    ]

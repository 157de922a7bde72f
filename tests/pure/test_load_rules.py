"""Rules files: what their keys mean once they are read."""

from textwrap import dedent

import pytest

from bridge.mapping.load.rules import load_rules
from bridge.mapping.rules import Edge, Rule, StartState
from bridge.mapping.table import RuleTable
from bridge.model.triggers import Principal
from bridge.toml.document import parse

JACK = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
DOOR = "{11111111-2222-3333-4444-555555555555}"


def load(*files: str, naming: tuple[str, ...] = ()) -> RuleTable:
    documents = [parse(f"{number}.toml", dedent(text).encode()) for number, text in enumerate(files)]
    table, problems = load_rules(documents, [parse("n.toml", dedent(text).encode()) for text in naming])
    assert problems == []
    return table


def one(*lines: str) -> Rule:
    """The one rule that has these lines, and what it needs beside them."""
    usual = {
        "name": 'name = "r"',
        "source": 'source = "evdev"',
        "match": 'match = { code = "KEY_A" }',
        "raise": f'raise = "{JACK}"',
    }
    needed = [line for key, line in usual.items() if not any(each.startswith(key) for each in lines)]
    (rule,) = load("\n".join(["[[rule]]", *needed, *lines])).rules
    return rule


def holds(rule: Rule, **fields: str | int) -> bool:
    return rule.matches(fields)


def test_a_rule_has_the_defaults_of_the_contract() -> None:
    rule = one()

    assert (rule.name, rule.source.name, str(rule.trigger)) == ("r", "evdev", JACK)
    assert (rule.details, rule.start_state, rule.filter) == (None, StartState.IGNORE, None)


@pytest.mark.parametrize(
    ("source", "match", "key"),
    [("evdev", 'code = "KEY_A"', "{device}"), ("udev", 'action = "add"', "{devpath}")],
)
def test_the_key_is_by_default_the_sources_own(source: str, match: str, key: str) -> None:
    rule = one(f'source = "{source}"', f"match = {{ {match} }}")

    assert rule.key.expand({key.strip("{}"): "that one"}) == "that one"


def test_rules_of_all_files_raise_in_the_order_of_files_and_positions() -> None:
    rule = f'[[rule]]\nname = "%s"\nsource = "udev"\nmatch = {{ action = "add" }}\nraise = "{JACK}"\n'
    table = load(rule % "c" + rule % "a", rule % "b")

    assert [each.name for each in table.rules] == ["c", "a", "b"]


def test_a_name_for_a_trigger_holds_in_every_file_before_and_after_its_own() -> None:
    rule = '[[rule]]\nname = "%s"\nsource = "udev"\nmatch = { action = "add" }\nraise = "%s"\n'
    table = load(
        rule % ("before", "jack"),
        f'[triggers]\njack = "{JACK.lower()}"\n"door.opened" = {{ guid = "{DOOR}" }}',
        rule % ("after", "door.opened") + rule % ("guid", DOOR[1:-1].lower()),
    )

    assert [str(each.trigger) for each in table.rules] == [JACK, DOOR, DOOR]
    assert {name: str(each.guid) for name, each in table.names.items()} == {"jack": JACK, "door.opened": DOOR}


def test_whom_a_trigger_allows_adds_up_over_the_files_that_name_it() -> None:
    table = load(
        f'[triggers]\ndoor = {{ guid = "{DOOR}", allow = ["user:alice"] }}',
        f'[triggers]\ndoor = {{ guid = "{DOOR}", allow = ["group:audio"] }}',
        f'[triggers]\ndoor = "{DOOR}"',
    )

    assert table.names["door"].allow == {Principal.parse("user:alice"), Principal.parse("group:audio")}


def test_names_of_files_that_are_not_checked_hold_too_and_their_rules_are_not_read() -> None:
    table = load(
        '[[rule]]\nname = "r"\nsource = "udev"\nmatch = { action = "add" }\nraise = "jack"',
        naming=(f'[triggers]\njack = "{JACK}"\n[[rule]]\nname = 5',),
    )

    assert [(each.name, str(each.trigger)) for each in table.rules] == [("r", JACK)]


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("KEY_COFFEE", "KEY_COFFEE"),
        ("KEY_SCREENLOCK", "KEY_COFFEE"),
        ("BTN_MOUSE", "BTN_LEFT"),
        ("0x2FF", "0x2ff"),
    ],
)
def test_a_code_by_any_name_is_the_one_canonical_name(written: str, canonical: str) -> None:
    for match in (f'"{written}"', f'["{written}"]', f'{{ is = "{written}" }}'):
        rule = one(f"match = {{ code = {match} }}")
        assert holds(rule, code=canonical)
    assert not holds(one(f'match = {{ code = {{ not = "{written}" }} }}'), code=canonical)


def test_a_number_with_a_name_is_that_name_where_the_type_is_given() -> None:
    rule = one('match = { type = "EV_SW", code = "0x2" }')

    assert holds(rule, type="EV_SW", code="SW_HEADPHONE_INSERT")


def test_a_type_by_number_is_its_name() -> None:
    assert holds(one('match = { type = "0x05" }'), type="EV_SW")


def test_a_glob_over_codes_matches_their_canonical_names() -> None:
    rule = one('match = { code = "SW_*_INSERT" }')

    assert holds(rule, code="SW_HEADPHONE_INSERT")
    assert not holds(rule, code="SW_LID")


@pytest.mark.parametrize("value", ["[1, 2]", "{ min = 1, below = 3 }", '["1", "2"]', "{ not = [0, 3] }"])
def test_the_other_fields_of_an_input_event_take_every_test(value: str) -> None:
    rule = one(f"match = {{ value = {value} }}")

    assert [number for number in range(4) if holds(rule, value=number)] == [1, 2]


@pytest.mark.parametrize(
    ("source", "field"),
    [
        ("evdev", "vendor"),
        ("evdev", "product"),
        ("evdev", "bustype"),
        ("evdev", '"@ID_VENDOR_ID"'),
        ("udev", "ID_VENDOR_ID"),
        ("udev", "ID_MODEL_ID"),
        ("udev", '"attr.idVendor"'),
        ("udev", '"@attr.idProduct"'),
    ],
)
def test_hexadecimal_ids_compare_without_case(source: str, field: str) -> None:
    rule = one(f'source = "{source}"', f'match = {{ {field} = ["046D", "C0*"] }}')
    name = field.strip('"')

    assert [value for value in ("046d", "046D", "c077", "C077", "0460") if holds(rule, **{name: value})] == [
        "046d",
        "046D",
        "c077",
        "C077",
    ]


def test_the_case_of_other_fields_counts() -> None:
    assert not holds(one('source = "udev"', 'match = { ID_MODEL = "Flash" }'), ID_MODEL="flash")


@pytest.mark.parametrize(
    "field",
    [
        *("action", "subsystem", "devtype", "devpath", "devnode", "driver", "synthetic"),
        *("ID_SERIAL_SHORT", "DEVNAME", '"attr.power/control"', '"@ID_PATH"', '"@attr.serial"'),
    ],
)
def test_udev_has_its_fields_every_property_and_every_attribute(field: str) -> None:
    assert one('source = "udev"', f"match = {{ {field} = true }}").match[0][0] == field.strip('"')


@pytest.mark.parametrize(
    "field",
    ["device", "name", "phys", "uniq", "bustype", "vendor", "product", '"@ID_PATH"', '"@attr.serial"', "value"],
)
def test_evdev_has_its_fields_and_those_of_the_devices_ancestors(field: str) -> None:
    assert one(f"match = {{ {field} = true }}").match[0][0] == field.strip('"')


def test_details_keep_their_order_and_may_use_fields_and_groups() -> None:
    rule = one(
        'match = { name = { regex = "(?P<maker>[A-Z]+)" } }', 'details = { z = "{maker}", a = "{@ID_PATH} {value}" }'
    )

    assert rule.details is not None
    assert [(name, template.names) for name, template in rule.details] == [
        ("z", ("maker",)),
        ("a", ("@ID_PATH", "value")),
    ]


def test_what_a_rule_asks_for_is_in_its_tests_and_its_templates() -> None:
    rule = one('key = "{@attr.serial}"', 'details = { a = "{phys}", b = "{@ID_PATH}" }')

    assert rule.asked_fields() == {"code", "@attr.serial", "phys", "@ID_PATH"}


@pytest.mark.parametrize("start_state", list(StartState))
def test_every_start_state_of_the_contract_is_there(start_state: StartState) -> None:
    assert one(f'start_state = "{start_state.value}"').start_state is start_state


@pytest.mark.parametrize(
    "match",
    [
        '{ code = "KEY_A" }',
        '{ code = ["REL_X", "SW_LID"] }',
        '{ type = "EV_ABS" }',
        '{ device = "/dev/input/event3" }',
        '{ code = "0x2ff" }',
        '{ code = "SW_*", type = { not = "EV_REL" } }',
        '{ code = { not = "KEY_A" } }',
    ],
)
def test_an_edge_is_accepted_where_some_level_may_match(match: str) -> None:
    assert one(f"match = {match}", "edge = true").filter == Edge()


def test_no_file_and_an_empty_file_have_no_rules() -> None:
    assert load().rules == ()
    assert load("", "# nothing\n").rules == ()

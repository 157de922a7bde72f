"""The mapper: details, keys, edges, start states, devices that go, and the udev hook."""

from collections.abc import Sequence
from textwrap import dedent

import pytest
from msgspec import structs

from bridge.mapping.load.rules import load_rules
from bridge.mapping.mapper import Mapped, Mapper
from bridge.mapping.memory import LevelTurned, Memory, RaisedThisBoot
from bridge.mapping.raising import Refusal
from bridge.mapping.table import RuleTable
from bridge.model.events import DeviceGone, Event, Field, Origin
from bridge.model.triggers import Raised
from bridge.toml.document import parse

JACK = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
DISK = "{11111111-2222-3333-4444-555555555555}"
NODE = "/dev/input/event3"
FLASH = "/devices/usb1/1-1"


def table_of(toml: str) -> RuleTable:
    table, problems = load_rules([parse("rules.toml", dedent(toml).encode())])
    assert problems == []
    return table


def mapper_of(toml: str, memory: Memory | None = None) -> Mapper:
    mapper = Mapper(memory)
    mapper.replace(table_of(toml))
    return mapper


def jack_rule(*more: str, name: str = "in") -> str:
    return "\n".join([
        "[[rule]]",
        f'name = "{name}"',
        'source = "evdev"',
        'match = { code = "SW_HEADPHONE_INSERT", value = 1 }',
        f'raise = "{JACK}"',
        *more,
        "",
    ])  # fmt: skip


def jack(value: int, origin: Origin = Origin.LIVE, device: str = NODE) -> Event:
    fields: dict[str, Field] = {"device": device, "name": "HDA Jack", "type": "EV_SW", "code": "SW_HEADPHONE_INSERT"}
    return Event("evdev", 104_000, {**fields, "value": value}, origin)


def key(code: str, value: int, type_: str = "EV_KEY", origin: Origin = Origin.LIVE) -> Event:
    return Event("evdev", 0, {"device": NODE, "type": type_, "code": code, "value": value}, origin)


def udev(action: str, origin: Origin = Origin.LIVE, **properties: str) -> Event:
    return Event("udev", 5, {"action": action, "devpath": FLASH, **properties}, origin)


def names(mapped: Sequence[Mapped]) -> list[str | None]:
    return [each.rule for each in mapped if isinstance(each, Raised)]


def count(mapper: Mapper, *events: Event) -> list[int]:
    return [len(names(mapper.receive(event))) for event in events]


def test_without_details_and_key_all_fields_are_raised_for_the_sources_own_key() -> None:
    (raised,) = mapper_of(jack_rule()).receive(jack(1))

    assert isinstance(raised, Raised)
    assert (raised.at, str(raised.trigger), raised.rule, raised.key) == (104_000, JACK, "in", NODE)
    assert raised.details == {
        "device": NODE,
        "name": "HDA Jack",
        "type": "EV_SW",
        "code": "SW_HEADPHONE_INSERT",
        "value": "1",
    }


def test_details_and_key_are_templates_over_fields_and_regex_groups() -> None:
    mapper = mapper_of(f"""\
        [[rule]]
        name = "flash"
        source = "udev"
        match = {{ action = "add", ID_SERIAL = {{ regex = "^(?P<maker>[A-Z]+)_(?P<number>[0-9]+)" }} }}
        raise = "{DISK}"
        details = {{ maker = "{{maker}}", text = "no {{number}} of {{ID_MODEL}}, {{{{so}}}}", none = "{{ID_NONE}}" }}
        key = "{{maker}}{{devpath}}"
        """)
    (raised,) = mapper.receive(udev("add", ID_SERIAL="ACME_42", ID_MODEL="Flash"))

    assert isinstance(raised, Raised)
    assert raised.details == {"maker": "ACME", "text": "no 42 of Flash, {so}", "none": ""}
    assert raised.key == f"ACME{FLASH}"


def test_a_recorded_remove_event_has_what_the_device_had_when_it_came() -> None:
    rule = f"""\
        [[rule]]
        name = "gone"
        source = "udev"
        match = {{ action = "remove", ID_SERIAL = "S1" }}
        raise = "{DISK}"
        """
    came = udev("add", ID_SERIAL="S1", SEQNUM="7", HWBRIDGE_TRIGGER=DISK)
    for replayed, expected in ((True, ["gone"]), (False, [])):
        mapper = mapper_of(rule)
        events = [structs.replace(each, replayed=replayed) for each in (came, udev("change"), udev("remove"))]
        mapped = [mapper.receive(event) for event in events]

        assert names(mapped[2]) == expected
        if replayed:
            (raised,) = mapped[2]
            assert isinstance(raised, Raised)
            assert raised.details == {"action": "remove", "devpath": FLASH, "ID_SERIAL": "S1"}
            assert names(mapper.receive(structs.replace(udev("remove"), replayed=True))) == []


def test_an_empty_key_is_one_for_the_whole_rule_and_empty_details_are_none() -> None:
    (raised,) = mapper_of(jack_rule('key = ""', "details = {}")).receive(jack(1))

    assert isinstance(raised, Raised)
    assert (raised.key, raised.details) == ("", {})


def test_rules_raise_in_file_order_whatever_they_are_filed_by() -> None:
    rules = "".join(
        f'[[rule]]\nname = "{number}"\nsource = "evdev"\nraise = "{JACK}"\nmatch = {match}\n'
        for number, match in enumerate(
            [
                '{ name = "H*" }',
                "{ value = 1 }",
                '{ code = "SW_*" }',
                '{ code = "SW_HEADPHONE_INSERT" }',
                '{ value = "1" }',
            ]
        )
    )

    assert names(mapper_of(rules).receive(jack(1))) == ["0", "1", "2", "3", "4"]


def test_without_a_filter_every_matching_event_raises() -> None:
    assert count(mapper_of(jack_rule()), jack(1), jack(1), jack(0), jack(1)) == [1, 1, 0, 1]


def test_an_edge_raises_only_when_the_match_turns_true() -> None:
    assert count(mapper_of(jack_rule("edge = true")), jack(1), jack(1), jack(0), jack(1)) == [1, 0, 0, 1]


def test_each_subject_has_an_edge_of_its_own() -> None:
    mapper = mapper_of(jack_rule("edge = true"))

    assert count(mapper, jack(1), jack(1, device="/dev/input/event9"), jack(1)) == [1, 1, 0]


def test_an_edge_sees_state_that_was_found_without_raising_for_it() -> None:
    assert count(mapper_of(jack_rule("edge = true")), jack(1, Origin.START), jack(1), jack(0), jack(1)) == [0, 0, 0, 1]


def test_state_repaired_after_loss_raises_as_if_it_had_been_seen() -> None:
    assert count(mapper_of(jack_rule("edge = true")), jack(0), jack(1, Origin.RESYNC), jack(1)) == [0, 1, 0]
    assert count(mapper_of(jack_rule()), jack(1, Origin.RESYNC)) == [1]


def key_rule(match: str, *more: str) -> str:
    return "\n".join(["[[rule]]", 'name = "key"', 'source = "evdev"', f'raise = "{JACK}"', f"match = {match}", *more])


def test_autorepeat_neither_starts_nor_ends_a_level() -> None:
    pressed = mapper_of(key_rule('{ code = "KEY_A", value = 1 }', "edge = true"))
    any_value = mapper_of(key_rule('{ code = "KEY_A" }', "edge = true"))

    assert count(pressed, key("KEY_A", 1), key("KEY_A", 2), key("KEY_A", 1)) == [1, 0, 0]
    assert count(any_value, key("KEY_A", 2), key("KEY_A", 1), key("KEY_A", 2), key("KEY_A", 0)) == [0, 1, 0, 0]


@pytest.mark.parametrize("more", [(), ('start_state = "if-changed"',)])
def test_without_an_edge_autorepeat_raises_like_any_other_event(more: tuple[str, ...]) -> None:
    mapper = mapper_of(key_rule('{ code = "KEY_A", value = 2 }', *more))

    assert count(mapper, key("KEY_A", 1), key("KEY_A", 2), key("KEY_A", 2)) == [0, 1, 1]


def test_moments_raise_beside_levels_under_if_changed_but_have_no_edge() -> None:
    rule = f'{{ device = "{NODE}" }}'
    moment = key("REL_X", 5, "EV_REL")

    assert count(mapper_of(key_rule(rule, 'start_state = "if-changed"')), moment, moment) == [1, 1]
    assert count(mapper_of(key_rule(rule, "edge = true")), moment, key("KEY_A", 1), moment) == [0, 1, 0]


def test_an_input_event_that_names_no_device_has_a_level_all_the_same() -> None:
    event = Event("evdev", 0, {"type": "EV_SW", "code": "SW_HEADPHONE_INSERT", "value": 1})

    assert count(mapper_of(jack_rule("edge = true")), event, event) == [1, 0]


@pytest.mark.parametrize("more", [(), ("edge = true",)])
def test_found_state_raises_only_if_the_rule_says_always(more: tuple[str, ...]) -> None:
    assert count(mapper_of(jack_rule(*more)), jack(1, Origin.START)) == [0]
    assert count(mapper_of(jack_rule('start_state = "ignore"', *more)), jack(1, Origin.START)) == [0]
    assert count(mapper_of(jack_rule('start_state = "always"', *more)), jack(1, Origin.START)) == [1]


def test_a_device_that_goes_makes_its_levels_false_and_raises_nothing() -> None:
    mapper = mapper_of(jack_rule("edge = true"))
    other = "/dev/input/event9"
    mapper.receive(jack(1))
    mapper.receive(jack(1, device=other))

    assert mapper.gone(DeviceGone("evdev", 0, NODE)) == []
    assert count(mapper, jack(1), jack(1, device=other)) == [1, 0]


def test_a_udev_device_that_is_removed_goes_with_its_levels() -> None:
    rule = f'[[rule]]\nname = "on"\nsource = "udev"\nedge = true\nraise = "{DISK}"\nmatch = {{ ONLINE = 1 }}'

    online = [udev(action, ONLINE="1") for action in ("add", "change", "remove", "add")]
    assert count(mapper_of(rule), *online) == [1, 0, 0, 1]


def test_once_a_boot_means_one_raise_a_key_for_found_state() -> None:
    rule = jack_rule('start_state = "boot"')
    mapper = mapper_of(rule)
    first, second = mapper.receive(jack(1, Origin.START))

    assert first == RaisedThisBoot("in", NODE)
    assert isinstance(second, Raised)
    assert count(mapper, jack(1, Origin.START), jack(1), jack(1)) == [0, 1, 1]
    assert count(mapper, jack(1, Origin.START, "/dev/input/event9")) == [1]


def test_what_was_raised_in_this_boot_is_remembered_over_a_restart() -> None:
    memory = Memory(raised_this_boot={("in", NODE)})
    mapper = mapper_of(jack_rule('start_state = "boot"'), memory)

    assert count(mapper, jack(1, Origin.START), jack(1, Origin.START, "/dev/input/event9"), jack(1)) == [0, 1, 1]


def test_if_changed_raises_found_state_that_differs_from_the_last_one_stored() -> None:
    rule, subject = jack_rule('start_state = "if-changed"'), (NODE, "SW_HEADPHONE_INSERT")
    unknown, known = mapper_of(rule), mapper_of(rule, Memory(true={("in", subject)}))

    raised, turned = unknown.receive(jack(1, Origin.START))
    assert isinstance(raised, Raised)
    assert turned == LevelTurned("in", subject, true=True)
    assert known.receive(jack(1, Origin.START)) == []
    assert known.receive(jack(0, Origin.START)) == [LevelTurned("in", subject, true=False)]
    assert count(known, jack(1, Origin.START)) == [1]


def test_if_changed_raises_every_live_event_and_tells_a_level_only_when_it_turns() -> None:
    mapper = mapper_of(jack_rule('start_state = "if-changed"'))

    assert [len(mapper.receive(event)) for event in (jack(1), jack(1), jack(0), jack(0))] == [2, 1, 1, 0]


def test_if_changed_remembers_that_a_device_went() -> None:
    mapper = mapper_of(jack_rule('start_state = "if-changed"'))
    mapper.receive(jack(1))

    assert mapper.gone(DeviceGone("evdev", 0, NODE)) == [LevelTurned("in", (NODE, "SW_HEADPHONE_INSERT"), true=False)]
    assert count(mapper, jack(1, Origin.START)) == [1]


def test_the_memory_that_was_handed_in_is_not_changed() -> None:
    memory = Memory()
    mapper_of(jack_rule('start_state = "boot"'), memory).receive(jack(1))

    assert memory == Memory()


def test_a_rule_that_says_the_same_after_a_reload_keeps_its_levels() -> None:
    mapper = mapper_of(jack_rule("edge = true"))
    mapper.receive(jack(1))
    mapper.replace(table_of(jack_rule(name="new") + jack_rule("edge = true", 'key = ""')))

    assert names(mapper.receive(jack(1))) == ["new"]


def test_a_rule_that_says_something_else_after_a_reload_begins_anew() -> None:
    mapper = mapper_of(jack_rule("edge = true"))
    mapper.receive(jack(1))
    mapper.replace(table_of(jack_rule("edge = true").replace("value = 1", "value = [1]")))

    assert count(mapper, jack(1), jack(1)) == [1, 0]


def test_a_level_is_not_kept_by_a_rule_that_has_none_meanwhile() -> None:
    mapper = mapper_of(jack_rule("edge = true"))
    mapper.receive(jack(1))
    mapper.replace(table_of(jack_rule()))
    mapper.receive(jack(0))
    mapper.replace(table_of(jack_rule("edge = true")))

    assert count(mapper, jack(1)) == [1]


def test_what_a_changed_rule_had_stored_turns_false_at_reload() -> None:
    mapper = mapper_of(jack_rule('start_state = "if-changed"'))
    mapper.receive(jack(1))
    changed = table_of(jack_rule('start_state = "if-changed"').replace("value = 1", "value = [1]"))

    assert mapper.replace(changed) == [LevelTurned("in", (NODE, "SW_HEADPHONE_INSERT"), true=False)]
    assert mapper.replace(changed) == []


def test_details_beyond_the_limits_are_refused_with_the_rules_name() -> None:
    mapper = mapper_of(jack_rule('details = { all = "{name}{name}" }'))
    event = jack(1)
    long = Event("evdev", 7, {**event.fields, "name": "x" * 20_000})

    assert mapper.receive(long) == [
        Refusal(
            7, f"rule 'in': detail 'all': beyond the 32768 bytes that all details may have; the event was of {NODE}"
        )
    ]
    assert count(mapper, event) == [1]


def test_a_udev_rule_names_triggers_itself() -> None:
    mapped = Mapper().receive(udev("add", HWBRIDGE_TRIGGER=f"{JACK} {DISK.lower()}", ID_MODEL="Flash"))

    assert [(str(each.trigger), each.rule, each.key) for each in mapped if isinstance(each, Raised)] == [
        (JACK, "HWBRIDGE_TRIGGER", FLASH),
        (DISK, "HWBRIDGE_TRIGGER", FLASH),
    ]
    assert [each.details for each in mapped if isinstance(each, Raised)] == [
        {"action": "add", "devpath": FLASH, "ID_MODEL": "Flash"}
    ] * 2


def test_what_a_udev_rule_names_wrongly_is_refused_by_device_and_text_and_the_rest_is_raised() -> None:
    refusal, raised = Mapper().receive(udev("add", HWBRIDGE_TRIGGER=f"audio {JACK}"))

    assert isinstance(refusal, Refusal)
    assert refusal.message.startswith(f"{FLASH}: HWBRIDGE_TRIGGER: 'audio' is not a GUID")
    assert isinstance(raised, Raised)


def test_devices_found_at_the_start_raise_nothing_by_the_hook() -> None:
    assert Mapper().receive(udev("add", Origin.START, HWBRIDGE_TRIGGER=JACK)) == []


def test_a_raise_keeps_the_origin_of_its_event() -> None:
    mapper = mapper_of(jack_rule('start_state = "always"'))

    assert [
        each.origin for origin in Origin for each in mapper.receive(jack(1, origin)) if isinstance(each, Raised)
    ] == [*Origin]


def test_a_trigger_that_two_udev_rules_name_is_raised_once() -> None:
    assert len(Mapper().receive(udev("add", HWBRIDGE_TRIGGER=f"{JACK} {JACK}"))) == 1


def test_what_the_device_itself_has_needs_no_ancestor() -> None:
    rule = f"""
        [[rule]]
        name = "usb"
        source = "udev"
        raise = "{DISK}"
        match = {{ "@ID_BUS" = "usb" }}
        key = "{{@ID_PATH}}"
        """
    (raised,) = mapper_of(rule).receive(udev("add", ID_BUS="usb", ID_PATH="pci-0"))

    assert isinstance(raised, Raised)
    assert raised.key == "pci-0"


def test_a_key_that_is_too_long_raises_nothing_and_is_told() -> None:
    mapper = mapper_of(jack_rule('key = "{name}"'))
    event = jack(1)

    (refusal,) = mapper.receive(Event("evdev", 7, {**event.fields, "name": "x" * 4097}))

    assert isinstance(refusal, Refusal)
    assert refusal.message.startswith("rule 'in': detail 'key': a key has at most 4096 characters, this one has 4097")

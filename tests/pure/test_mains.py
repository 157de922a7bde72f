"""Mains power: what the power supplies of the machine tell of it, as systemd's ConditionACPower takes it."""

import pytest

from bridge.mapping.load.rules import load_rules
from bridge.mapping.needs import TaskNeeds
from bridge.model.conditions import MAINS
from bridge.model.events import Origin
from bridge.sources.power import CHANGE
from bridge.toml.document import parse
from tests.pure.mapper_said import hear, mapper_for, system, words

NEEDED = TaskNeeds(conditions=frozenset({MAINS}))
AC = "subsystem=power_supply POWER_SUPPLY_TYPE=Mains POWER_SUPPLY_ONLINE"
USB = "subsystem=power_supply POWER_SUPPLY_TYPE=USB_PD POWER_SUPPLY_ONLINE"
BATTERY = "subsystem=power_supply POWER_SUPPLY_TYPE=Battery POWER_SUPPLY_STATUS"
MET, LOST, UNKNOWN = (f"{word} {MAINS}" for word in ("met", "lost", "unknown"))


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("0 eth0 subsystem=net", [], id="no supply"),
        pytest.param(f"0 ac {AC}=1", [MET], id="mains"),
        pytest.param(f"0 ac {AC}=0", [LOST], id="no mains"),
        pytest.param(f"0 ac {AC}=1 start\n1 ac {AC}=0", [MET, LOST], id="unplugged"),
        pytest.param(f"0 port {USB}=1", [MET], id="power over USB"),
        pytest.param(f"0 port {USB}=2", [MET], id="power over USB, at a voltage that was agreed on"),
        pytest.param(f"0 ac {AC}=0\n1 port {USB}=1", [LOST, MET], id="one of two"),
        pytest.param(f"0 ac {AC}=1\n1 port {USB}=0", [MET], id="the other of two"),
        pytest.param(f"0 ac {AC}=1\n1 bat {BATTERY}=Discharging", [MET], id="mains say more than a battery"),
        pytest.param(f"0 bat {BATTERY}=Discharging", [LOST], id="a battery that discharges, and nothing else"),
        pytest.param(f"0 bat {BATTERY}=Charging", [], id="a battery alone that charges tells nothing"),
        pytest.param(f"0 bat {BATTERY}=Discharging\n1 bat {BATTERY}=Full", [LOST, UNKNOWN], id="it did discharge"),
        pytest.param(f"0 bat {BATTERY}=Discharging\n1 ac {AC}=1", [LOST, MET], id="mains that come later"),
        pytest.param(f"0 mouse {BATTERY}=Discharging POWER_SUPPLY_SCOPE=Device", [], id="the battery of a mouse"),
        pytest.param(f"0 pen {USB}=1 POWER_SUPPLY_SCOPE=Device", [], id="the supply of a device"),
        pytest.param(f"0 bat {BATTERY}=Discharging POWER_SUPPLY_SCOPE=System", [LOST], id="of the machine, it says"),
        pytest.param("0 ac subsystem=power_supply POWER_SUPPLY_TYPE=Mains", [], id="a supply that does not tell"),
        pytest.param("0 ups subsystem=power_supply POWER_SUPPLY_TYPE=UPS POWER_SUPPLY_ONLINE=1", [], id="a UPS"),
        pytest.param("0 x subsystem=net POWER_SUPPLY_TYPE=Mains POWER_SUPPLY_ONLINE=1", [], id="no power supply"),
        pytest.param(f"0 ac {AC}=1\n1 ac gone", [MET, UNKNOWN], id="the only supply went"),
        pytest.param(f"0 ac {AC}=1\n1 port {USB}=0\n2 ac gone", [MET, UNKNOWN], id="a port alone, without a battery"),
        pytest.param(
            f"0 ac {AC}=1\n1 port {USB}=0\n1 bat {BATTERY}=Full\n2 ac gone",
            [MET, LOST],
            id="the one that was online went",
        ),
        pytest.param(f"0 ac {AC}=0\n1 ac {AC}=1 action=remove", [LOST, UNKNOWN], id="as it goes it says what it was"),
        pytest.param(f"0 ac {AC}=1\n1 eth0 gone", [MET], id="something else went"),
    ],
)
def test_the_mains_are_what_the_power_supplies_of_the_machine_tell(script: str, expected: list[str]) -> None:
    assert hear(mapper_for(NEEDED), script) == expected


def test_what_the_machine_says_of_its_mains_is_believed_before_what_a_supply_said() -> None:
    """An adapter may change without an event of its own."""
    mapper = mapper_for(NEEDED)
    hear(mapper, f"0 ac {AC}=1")

    told = [
        system(CHANGE, mains=0),
        system(CHANGE, mains=1),
        system(CHANGE, mains=0, origin=Origin.RESYNC),
        system(CHANGE),
    ]

    assert [words(mapper.receive(each)) for each in told] == [[LOST], [MET], [LOST], [MET]]


def test_a_machine_that_stops_telling_of_its_mains_leaves_them_unknown() -> None:
    mapper = mapper_for(NEEDED)

    assert words(mapper.found(system(CHANGE, mains=0, origin=Origin.START))) == [LOST]
    assert words(mapper.receive(system(CHANGE))) == [UNKNOWN]


def test_the_monitor_of_power_is_asked_where_a_task_waits_for_the_mains() -> None:
    mapper = mapper_for(NEEDED)

    assert mapper.interest("system").may_ask("name", CHANGE)
    assert not mapper.interest("system").may_ask("name", "BackgroundWorkCostChange")
    assert not mapper.interest("udev").asks()


def test_a_task_that_comes_later_is_told_of_the_mains() -> None:
    mapper = mapper_for()
    assert hear(mapper, f"0 ac {AC}=1") == []

    assert words(mapper.serve(NEEDED, 1)) == [MET]


def test_the_mains_are_as_is_said_until_that_is_taken_back() -> None:
    mapper = mapper_for(NEEDED)
    hear(mapper, f"0 ac {AC}=1")

    assert words(mapper.put(MAINS, False, 1)) == [LOST]
    assert hear(mapper, f"2 ac {AC}=0\n3 ac {AC}=1") == []
    assert words(mapper.put(MAINS, None, 4)) == [MET]


@pytest.mark.parametrize("name", [MAINS, "UserPresent"])
def test_no_condition_of_a_file_has_a_name_that_is_taken(name: str) -> None:
    text = f'[[condition]]\nname = "{name}"\nsource = "udev"\nmatch = {{ A = 1 }}\n'

    (problem,) = load_rules([parse("a.toml", text.encode())])[1]

    assert str(problem) == (
        f'a.toml:2: [condition "{name}"] name: {name} is a condition of the system\'s own; give this one another name'
    )


def test_the_mains_are_no_guard_of_a_rule() -> None:
    text = (
        '[[rule]]\nname = "r"\nsource = "udev"\nmatch = { A = 1 }\n'
        'raise = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"\n'
        f'while = ["{MAINS}"]\n'
    )

    (problem,) = load_rules([parse("a.toml", text.encode())])[1]

    assert f"no [[condition]] has the name {MAINS!r}" in str(problem)

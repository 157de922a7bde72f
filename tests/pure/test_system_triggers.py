"""System triggers: which events of the source `system` raise which, and when a level is an edge."""

import pytest

from bridge.mapping.mapper import Mapper
from bridge.mapping.needs import TaskNeeds
from bridge.mapping.system_levels import LEVELS
from bridge.model.conditions import SYSTEM_CONDITIONS
from bridge.model.events import DeviceGone, Event, Origin
from bridge.model.system_triggers import SYSTEM_TRIGGERS, SystemTriggerType
from bridge.model.triggers import Raised
from bridge.sources.system import DETAILS
from tests.pure.mapper_said import mapper_for, system, words

ALL = TaskNeeds(system_triggers=frozenset(SystemTriggerType))
LIVE, START, RESYNC = Origin


def raised(*events: Event, needs: TaskNeeds = ALL) -> list[str]:
    mapper = mapper_for(needs)
    return [word.removeprefix("raised ") for event in events for word in words(mapper.receive(event))]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("InternetAvailable", 1, ["InternetAvailable"]),
        ("InternetAvailable", 0, []),
        ("InternetNotAvailable", 0, ["InternetAvailable"]),
        ("InternetNotAvailable", 1, []),
        ("UserPresent", 1, ["UserPresent"]),
        ("UserPresent", 0, ["UserAway"]),
        ("UserNotPresent", 1, ["UserAway"]),
        ("UserNotPresent", 0, ["UserPresent"]),
        ("SessionConnected", 1, ["SessionConnected"]),
        ("SessionConnected", 0, []),
        ("SessionDisconnected", 0, ["SessionConnected"]),
        ("FreeNetworkAvailable", 1, []),
        ("BackgroundWorkCostNotHigh", 0, []),
    ],
)
def test_an_edge_of_a_level_raises_its_trigger(name: str, value: int, expected: list[str]) -> None:
    assert raised(system(name, value)) == expected
    assert raised(system(name, 1 - value, START), system(name, value)) == expected
    assert raised(system(name, 1 - value, START), system(name, value, RESYNC)) == expected


@pytest.mark.parametrize(
    ("first", "then"),
    [((1, LIVE), (1, LIVE)), ((1, START), (1, LIVE)), ((1, START), (1, RESYNC)), ((0, LIVE), (1, START))],
)
def test_what_is_told_again_or_was_only_found_is_no_edge(first: tuple[int, Origin], then: tuple[int, Origin]) -> None:
    mapper = mapper_for(ALL)
    mapper.receive(system("InternetAvailable", *first))

    assert mapper.receive(system("InternetAvailable", *then)) == []
    assert mapper.receive(system("InternetNotAvailable", 1 - then[0])) == []


@pytest.mark.parametrize(
    ("name", "opposite", "rises", "falls"),
    [
        ("InternetAvailable", "InternetNotAvailable", ["InternetAvailable"], []),
        ("UserPresent", "UserNotPresent", ["UserPresent"], ["UserAway"]),
        ("SessionConnected", "SessionDisconnected", ["SessionConnected"], []),
    ],
)
def test_a_level_that_is_told_with_its_opposite_raises_once_and_rules_hear_both(
    name: str, opposite: str, rises: list[str], falls: list[str]
) -> None:
    rules = [
        f'[[rule]]\nname = "{each}={value}"\nsource = "system"\nmatch = {{ name = "{each}", value = {value} }}\n'
        for each in (name, opposite)
        for value in (0, 1)
    ]
    needs = TaskNeeds(frozenset({opposite}), ALL.system_triggers)
    mapper = mapper_for(needs, "\n".join(rules))

    def told(value: int) -> list[str]:
        pair = (system(name, value), system(opposite, 1 - value))
        return [word.removeprefix("raised ") for event in pair for word in words(mapper.receive(event))]

    assert told(0) == [f"met {opposite}", *falls, f"{name}=0", f"{opposite}=1"]
    assert told(1) == [f"lost {opposite}", *rises, f"{name}=1", f"{opposite}=0"]
    assert told(0) == [f"met {opposite}", *falls, f"{name}=0", f"{opposite}=1"]


def test_what_a_repair_tells_of_a_level_that_was_never_known_is_no_edge() -> None:
    assert raised(system("UserPresent", 1, RESYNC), system("UserPresent", 0)) == ["UserAway"]


@pytest.mark.parametrize("name", [name for name in SYSTEM_TRIGGERS if name not in SYSTEM_CONDITIONS])
def test_a_moment_raises_whenever_it_comes_live(name: str) -> None:
    events = [system(name, origin=origin) for origin in (LIVE, START, RESYNC, LIVE)]

    assert raised(*events) == [name, name, name]


@pytest.mark.parametrize("name", ["ClockStep", "Suspend", "Resume"])
def test_what_linux_adds_is_no_system_trigger(name: str) -> None:
    assert raised(system(name, 5)) == []


def test_what_no_task_asks_for_is_not_raised() -> None:
    needs = TaskNeeds(system_triggers=frozenset({SystemTriggerType.USER_AWAY}))

    assert raised(system("UserPresent", 1), system("TimeZoneChange"), needs=needs) == []
    assert raised(system("UserPresent", 1), system("UserPresent", 0), needs=needs) == ["UserAway"]
    assert raised(system("UserPresent", 1), needs=TaskNeeds()) == []


def test_a_task_that_comes_later_is_not_told_of_the_edge_before_it() -> None:
    mapper = mapper_for(TaskNeeds())
    mapper.receive(system("InternetAvailable", 1))

    mapper.serve(ALL, 1)

    assert mapper.receive(system("InternetAvailable", 1)) == []


def test_what_is_said_of_a_condition_is_no_edge() -> None:
    mapper = mapper_for(ALL)

    assert mapper.put("InternetAvailable", True, 0) == []
    assert words(mapper.receive(system("InternetAvailable", 1))) == ["raised InternetAvailable"]


def only(mapper: Mapper, event: Event) -> Raised:
    (raised,) = mapper.receive(event)
    assert isinstance(raised, Raised)
    return raised


def test_a_system_trigger_has_the_details_of_its_event_and_is_about_no_thing() -> None:
    mapper = mapper_for(ALL)

    zone = only(mapper, system("TimeZoneChange", at=7, zone="Europe/Berlin", offset=3600))
    cost = only(mapper, system("BackgroundWorkCostChange", 2, RESYNC))
    session = only(mapper, system("SessionConnected", 1, session="c1", user="alice"))

    assert zone == Raised(
        at=7, trigger=SystemTriggerType.TIME_ZONE_CHANGE, details={"zone": "Europe/Berlin", "offset": "3600"}
    )
    assert (cost.details, cost.origin) == ({"value": "2"}, RESYNC)
    assert session.details == {"session": "c1", "user": "alice"}


def test_time_since_the_last_event_is_no_detail() -> None:
    rule = '[[rule]]\nname = "r"\nsource = "system"\nmatch = { name = "Suspend", since = { below = "1s" } }\n'
    mapper = mapper_for(ALL, rule)
    only(mapper, system("TimeZoneChange"))

    assert only(mapper, system("TimeZoneChange", at=1)).details == {}


def test_conditions_come_first_then_the_system_trigger_and_then_what_rules_raise() -> None:
    rule = '[[rule]]\nname = "r"\nsource = "system"\nmatch = { name = "UserPresent", value = 1 }\n'
    mapper = mapper_for(TaskNeeds(frozenset({"UserNotPresent"}), ALL.system_triggers), rule)

    assert words(mapper.receive(system("UserPresent", 1))) == ["lost UserNotPresent", "raised UserPresent", "raised r"]


def test_nothing_of_the_machine_goes() -> None:
    mapper = mapper_for(TaskNeeds(frozenset({"UserPresent"}), ALL.system_triggers))
    mapper.receive(system("UserPresent", 1))

    mapper.gone(DeviceGone("system", 1, "other"))

    assert mapper.receive(system("UserPresent", 1)) == []


@pytest.mark.parametrize(
    ("trigger", "names"),
    [
        (SystemTriggerType.USER_AWAY, {"UserAway", "UserPresent", "UserNotPresent"}),
        (SystemTriggerType.INTERNET_AVAILABLE, {"InternetAvailable", "InternetNotAvailable"}),
        (SystemTriggerType.TIME_ZONE_CHANGE, {"TimeZoneChange"}),
    ],
)
def test_a_monitor_is_asked_for_the_events_that_may_raise_what_tasks_wait_for(
    trigger: SystemTriggerType, names: set[str]
) -> None:
    needs = TaskNeeds(system_triggers=frozenset({trigger}))

    assert mapper_for(needs).interest("system").pinned("name") == names


def test_the_table_has_each_of_windows_conditions_once() -> None:
    names = [name for level in LEVELS for name in (level.name, level.opposite) if name is not None]

    assert sorted(names) == sorted(SYSTEM_CONDITIONS)
    assert set(DETAILS) <= {*SYSTEM_TRIGGERS, *SYSTEM_CONDITIONS}


def test_a_time_zone_that_is_told_again_raises_nothing_until_zone_or_offset_are_others() -> None:
    berlin = {"zone": "Europe/Berlin", "offset": 3600}
    events = [
        system("TimeZoneChange", None, START, **berlin),
        system("TimeZoneChange", **berlin),
        system("TimeZoneChange", **{**berlin, "offset": 7200}),
        system("TimeZoneChange", **{**berlin, "offset": 7200}),
        system("TimeZoneChange", zone="Europe/Paris", offset=7200),
        system("TimeZoneChange"),
    ]

    assert len(raised(*events)) == 3

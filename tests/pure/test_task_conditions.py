"""Conditions that tasks wait for: what is told of them, when, and that it is told once."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.mapper import Mapper
from bridge.mapping.needs import NO_NEEDS, Needs, TaskNeeds, needs_of
from bridge.model.conditions import MAINS, Named
from bridge.model.events import Event, Origin
from bridge.model.system_triggers import SystemTriggerType
from bridge.model.tasks import Exec, Registration
from bridge.model.templates import Template
from bridge.model.triggers import (
    ApplicationTrigger,
    DeviceWatcherTrigger,
    MaintenanceTrigger,
    SystemTrigger,
    TimeTrigger,
    Trigger,
)
from tests.pure.mapper_said import hear, mapper_for, system, words
from tests.pure.said import events_of, table_of

DOCKED = """\
    [[condition]]
    name = "docked"
    source = "udev"
    match = { subsystem = "dock", DOCKED = 1 }
    """
LID = """\
    [[condition]]
    name = "lid-open"
    source = "evdev"
    match = { code = "SW_LID", value = 0 }
    """
ON = "subsystem=dock DOCKED=1"
OFF = "subsystem=dock DOCKED=0"
FOR_DOCKED = TaskNeeds(conditions=frozenset({"docked"}))


def task(name: str, *triggers: Trigger, conditions: str = "", **more: Any) -> Registration:
    named = tuple(Named(each) for each in conditions.split())
    run = Exec(arguments=(Template.parse("true"),))
    return Registration(name=name, triggers=triggers or (ApplicationTrigger(),), run=run, conditions=named, **more)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("0 dock subsystem=net", [], id="nothing is known"),
        pytest.param(f"0 dock {ON}", ["met docked"], id="it is true"),
        pytest.param(f"0 dock {OFF}", ["lost docked"], id="it is known not to be true"),
        pytest.param(f"0 dock {ON} start", ["met docked"], id="it was found"),
        pytest.param(f"0 dock {ON} resync", ["met docked"], id="it was repaired"),
        pytest.param(f"0 dock {ON}\n1 dock {ON}", ["met docked"], id="it is told again"),
        pytest.param(f"0 dock {ON}\n1 dock {OFF}", ["met docked", "lost docked"], id="it turned"),
        pytest.param(f"0 one {ON}\n1 two {ON}\n2 one {OFF}", ["met docked"], id="one of two is left"),
        pytest.param(f"0 one {ON}\n1 two {OFF}\n2 one gone", ["met docked", "lost docked"], id="the device went"),
        pytest.param(f"0 one {OFF}\n1 one gone", ["lost docked"], id="what was not true went"),
        pytest.param("0 one gone", [], id="something else went"),
    ],
)
def test_a_task_is_told_of_its_condition_when_that_turns(script: str, expected: list[str]) -> None:
    assert hear(mapper_for(FOR_DOCKED, DOCKED), script) == expected


def test_what_no_task_waits_for_is_told_to_none() -> None:
    assert hear(mapper_for(NO_NEEDS, DOCKED), f"0 dock {ON}\n1 dock {OFF}") == []


def test_a_condition_is_told_before_what_its_event_raises() -> None:
    rule = '[[rule]]\nname = "r"\nsource = "udev"\nmatch = { DOCKED = true }\nwhile = ["docked"]\n'

    assert hear(mapper_for(FOR_DOCKED, DOCKED + rule), f"0 dock {ON}") == ["met docked", "raised r"]


def test_a_device_that_goes_makes_no_condition_true_on_its_way() -> None:
    mapper = mapper_for(FOR_DOCKED, DOCKED)

    assert hear(mapper, f"0 dock {OFF}") == ["lost docked"]
    assert hear(mapper, f"1 dock {ON} action=remove") == []
    assert hear(mapper, f"2 dock {ON}\n3 dock {ON} action=remove") == ["met docked", "lost docked"]


def test_a_task_that_comes_later_is_told_what_is_known_already() -> None:
    for script, expected in ((f"0 dock {ON}", ["met docked"]), (f"0 dock {OFF}", ["lost docked"]), ("", [])):
        mapper = mapper_for(NO_NEEDS, DOCKED)
        hear(mapper, script)

        assert words(mapper.serve(FOR_DOCKED, 7)) == expected
        assert words(mapper.serve(TaskNeeds(conditions=frozenset({"docked"})), 8)) == []


def test_what_is_waited_for_no_more_is_unknown_so_that_nobody_remembers_it_wrongly() -> None:
    mapper = mapper_for(FOR_DOCKED, DOCKED)
    hear(mapper, f"0 dock {ON}")

    assert words(mapper.serve(NO_NEEDS, 1)) == ["unknown docked"]
    assert hear(mapper, f"2 dock {OFF}") == []
    assert words(mapper.serve(FOR_DOCKED, 3)) == ["lost docked"]


def test_a_condition_that_says_something_else_after_a_reload_is_unknown_until_events_tell() -> None:
    mapper = mapper_for(FOR_DOCKED, DOCKED)
    hear(mapper, f"0 dock {ON}")

    mapper.replace(table_of(DOCKED + LID))
    assert words(mapper.serve(FOR_DOCKED, 1)) == []
    mapper.replace(table_of(DOCKED.replace("= 1", "= 2")))
    assert words(mapper.serve(FOR_DOCKED, 2)) == ["unknown docked"]
    assert hear(mapper, f"3 dock {ON}") == ["lost docked"]


def test_a_condition_that_no_file_has_stays_unknown() -> None:
    mapper = mapper_for(FOR_DOCKED, DOCKED)
    hear(mapper, f"0 dock {ON}")

    mapper.replace(table_of(""))

    assert words(mapper.serve(FOR_DOCKED, 1)) == ["unknown docked"]
    assert hear(mapper, f"2 dock {OFF}") == []


def test_what_is_said_of_a_condition_is_told_and_holds_until_it_is_taken_back() -> None:
    mapper = mapper_for(FOR_DOCKED, DOCKED)

    assert words(mapper.put("docked", True, 0)) == ["met docked"]
    assert hear(mapper, f"1 dock {OFF}") == []
    assert words(mapper.put("docked", True, 2)) == []
    assert words(mapper.put("docked", None, 3)) == ["lost docked"]
    assert words(mapper.put("other", True, 4)) == []


def test_what_is_said_and_taken_back_is_unknown_again_where_no_event_told() -> None:
    mapper = mapper_for(FOR_DOCKED, DOCKED)

    mapper.put("docked", False, 0)

    assert words(mapper.put("docked", None, 1)) == ["unknown docked"]


@pytest.mark.parametrize(
    ("told", "other"),
    [
        ("InternetAvailable", "InternetNotAvailable"),
        ("InternetNotAvailable", "InternetAvailable"),
        ("UserPresent", "UserNotPresent"),
        ("SessionDisconnected", "SessionConnected"),
    ],
)
def test_of_two_opposites_one_told_is_the_other_told(told: str, other: str) -> None:
    rule = f'[[rule]]\nname = "r"\nmatch = {{ code = "KEY_A", value = 1 }}\nwhile = ["{other}"]\n'
    mapper = mapper_for(TaskNeeds(conditions=frozenset({told, other})), rule)

    assert sorted(words(mapper.receive(system(told, 1)))) == sorted([f"met {told}", f"lost {other}"])
    assert hear(mapper, "1 KEY_A 1") == []
    assert sorted(words(mapper.receive(system(told, 0)))) == sorted([f"lost {told}", f"met {other}"])
    assert hear(mapper, "2 KEY_A 1") == ["raised r"]
    assert words(mapper.receive(system(other, 1))) == []
    assert sorted(words(mapper.put(told, True, 3))) == sorted([f"met {told}", f"lost {other}"])
    assert sorted(words(mapper.put(other, None, 4))) == sorted([f"lost {told}", f"met {other}"])


def test_an_inline_guard_knows_opposites_too() -> None:
    guard = 'while = [{ name = "InternetNotAvailable", value = 1 }]'
    mapper = mapper_for(NO_NEEDS, f'[[rule]]\nname = "r"\nsource = "system"\nmatch = {{ name = "Suspend" }}\n{guard}\n')

    assert words(mapper.receive(system("Suspend"))) == []
    mapper.receive(system("InternetAvailable", 0))
    assert words(mapper.receive(system("Suspend"))) == ["raised r"]
    mapper.receive(system("InternetAvailable", 1))
    assert words(mapper.receive(system("Suspend"))) == []


def test_conditions_without_an_opposite_are_told_as_they_are() -> None:
    mapper = mapper_for(TaskNeeds(conditions=frozenset({"FreeNetworkAvailable", "BackgroundWorkCostNotHigh"})))

    assert words(mapper.receive(system("FreeNetworkAvailable", 1))) == ["met FreeNetworkAvailable"]
    assert words(mapper.receive(system("BackgroundWorkCostNotHigh", 0))) == ["lost BackgroundWorkCostNotHigh"]


def test_windows_conditions_are_there_before_any_rules_are() -> None:
    mapper = Mapper()

    mapper.serve(TaskNeeds(conditions=frozenset({"UserPresent"})), 0)

    assert words(mapper.receive(system("UserPresent", 1))) == ["met UserPresent"]


def test_a_monitor_is_asked_for_what_tasks_wait_for() -> None:
    mapper = mapper_for(NO_NEEDS, DOCKED + LID)
    assert not any(mapper.interest(source).asks() for source in ("udev", "evdev", "system"))

    mapper.serve(TaskNeeds(conditions=frozenset({"docked", "InternetAvailable", MAINS})), 0)

    assert mapper.interest("udev").pinned("subsystem") == {"dock"}
    asked = {"InternetAvailable", "InternetNotAvailable", "PowerStateChange"}
    assert mapper.interest("system").pinned("name") == asked
    assert not mapper.interest("evdev").asks()


def test_a_monitor_is_asked_for_the_opposite_of_what_a_rule_looks_at_too() -> None:
    rule = '[[rule]]\nmatch = { code = "KEY_A" }\nwhile = ["UserNotPresent"]\n'

    assert mapper_for(NO_NEEDS, rule).interest("system").pinned("name") == {"UserPresent", "UserNotPresent"}


def test_what_was_there_before_a_task_asked_is_told_to_the_task_and_to_no_rule() -> None:
    rule = '[[rule]]\nname = "r"\nsource = "udev"\nmatch = { DOCKED = 1 }\nstart_state = "always"\n'
    mapper = mapper_for(FOR_DOCKED, DOCKED + rule)
    (found,) = events_of(f"0 dock {ON} start")
    assert isinstance(found, Event)

    assert words(mapper.found(found)) == ["met docked"]
    assert words(mapper.found(system("UserPresent", 1, Origin.START))) == []
    assert words(mapper.serve(TaskNeeds(conditions=frozenset({"docked", "UserPresent"})), 0)) == ["met UserPresent"]


def test_needs_are_what_all_tasks_ask_for_together() -> None:
    watcher = DeviceWatcherTrigger(())
    tasks = [
        task("a", SystemTrigger(SystemTriggerType.TIME_ZONE_CHANGE), conditions="docked UserPresent"),
        task("b", MaintenanceTrigger(1), watcher, watcher, conditions="docked"),
        task("c", TimeTrigger(1), cancel_on=(SystemTriggerType.USER_AWAY,)),
    ]

    assert needs_of(tasks) == TaskNeeds(
        frozenset({"docked", "UserPresent", MAINS}),
        frozenset({SystemTriggerType.TIME_ZONE_CHANGE, SystemTriggerType.USER_AWAY}),
        (("b", watcher), ("b", watcher)),
    )


def test_needs_are_the_same_object_until_tasks_ask_for_something_else() -> None:
    needs = Needs()
    needs.put(task("a", conditions="docked"))
    before = needs.present

    needs.put(task("b", conditions="docked"))
    needs.put(task("a", TimeTrigger(1), conditions="docked"))
    needs.drop("b")
    needs.drop("never there")
    assert needs.present is before

    needs.drop("a")
    assert needs.present == NO_NEEDS


TRIGGERS = (
    TimeTrigger(1),
    MaintenanceTrigger(1),
    SystemTrigger(SystemTriggerType.USER_PRESENT),
    SystemTrigger(SystemTriggerType.USER_AWAY),
    DeviceWatcherTrigger(()),
)
changes = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.one_of(
            st.none(),
            st.tuples(st.lists(st.sampled_from(TRIGGERS), min_size=1, max_size=3), st.sampled_from(["", "x", "x y"])),
        ),
    )
)


@given(changes)
def test_needs_that_are_counted_are_those_of_the_tasks_that_are_left(
    changes: list[tuple[str, tuple[list[Trigger], str] | None]],
) -> None:
    needs, tasks = Needs(), dict[str, Registration]()
    for name, wanted in changes:
        if wanted is None:
            needs.drop(name)
            tasks.pop(name, None)
        else:
            tasks[name] = task(name, *wanted[0], conditions=wanted[1])
            needs.put(tasks[name])
        present, expected = needs.present, needs_of(tasks.values())

        assert (present.conditions, present.system_triggers) == (expected.conditions, expected.system_triggers)
        assert sorted(each for each, _ in present.watchers) == sorted(each for each, _ in expected.watchers)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("event"), st.sampled_from(["one", "two"]), st.sampled_from([ON, OFF, "subsystem=net"])),
        st.tuples(st.just("gone"), st.sampled_from(["one", "two"]), st.just("")),
        st.tuples(st.just("put"), st.sampled_from(["", "0", "1"]), st.just("")),
        st.tuples(st.just("needed"), st.sampled_from(["", "1"]), st.just("")),
    ),
    max_size=12,
)


@given(steps)
def test_a_task_knows_at_any_time_what_is_known_of_its_condition(steps: list[tuple[str, str, str]]) -> None:
    mapper = mapper_for(NO_NEEDS, DOCKED)
    true: set[str] = set()
    known, said, is_needed = False, None, False
    told: bool | None = None
    for at, (what, which, tells) in enumerate(steps):
        if what == "event":
            lines = hear(mapper, f"{at} {which} {tells}")
            (true.add if tells == ON else true.discard)(which)
            known = known or tells != "subsystem=net"
        elif what == "gone":
            lines = hear(mapper, f"{at} {which} gone")
            true.discard(which)
        elif what == "put":
            said = bool(int(which)) if which else None
            lines = words(mapper.put("docked", said, at))
        else:
            is_needed = bool(which)
            lines = words(mapper.serve(FOR_DOCKED if is_needed else NO_NEEDS, at))
        assert len(lines) <= 1
        for line in lines:
            told = {"met": True, "lost": False, "unknown": None}[line.split()[0]]

        assert told is ((said if said is not None else bool(true) if known else None) if is_needed else None)

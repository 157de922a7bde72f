"""What an application says of a task is what a tasks file says of it."""

from typing import Any

import pytest

from bridge import (
    ApplicationTrigger,
    BackgroundTaskBuilder,
    BackgroundTaskRegistrationGroup,
    Concurrency,
    CustomSystemEventTrigger,
    DeviceWatcherEventKind,
    DeviceWatcherTrigger,
    InvalidGuidError,
    InvalidValueError,
    MaintenanceTrigger,
    Recurrence,
    SystemCondition,
    SystemConditionType,
    SystemTrigger,
    SystemTriggerType,
    TimeTrigger,
)
from bridge.client.triggers import Trigger, table_of, trigger_of
from bridge.mapping.load.rules import load_rules
from bridge.mapping.match import Present
from bridge.model import triggers as model
from bridge.model.conditions import Named
from bridge.model.guid import Guid
from bridge.model.tasks import Exec, Python, Registration, Retry, ServedClass
from bridge.model.templates import Template
from bridge.pipeline.load.tasks import load_task
from bridge.toml.document import parse

GUID = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
GONE = "{5B0E3C1D-7C26-4C39-8F0E-2D0C1F6A9E57}"
DOCKED = '[[condition]]\nname = "docked"\nsource = "udev"\nmatch = { DOCKED = 1 }\n'
EACH_TRIGGER: tuple[tuple[Trigger, model.Trigger], ...] = (
    (
        CustomSystemEventTrigger(GUID.lower(), Recurrence.ONCE),
        model.CustomSystemEventTrigger(Guid(GUID), Recurrence.ONCE),
    ),
    (
        CustomSystemEventTrigger(GONE.strip("{}"), Recurrence.ONE_SHOT),
        model.CustomSystemEventTrigger(Guid(GONE), Recurrence.ONE_SHOT),
    ),
    (
        SystemTrigger(SystemTriggerType.TIME_ZONE_CHANGE, one_shot=True),
        model.SystemTrigger(SystemTriggerType.TIME_ZONE_CHANGE, one_shot=True),
    ),
    (TimeTrigger("15m"), model.TimeTrigger(900_000_000)),
    (MaintenanceTrigger("1d", one_shot=True), model.MaintenanceTrigger(86_400_000_000, one_shot=True)),
    (ApplicationTrigger(), model.ApplicationTrigger()),
    (
        DeviceWatcherTrigger({"subsystem": True}, (DeviceWatcherEventKind.ADD,)),
        model.DeviceWatcherTrigger((("subsystem", Present()),), frozenset({DeviceWatcherEventKind.ADD})),
    ),
)


def registered(builder: BackgroundTaskBuilder) -> Registration:
    """What the daemon makes of it."""
    rules, problems = load_rules([parse("rules.toml", DOCKED.encode())])
    registration, reasons = load_task(builder.definition(), rules, owner=None)
    assert (problems, reasons) == ([], ())
    assert registration is not None
    return registration


def program(**said: Any) -> BackgroundTaskBuilder:
    builder = BackgroundTaskBuilder("lamp", exec=["/usr/bin/lamp"], **said)
    builder.set_trigger(CustomSystemEventTrigger(GUID))
    return builder


def test_what_is_not_said_is_as_in_a_tasks_file_that_does_not_say_it() -> None:
    assert registered(program()) == Registration(
        name="lamp",
        triggers=(model.CustomSystemEventTrigger(Guid(GUID)),),
        run=Exec(arguments=(Template.parse("/usr/bin/lamp"),)),
        from_file=False,
        definition=registered(program()).definition,
    )


def test_everything_that_a_tasks_file_can_say_can_be_said() -> None:
    builder = program(
        env={"LEVEL": "2"},
        cwd="/var/tmp",
        group=BackgroundTaskRegistrationGroup("desk"),
        cancel_on_condition_loss=True,
        expires="12h",
        concurrency=Concurrency.QUEUE,
        max_running=2,
        queue_limit=5,
        run_limit="infinity",
        cancel_grace="30s",
        retry={"attempts": 3, "backoff": "2s"},
        user="alice",
    )
    builder.add_condition(SystemCondition(SystemConditionType.INTERNET_AVAILABLE))
    builder.add_condition("docked", wanted=False)
    builder.add_cancel_on(CustomSystemEventTrigger(GONE, Recurrence.ONCE))
    builder.add_cancel_on(SystemTrigger(SystemTriggerType.USER_AWAY))

    made = registered(builder)

    assert made == Registration(
        name="lamp",
        triggers=(model.CustomSystemEventTrigger(Guid(GUID)),),
        run=Exec(arguments=(Template.parse("/usr/bin/lamp"),), environment={"LEVEL": "2"}, cwd="/var/tmp"),
        conditions=(Named("InternetAvailable"), Named("docked", wanted=False)),
        cancel_on_condition_loss=True,
        cancel_on=(Guid(GONE), SystemTriggerType.USER_AWAY),
        expires=12 * 3600 * 1_000_000,
        concurrency=Concurrency.QUEUE,
        max_running=2,
        queue_limit=5,
        run_limit=None,
        cancel_grace=30_000_000,
        retry=Retry(attempts=3, backoff=2_000_000),
        user="alice",
        group="desk",
        from_file=False,
        definition=made.definition,
    )


def test_each_trigger_is_the_daemons_of_the_same_name() -> None:
    builder = program()
    builder.set_trigger(EACH_TRIGGER[0][0])
    for trigger, _ in EACH_TRIGGER[1:]:
        builder.add_trigger(trigger)

    assert registered(builder).triggers == tuple(meant for _, meant in EACH_TRIGGER)


@pytest.mark.parametrize("trigger", [each for each, _ in EACH_TRIGGER], ids=lambda trigger: type(trigger).__name__)
def test_a_trigger_can_be_read_from_what_a_definition_says_of_it(trigger: Trigger) -> None:
    read = trigger_of(table_of(trigger))

    assert type(read) is type(trigger)
    assert table_of(read) == table_of(trigger)


def test_what_a_definition_leaves_out_is_as_the_daemon_takes_it() -> None:
    assert trigger_of({"custom": GUID}) == CustomSystemEventTrigger(GUID, Recurrence.ALWAYS)
    assert trigger_of({"time": "15m"}) == TimeTrigger("15m")
    assert trigger_of({"device_watcher": {"subsystem": "tty"}}) == DeviceWatcherTrigger({"subsystem": "tty"})


def test_to_set_a_trigger_takes_the_place_of_the_others() -> None:
    builder = program()
    builder.add_trigger(TimeTrigger("15m"))
    builder.set_trigger(TimeTrigger("1h"))

    assert registered(builder).triggers == (model.TimeTrigger(3_600_000_000),)


def test_a_python_class_is_recorded_with_interpreter_and_path() -> None:
    builder = BackgroundTaskBuilder("jack", task_entry_point="fabrikam.tasks:Jack", interpreter="/opt/python")
    builder.path = ["/opt/fabrikam", "/opt/lib"]
    builder.set_trigger(CustomSystemEventTrigger(GUID))

    assert registered(builder).run == Python(
        entry_point="fabrikam.tasks:Jack", interpreter="/opt/python", path=("/opt/fabrikam", "/opt/lib")
    )


def test_without_a_word_interpreter_and_path_are_those_of_the_process_that_registers() -> None:
    builder = BackgroundTaskBuilder("jack", task_entry_point="fabrikam.tasks:Jack")
    builder.set_trigger(CustomSystemEventTrigger(GUID))

    run = registered(builder).run

    assert isinstance(run, Python)
    assert run.interpreter is not None
    assert run.path


def test_a_class_that_a_server_has_is_named_by_its_clsid() -> None:
    builder = BackgroundTaskBuilder("sample")
    builder.set_task_entry_point_clsid("14c5882b-35d3-41be-86b2-5106269b97e6")
    builder.set_trigger(ApplicationTrigger())

    assert registered(builder).run == ServedClass(clsid=Guid("{14C5882B-35D3-41BE-86B2-5106269B97E6}"))


def test_a_name_of_a_rules_file_stands_for_a_trigger_where_one_says_so() -> None:
    assert table_of(CustomSystemEventTrigger.named("door")) == {"custom": "door", "recurrence": "always"}


@pytest.mark.parametrize("wrong", ["not-a-guid", "{9118718B-FF80-4AFE-BAF1}", "", None, "door"])
def test_what_is_no_guid_is_refused_with_what_was_given(wrong: Any) -> None:
    with pytest.raises(InvalidGuidError) as refused:
        CustomSystemEventTrigger(wrong)
    with pytest.raises(InvalidGuidError):
        BackgroundTaskBuilder("lamp").set_task_entry_point_clsid(wrong)

    assert str(refused.value) == f"{str(wrong)!r} is not a GUID such as {GUID}"


def test_what_is_no_trigger_and_no_condition_is_refused_when_it_is_given() -> None:
    builder, wrong = BackgroundTaskBuilder("lamp"), Any
    for give in (builder.set_trigger, builder.add_trigger, builder.add_cancel_on):
        with pytest.raises(InvalidValueError, match="is no trigger; there are CustomSystemEventTrigger, SystemTrigger"):
            give(wrong)
    with pytest.raises(InvalidValueError, match="is no condition: a SystemCondition, or the name"):
        builder.add_condition(wrong)


def test_a_word_in_the_place_of_a_member_is_refused_with_the_members_name() -> None:
    once: Any = "once"
    with pytest.raises(InvalidValueError) as refused:
        CustomSystemEventTrigger(GUID, once)

    assert str(refused.value) == "'once' is no Recurrence; write Recurrence.ONCE, ..."


def test_a_property_that_no_task_has_cannot_be_set() -> None:
    builder: Any = BackgroundTaskBuilder("lamp")

    with pytest.raises(AttributeError):
        builder.run_limt = "5s"
